// Package pgserver runs a PostgreSQL of a test's own: a fresh cluster in a temporary
// folder, on a free port of the loopback address. It needs initdb and pg_ctl, and when it is started
// by root, the user postgres, because PostgreSQL refuses to run as root.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL. Its superuser is "super", whom it trusts.
type Server struct {
	Port int

	bin, dir string
	cred     *syscall.Credential
	made     atomic.Int64 // databases
}

// Start makes a cluster and starts it. The caller stops it.
func Start(ctx context.Context) (s *Server, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return nil, errors.Join(err, errors.New("no PostgreSQL server is installed (package postgresql-15)"))
	}
	s = &Server{bin: found[len(found)-1]}
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
	data := filepath.Join(s.dir, "data")
	if err := s.run(ctx, "initdb", "-D", data, "-U", "super", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"); err != nil {
		return s, err
	}
	for range 3 { // another process may take the port before the server does
		if s.Port, err = freePort(); err != nil {
			return s, err
		}
		options := fmt.Sprintf("-c port=%d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c fsync=off -c max_connections=200", s.Port, s.dir)
		if err = s.run(ctx, "pg_ctl", "-D", data, "-w", "-t", "60", "-l", filepath.Join(s.dir, "log"), "-o", options, "start"); err == nil {
			return s, nil
		}
	}
	return s, err
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
	return fmt.Sprintf("host=127.0.0.1 port=%d user=super dbname=%s sslmode=disable", s.Port, database)
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
