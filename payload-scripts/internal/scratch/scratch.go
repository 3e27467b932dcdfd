// Package scratch runs a PostgreSQL server of the engine's own with a copy of a database.
package scratch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/programs"
)

const (
	scratchStart = time.Minute      // for a new server to answer
	scratchStop  = 20 * time.Second // for it to end when asked
	restoreLimit = 12 * time.Hour
)

// Server is a PostgreSQL server of our own with a copy of one database in it. It
// has no network, only a socket in a folder that nobody but root and its own user
// can enter, and it ends with this process. The product's server has no part in it
// but for the dump that the copy was made of.
type Server struct {
	like  like
	open  func(ctx context.Context, role, name string) (*database.DB, error)
	dir   string
	bin   string
	admin string // the server's superuser, whose name no role of the product has
	cred  *syscall.Credential
	ended chan struct{} // closed when the server has ended
	child *os.Process
}

// Make makes a server of the same version as db's under folder, which must
// exist and be root's alone, and puts the dump of the whole database in file into it:
// rows, rights, roles. It fails where Available does.
// The server and its files are gone after Close.
func Make(ctx context.Context, db *database.DB, folder, file string) (s *Server, err error) {
	s = &Server{dir: filepath.Join(folder, "postgresql")}
	s.open = func(ctx context.Context, role, name string) (*database.DB, error) {
		return db.OpenCopy(ctx, s.dir, role, name)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("make a scratch copy of %s: %w", db, errors.Join(err, s.Close()))
		}
	}()
	if s.bin, err = serverPrograms(ctx, db); err != nil {
		return s, err
	}
	if s.like, err = likeOf(ctx, db, s.dir); err != nil {
		return s, err
	}
	if err = s.run(ctx); err != nil {
		return s, err
	}
	return s, s.restore(ctx, file)
}

// Spec is a database that is not there yet.
type Spec struct {
	manifest.Database
	To     connection.Address // where it will be
	Prefix string             // of the sessions' names
	Limits manifest.Limits
}

// New makes a server with the programs of this host under folder, as Make does, and an empty
// database in it for one that is not there yet. It fails with ErrNoServer where there are none.
func New(ctx context.Context, spec Spec, folder string) (s *Server, err error) {
	s = &Server{dir: filepath.Join(folder, "postgresql"), like: like{
		user: spec.To.User, database: spec.To.Database, encoding: "UTF8", locale: [2]string{"C", "C"},
		sql: []string{
			"CREATE ROLE " + pgx.Identifier{spec.To.User}.Sanitize() + " LOGIN",
			"CREATE DATABASE " + pgx.Identifier{spec.To.Database}.Sanitize() + " TEMPLATE template0 OWNER " + pgx.Identifier{spec.To.User}.Sanitize(),
		}}}
	s.open = func(ctx context.Context, role, name string) (*database.DB, error) {
		to := connection.Address{Host: s.dir, Port: 5432, Database: name, User: role}
		return database.OpenAt(ctx, spec.Database, to, spec.Prefix, "scratch", spec.Limits)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("make a scratch server for %s: %w", spec.To, errors.Join(err, s.Close()))
		}
	}()
	if s.bin, err = dump.Oldest(ctx, spec.Database, 0); err != nil {
		return s, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	if err = serves(s.bin); err != nil {
		return s, err
	}
	return s, s.run(ctx)
}

// run makes and starts the server, with its roles and its empty database.
func (s *Server) run(ctx context.Context) error {
	if err := s.init(ctx); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.roles(ctx)
}

// Available tells why no server can be made for a copy of db on this host, nil when one can.
func Available(ctx context.Context, db *database.DB) error {
	if _, err := serverPrograms(ctx, db); err != nil {
		return err
	}
	_, err := serverUser()
	return err
}

// serverPrograms finds the folder of a server's programs.
func serverPrograms(ctx context.Context, db *database.DB) (string, error) {
	bin, err := dump.Client(ctx, db)
	if err != nil {
		return "", err
	}
	return bin, serves(bin)
}

// serves tells why a folder of programs makes no server, nil when it does.
func serves(bin string) error {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
			return fmt.Errorf("%w: %s has PostgreSQL's client programs only; the server's are needed for a copy", ErrNoServer, bin)
		}
	}
	return nil
}

// ErrNoServer is returned where only the programs of a PostgreSQL client are.
var ErrNoServer = errors.New("no PostgreSQL server on this host")

