package database

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"onerpm/internal/manifest"
	"onerpm/test/product/schema"
)

// password is in no error, log, argument or environment: tests look for it.
const password = `Cl0ud:ify's \pass`

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// server is a PostgreSQL of this test run's own.
type server struct {
	bin  string // of its programs
	home string // of the server's, when it is of another version
	dir  string
	port int
	cred *syscall.Credential
}

var postgres server

// logged is everything the package logged; no test's password may be in it.
var logged syncBuffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	usualPatience = patience{tries: 6, first: 50 * time.Millisecond, most: 400 * time.Millisecond}
	windowPatience, returnPatience = usualPatience, usualPatience
	code := 1
	if err := postgres.start(); err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL for the tests:", err)
	} else {
		code = m.Run()
	}
	if code == 0 && strings.Contains(logged.String(), password) {
		fmt.Fprintln(os.Stderr, "the log holds the password")
		code = 1
	}
	postgres.stop()
	os.Exit(code)
}

func (s *server) start() (err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return fmt.Errorf("none is installed: %w", errors.Join(err, os.ErrNotExist))
	}
	s.bin, s.home = found[len(found)-1], found[len(found)-1]
	if s.dir, err = os.MkdirTemp("", "database-test-*"); err != nil {
		return err
	}
	// To run these tests on another version: a folder with initdb, pg_ctl and postgres.
	if other := os.Getenv("POSTGRES_BIN"); other != "" {
		// A copy, as user postgres may not come to where the project lies.
		if err := os.CopyFS(filepath.Join(s.dir, "server"), os.DirFS(filepath.Dir(other))); err != nil {
			return err
		}
		s.home = filepath.Join(s.dir, "server", filepath.Base(other))
	}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	pwfile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o644); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	if err := s.run("initdb", "-D", data, "-U", "super", "-A", "md5", "--pwfile", pwfile, "-E", "UTF8", "--locale=C", "-N"); err != nil {
		return err
	}
	for range 3 { // another process may take the port before the server does
		if err = s.startOn(data); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	admin, err := sql.Open("pgx", s.dsn("super", "postgres"))
	if err != nil {
		return err
	}
	defer admin.Close()
	_, err = admin.Exec("CREATE ROLE cloudify LOGIN PASSWORD '" + strings.ReplaceAll(password, "'", "''") + "'")
	return err
}

// startOn starts the server on a port that is free. Autovacuum is off: a test reads statistics before and after.
func (s *server) startOn(data string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	options := fmt.Sprintf("-c port=%d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c fsync=off -c autovacuum=off -c max_connections=200 -c max_prepared_transactions=5", s.port, s.dir)
	return s.run("pg_ctl", "-D", data, "-w", "-t", "60", "-l", filepath.Join(s.dir, "log"), "-o", options, "start")
}

func (s *server) stop() {
	if s.dir != "" {
		_ = s.run("pg_ctl", "-D", filepath.Join(s.dir, "data"), "-m", "immediate", "-w", "stop")
		_ = os.RemoveAll(s.dir)
	}
}

