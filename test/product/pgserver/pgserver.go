// Package pgserver runs a PostgreSQL of a test's own: a fresh cluster in a temporary
// folder, on a free port of the loopback address. It needs initdb and pg_ctl, and when it is started
// by root, the user postgres, because PostgreSQL refuses to run as root.
package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL. Its superuser is "super".
type Server struct {
	Port int
	Bin  string // folder of the programs of a client: the server's own, or those installed where POSTGRES_BIN has none

	bin, dir string
	options  Options
	cred     *syscall.Credential
	made     atomic.Int64 // databases
}

// Options are what a server is started with.
type Options struct {
	Programs string   // folder of the server's programs (initdb, pg_ctl, postgres); without one POSTGRES_BIN decides, then what is installed
	Password string   // of super; without one everybody is trusted
	Settings []string // name=value; without fsync=on, fsync is off
}

// Start makes a cluster that trusts everybody, and starts it. The caller stops it.
func Start(ctx context.Context) (*Server, error) { return StartWith(ctx, Options{}) }

// StartWith makes a cluster and starts it. The caller stops it. POSTGRES_BIN names the
// folder of another version's server (initdb, pg_ctl, postgres).
func StartWith(ctx context.Context, o Options) (s *Server, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return nil, errors.Join(err, errors.New("no PostgreSQL server is installed (package postgresql-15)"))
	}
	s = &Server{bin: found[len(found)-1], Bin: found[len(found)-1], options: o}
	if s.dir, err = os.MkdirTemp("", "pgserver-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if os.Getuid() == 0 {
		if err := s.becomePostgres(); err != nil {
			return s, err
		}
	}
	switch other := cmp.Or(o.Programs, os.Getenv("POSTGRES_BIN")); {
	case other == "":
	case strings.HasPrefix(other, "/usr/"):
		s.bin = other
	default: // a copy, as user postgres may not come to where the project lies
		if err := os.CopyFS(filepath.Join(s.dir, "server"), os.DirFS(filepath.Dir(other))); err != nil {
			return s, err
		}
		s.bin = filepath.Join(s.dir, "server", filepath.Base(other))
		if _, err := os.Stat(filepath.Join(s.bin, "pg_dump")); err == nil {
			s.Bin = s.bin
		}
	}
	if err := s.initdb(ctx); err != nil {
		return s, err
	}
	for range 3 { // another process may take the port before the server does
		if s.Port, err = freePort(); err != nil {
			return s, err
		}
		if err = s.Restart(ctx); err == nil {
			return s, nil
		}
	}
	return s, err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initdb(ctx context.Context) error {
	args := []string{"-D", s.data(), "-U", "super", "-E", "UTF8", "--locale=C", "-N"}
	if s.options.Password == "" {
		return s.run(ctx, "initdb", append(args, "-A", "trust")...)
	}
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(s.options.Password+"\n"), 0o644); err != nil {
		return err
	}
	return s.run(ctx, "initdb", append(args, "-A", "md5", "--pwfile", file)...)
}

// Restart starts the server again, on the same port, after Kill. It waits by asking the server:
// pg_ctl -w of 9.6 says after a crash that the server did not start, while it is up.
func (s *Server) Restart(ctx context.Context) error {
	settings := append([]string{"port=" + strconv.Itoa(s.Port), "listen_addresses=127.0.0.1", "unix_socket_directories=" + s.dir, "fsync=off", "max_connections=200"}, s.options.Settings...)
	log := filepath.Join(s.dir, "log")
	err := s.run(ctx, "pg_ctl", "-D", s.data(), "-W", "-l", log, "-o", "-c "+strings.Join(settings, " -c "), "start")
	if err == nil {
		err = s.answers(ctx)
	}
	if err != nil {
		said, _ := os.ReadFile(log) // only for the message
		err = fmt.Errorf("%w: %s", err, said[max(0, len(said)-2000):])
	}
	return err
}

// answers waits a minute at most for this server, not another one on its port, to answer.
func (s *Server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		data, err := s.dataDirectory(ctx)
		switch {
		case err == nil && data == s.data():
			return nil
		case err == nil:
			return fmt.Errorf("another PostgreSQL answers on port %d: its data are in %s", s.Port, data)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer on port %d: %w", s.Port, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) dataDirectory(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the query below tells
	var data string
	return data, conn.QueryRow(ctx, "SHOW data_directory").Scan(&data)
}

func (s *Server) becomePostgres() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, uid, gid)
}

// Kill ends the server as a whole, as a crash does: nothing that only memory held is
// written any more. With fsync off the kernel still has what was written.
func (s *Server) Kill() error {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	if err != nil {
		return err
	}
	if err := syscall.Kill(postmaster, syscall.SIGKILL); err != nil {
		return err
	}
	for _, child := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
	for alive := true; alive; { // the next one refuses to start as long as one has the shared memory
		alive = false
		for _, child := range strings.Fields(string(children)) {
			stat, err := os.ReadFile("/proc/" + child + "/stat")
			_, after, _ := strings.Cut(string(stat), ") ")
			alive = alive || err == nil && !strings.HasPrefix(after, "Z")
		}
		time.Sleep(5 * time.Millisecond)
	}
	// A dead postmaster that nobody has waited for yet still counts as one in these.
	return errors.Join(os.Remove(filepath.Join(s.data(), "postmaster.pid")), os.Remove(filepath.Join(s.dir, ".s.PGSQL."+strconv.Itoa(s.Port)+".lock")))
}

// freePort asks the kernel for a port that nobody has.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// run runs one of the server's programs. Its output goes to a file: a server that pg_ctl
// leaves behind would keep a pipe open.
func (s *Server) run(ctx context.Context, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := os.CreateTemp(s.dir, program+"-*")
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // only for the message below
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name()) // what it said is only for the message
		return fmt.Errorf("%s: %w: %s", program, err, said)
	}
	return nil
}

// Stop stops the server and removes all it had.
func (s *Server) Stop() error {
	var err error
	if _, statErr := os.Stat(filepath.Join(s.dir, "data", "postmaster.pid")); statErr == nil {
		err = s.run(context.Background(), "pg_ctl", "-D", filepath.Join(s.dir, "data"), "-m", "immediate", "-w", "stop")
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Address returns host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// DSN returns the connection string for the superuser.
func (s *Server) DSN(database string) string {
	return s.As("super", database)
}

// As returns the connection string for a role, whose password is super's.
func (s *Server) As(role, database string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s.options.Password)
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable", s.Port, role, quoted, database)
}

// NewDatabase makes an empty database and returns its name.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the statement below tells
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return name, err
}