// init makes the folder and an empty server in it, with the same encoding and locale.
func (s *Server) init(ctx context.Context) error {
	own := make([]byte, 6)
	if _, err := rand.Read(own); err != nil {
		return err
	}
	s.admin = "scratch_" + hex.EncodeToString(own)
	var err error
	if s.cred, err = serverUser(); err != nil {
		return err
	}
	// The server's user must come through the folders above, but see nothing in them.
	if err := os.Chmod(filepath.Dir(s.dir), 0o711); err != nil {
		return err
	}
	for _, dir := range append([]string{s.dir}, s.like.folders...) {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if err := os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			return err
		}
	}
	_, err = s.program(ctx, "initdb", 5*time.Minute, "--pgdata", s.data(), "--username", s.admin, "--auth", "trust", "--no-sync",
		"--encoding", s.like.encoding, "--lc-collate", s.like.locale[0], "--lc-ctype", s.like.locale[1])
	return err
}

// serverUser is the user that PostgreSQL's packages make; its server refuses to be root.
func serverUser() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// program runs one of PostgreSQL's programs as the server's user.
func (s *Server) program(ctx context.Context, program string, limit time.Duration, args ...string) (programs.Result, error) {
	return programs.Run(ctx, programs.Cmd{Name: filepath.Join(s.bin, program), Args: args, Timeout: limit, User: s.cred,
		Env: []string{"PGHOST=" + s.dir, "PGPORT=5432", "PGUSER=" + s.admin}})
}

// connections is how many the copy's server takes.
const connections = 20

// start starts the server as a child that does not outlive this process.
func (s *Server) start(ctx context.Context) error {
	args := []string{"-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "port=5432", "-c", "max_connections=" + strconv.Itoa(connections),
		"-c", "logging_collector=off", "-c", "max_wal_senders=0"}
	for _, setting := range s.like.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(filepath.Dir(s.dir), "postgresql.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the child has its own
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Env, cmd.Dir = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}, s.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Setpgid: true, Pdeathsig: syscall.SIGQUIT} // which ends it and its children at once
	began := make(chan error)
	s.ended = make(chan struct{})
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that made the child
		err := cmd.Start()
		s.child = cmd.Process
		began <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
		close(s.ended)
	}()
	if err := <-began; err != nil {
		return fmt.Errorf("start a scratch PostgreSQL: %w", err)
	}
	return s.answers(ctx, log.Name())
}

// answers waits until the server does.
func (s *Server) answers(ctx context.Context, log string) error {
	deadline := time.Now().Add(scratchStart)
	for {
		_, err := s.program(ctx, "pg_isready", 10*time.Second, "--quiet", "--dbname", "postgres")
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			said, _ := os.ReadFile(log)
			return fmt.Errorf("start a scratch PostgreSQL: it ended: %s", database.Short(string(said)))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("start a scratch PostgreSQL: no answer within %s", scratchStart)
		}
	}
}

// Open connects to the copy as the role that the product and its migrations use.
func (s *Server) Open(ctx context.Context) (*database.DB, error) {
	return s.as(ctx, s.like.user, s.like.database)
}

// as connects as a role of the scratch server.
func (s *Server) as(ctx context.Context, role, name string) (*database.DB, error) {
	db, err := s.open(ctx, role, name)
	if err != nil {
		return nil, fmt.Errorf("the scratch copy: %w", err)
	}
	return db, nil
}

// restore fills the copy, and gathers statistics as the product's server has them.
func (s *Server) restore(ctx context.Context, file string) error {
	name := s.like.database
	if err := os.Chown(file, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
		return err
	}
	jobs := strconv.Itoa(min(4, runtime.NumCPU()))
	if name == "postgres" { // it is there from the start
		return errors.New("the database named postgres cannot be copied")
	}
	if _, err := s.program(ctx, "pg_restore", restoreLimit, "--no-password", "--exit-on-error", "--jobs", jobs, "--dbname", name, file); err != nil {
		return fmt.Errorf("restore the dump: %w", err)
	}
	admin, err := s.as(ctx, s.admin, name)
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.Pool.ExecContext(ctx, "ANALYZE"); err != nil {
		return database.Explain(err)
	}
	return nil
}

// Ended reports whether the server is gone, though nobody closed it: what failed then says nothing about a migration.
func (s *Server) Ended() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// Close ends the server and removes all of it. It does nothing the second time.
func (s *Server) Close() error {
	if s.child != nil {
		_ = s.child.Signal(syscall.SIGINT) // fast shutdown: sessions are ended
		select {
		case <-s.ended:
		case <-time.After(scratchStop):
			_ = s.child.Signal(syscall.SIGQUIT)
			<-s.ended
		}
		s.child = nil
	}
	return errors.Join(os.RemoveAll(s.dir), os.RemoveAll(s.dir+".log"))
}