func (s *server) run(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.home, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	if program == "pg_ctl" { // the server keeps its output open
		cmd.Stdout, cmd.Stderr = nil, nil
		return cmd.Run()
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

func (s *server) dsn(user, database string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable", s.port, user, quoted, database)
}

var databases atomic.Int64

// testbed is a database of one test, with the product's configuration file that leads to it.
type testbed struct {
	*testing.T
	name  string
	conf  string
	sql   *sql.DB // as the product's user
	super *sql.DB
	spec  manifest.Database
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	tb := &testbed{T: t, name: fmt.Sprintf("db%d", databases.Add(1)), conf: filepath.Join(t.TempDir(), "cloudify-rest.conf")}
	admin, err := sql.Open("pgx", postgres.dsn("super", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec("CREATE DATABASE " + tb.name + " OWNER cloudify"); err != nil {
		t.Fatal(err)
	}
	tb.sql, tb.super = tb.open("cloudify"), tb.open("super")
	tb.super.SetMaxOpenConns(5)
	tb.configure(postgres.port)
	tb.spec = manifest.Database{Name: "manager", Migrations: "migrations", Connection: manifest.Connection{
		File: tb.conf, Format: "yaml", Keys: manifest.ConnectionKeys{
			Host: "postgresql_host", Database: "postgresql_db_name", User: "postgresql_username", Password: "postgresql_password"}}}
	return tb
}

// configure writes the configuration as the product has it: a YAML flow mapping.
func (tb *testbed) configure(port int) {
	tb.Helper()
	text := fmt.Sprintf("{\n  # database\n  postgresql_db_name: '%s',\n  postgresql_host: '127.0.0.1:%d',\n  postgresql_username: 'cloudify',\n  postgresql_password: '%s',\n  ldap_dn_extra: {},\n}\n",
		tb.name, port, strings.ReplaceAll(password, "'", "''"))
	if err := os.WriteFile(tb.conf, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func (tb *testbed) open(user string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", postgres.dsn(user, tb.name))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// create fills the database as the product's release has it.
func (tb *testbed) create(release string, upgraded bool) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, postgres.dsn("cloudify", tb.name))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	o := schema.Options{Release: release, Upgraded: upgraded, Password: "admin"}
	o.Security.HashSalt, o.Security.EncodingAlphabet, o.Security.SecretKey = "salt", "abcdefghijklmnop", "key"
	if err := schema.Create(ctx, conn, o); err != nil {
		tb.Fatal(err)
	}
}

// exec runs SQL as the product's user.
func (tb *testbed) exec(query string, args ...any) {
	tb.Helper()
	if _, err := tb.sql.Exec(query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// value returns the one value of a query as text.
func (tb *testbed) value(query string) string {
	tb.Helper()
	var v sql.NullString
	if err := tb.super.QueryRow(query).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return v.String
}

func (tb *testbed) want(query, want string) {
	tb.Helper()
	if got := tb.value(query); got != want {
		tb.Errorf("%s: got %q, want %q", query, got, want)
	}
}

// attempt opens the database as the engine does.
func (tb *testbed) attempt() *DB {
	tb.Helper()
	db, err := Open(context.Background(), tb.spec, "cloudify-upgrade", "a1", manifest.Limits{LockTimeout: manifest.Duration(300 * time.Millisecond)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	return db
}

// dump is pg_dump's text without what differs every time and without our own schema.
func (tb *testbed) dump(args ...string) string {
	tb.Helper()
	cmd := exec.Command(filepath.Join(postgres.bin, "pg_dump"), append(args, "--exclude-schema=cloudify_upgrade", "--dbname="+postgres.dsn("super", tb.name))...)
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("pg_dump: %v", err)
	}
	lines := slices.DeleteFunc(strings.Split(string(out), "\n"), func(l string) bool {
		return strings.HasPrefix(l, `\restrict`) || strings.HasPrefix(l, `\unrestrict`)
	})
	return strings.Join(lines, "\n")
}

func (tb *testbed) schemaDump() string { tb.Helper(); return tb.dump("--schema-only") }

// dataDump is the data with its lines sorted: an update moves a row.
func (tb *testbed) dataDump() string {
	tb.Helper()
	lines := strings.Split(tb.dump("--data-only", "--inserts"), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// same fails with the lines that differ.
func (tb *testbed) same(what, got, want string) {
	tb.Helper()
	if got == want {
		return
	}
	count := map[string]int{}
	for _, l := range strings.Split(want, "\n") {
		count[l]++
	}
	var diff []string
	for _, l := range strings.Split(got, "\n") {
		if count[l]--; count[l] < 0 {
			diff = append(diff, "+"+l)
		}
	}
	for l, n := range count {
		if n > 0 {
			diff = append(diff, "-"+l)
		}
	}
	if len(diff) > 60 {
		diff = diff[:60]
	}
	tb.Errorf("%s differ:\n%s", what, strings.Join(diff, "\n"))
}

// folder writes migrations.
func (tb *testbed) folder(files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// jump reads a jump's spec as far as the database goes.
func (tb *testbed) jump(name string) (dir, checks string) {
	tb.Helper()
	top := filepath.Join("..", "..", "..", "specs", name)
	data, err := os.ReadFile(filepath.Join(top, "upgrade.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	var spec struct {
		Databases []manifest.Database `yaml:"databases"`
	}
	if err := yaml.Unmarshal(data, &spec); err != nil {
		tb.Fatal(err)
	}
	conn := tb.spec.Connection
	tb.spec = spec.Databases[0]
	tb.spec.Connection = conn
	return filepath.Join(top, tb.spec.Migrations), filepath.Join(top, tb.spec.Checks)
}
