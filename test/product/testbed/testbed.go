// Package testbed gives a test a database of the product on a PostgreSQL of the test
// run's own, with the product's configuration file that leads to it.
package testbed

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"onerpm/internal/manifest"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
)

// Password is in no error, log, argument or environment: Main looks for it.
const Password = `Cl0ud:ify's \pass`

// User is the product's own role, Prefix the product's, and Schema what the engine calls its own schema then.
const (
	User   = "cloudify"
	Prefix = "cloudify-upgrade"
	Schema = "cloudify_upgrade"
)

// Server is what the databases are on.
var Server *pgserver.Server

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

// Main runs a package's tests with a server; it fails when the log has the password in
// it. Autovacuum is off, as tests read statistics before and after.
func Main(m *testing.M, settings ...string) {
	var logged syncBuffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	code := 1
	var err error
	if Server, err = Start(settings...); err == nil {
		code = m.Run()
		err = Server.Stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL for the tests:", err)
		code = 1
	}
	if strings.Contains(logged.String(), Password) {
		fmt.Fprintln(os.Stderr, "the log holds the password")
		code = 1
	}
	os.Exit(code)
}

// Start starts a server with the product's role in it.
func Start(settings ...string) (*pgserver.Server, error) { return StartOf("", settings...) }

// StartOf is Start with the server's programs of a folder.
func StartOf(programs string, settings ...string) (s *pgserver.Server, err error) {
	ctx := context.Background()
	s, err = pgserver.StartWith(ctx, pgserver.Options{Programs: programs, Password: Password, Settings: append([]string{"autovacuum=off", "max_prepared_transactions=5"}, settings...)})
	if err != nil {
		return s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return s, err
	}
	defer conn.Close(ctx) //nolint:errcheck // the statement tells
	_, err = conn.Exec(ctx, "CREATE ROLE "+User+" LOGIN PASSWORD '"+strings.ReplaceAll(Password, "'", "''")+"'")
	return s, err
}

// Bed is a database of one test.
type Bed struct {
	*testing.T
	Name  string
	Conf  string  // the product's configuration file
	SQL   *sql.DB // as the product's role
	Super *sql.DB
	Spec  manifest.Database

	server *pgserver.Server
}

// New makes an empty database that belongs to the product's role.
func New(t *testing.T) *Bed { t.Helper(); return On(t, Server) }

// On is New on a server of the test's own, made by Start.
func On(t *testing.T, s *pgserver.Server) *Bed {
	t.Helper()
	name, err := s.NewDatabase(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b := &Bed{T: t, Name: name, Conf: filepath.Join(t.TempDir(), "cloudify-rest.conf"), server: s}
	b.SQL, b.Super = b.open("cloudify"), b.open("super")
	b.AsSuper("ALTER DATABASE " + name + " OWNER TO cloudify")
	b.Super.SetMaxOpenConns(5)
	b.Configure(s.Port)
	b.Spec = manifest.Database{Name: "manager", Migrations: "migrations", Programs: programsOf(s), Connection: manifest.Connection{
		File: b.Conf, Format: "yaml", Keys: manifest.ConnectionKeys{
			Host: "postgresql_host", Database: "postgresql_db_name", User: "postgresql_username", Password: "postgresql_password"}}}
	return b
}

// programsOf is where the engine does not find a server's client by itself.
func programsOf(s *pgserver.Server) []string {
	if strings.HasPrefix(s.Bin, "/usr/") {
		return nil
	}
	return []string{s.Bin}
}

// Server is what the database is on.
func (b *Bed) Server() *pgserver.Server { return b.server }

// Configure writes the configuration as the product has it: a YAML flow mapping.
func (b *Bed) Configure(port int) {
	b.Helper()
	text := fmt.Sprintf("{\n  # database\n  postgresql_db_name: '%s',\n  postgresql_host: '127.0.0.1:%d',\n  postgresql_username: 'cloudify',\n  postgresql_password: '%s',\n  ldap_dn_extra: {},\n}\n",
		b.Name, port, strings.ReplaceAll(Password, "'", "''"))
	b.Must(os.WriteFile(b.Conf, []byte(text), 0o600))
}

func (b *Bed) open(role string) *sql.DB {
	b.Helper()
	db, err := sql.Open("pgx", b.server.As(role, b.Name))
	b.Must(err)
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// Create fills the database as the product's release has it.
func (b *Bed) Create(release string, upgraded bool) {
	b.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, b.server.As("cloudify", b.Name))
	b.Must(err)
	defer conn.Close(ctx) //nolint:errcheck // what was created is looked at
	o := schema.Options{Release: release, Upgraded: upgraded, Password: "admin"}
	o.Security.HashSalt, o.Security.EncodingAlphabet, o.Security.SecretKey = "salt", "abcdefghijklmnop", "key"
	b.Must(schema.Create(ctx, conn, o))
}

// Fill adds what a host in use has, with so many rows of events and of logs.
func (b *Bed) Fill(release string, rows int) {
	b.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, b.server.As("cloudify", b.Name))
	b.Must(err)
	defer conn.Close(ctx) //nolint:errcheck // what was written is looked at
	r, ok := product.Find(release)
	if !ok {
		b.Fatalf("no release %s", release)
	}
	b.Must(sample.Fill(ctx, conn, sample.Options{Release: r, FileRoot: b.TempDir(), Bulk: rows, Deployments: 5}))
}

// Small makes a table t with a column b and a row.
func Small(t *testing.T) *Bed {
	t.Helper()
	b := New(t)
	b.Exec("CREATE TABLE t (id serial PRIMARY KEY, b text)")
	b.Exec("INSERT INTO t (b) VALUES ('card 4929-1234')")
	return b
}

// Exec runs SQL as the product's role.
func (b *Bed) Exec(query string, args ...any) {
	b.Helper()
	if _, err := b.SQL.Exec(query, args...); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

// AsSuper runs SQL as the superuser.
func (b *Bed) AsSuper(query string) {
	b.Helper()
	if _, err := b.Super.Exec(query); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

// Value returns the one value of a query as text.
func (b *Bed) Value(query string) string {
	b.Helper()
	var v sql.NullString
	if err := b.Super.QueryRow(query).Scan(&v); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	return v.String
}

// Want fails when a query does not answer as wanted.
func (b *Bed) Want(query, want string) {
	b.Helper()
	if got := b.Value(query); got != want {
		b.Errorf("%s: got %q, want %q", query, got, want)
	}
}

// WaitFor asks until a query answers with a row.
func (b *Bed) WaitFor(query string) (int, error) {
	for range 3000 {
		var n int
		if err := b.Super.QueryRow(query).Scan(&n); err == nil {
			return n, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 0, fmt.Errorf("never: %s", query)
}

// Must ends the test on an error.
func (b *Bed) Must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// Folder writes migrations.
func (b *Bed) Folder(files map[string]string) string {
	b.Helper()
	dir := b.TempDir()
	for name, text := range files {
		b.Must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

// Jump reads a jump's spec as far as the database goes. top is the project's folder.
func (b *Bed) Jump(top, name string) (dir, checks string) {
	b.Helper()
	folder := filepath.Join(top, "specs", name)
	data, err := os.ReadFile(filepath.Join(folder, "upgrade.yaml"))
	b.Must(err)
	var spec struct {
		Databases []manifest.Database `yaml:"databases"`
	}
	b.Must(yaml.Unmarshal(data, &spec))
	conn := b.Spec.Connection
	b.Spec = spec.Databases[0]
	b.Spec.Connection = conn
	b.Spec.Programs = append(b.Spec.Programs, programsOf(b.server)...)
	return filepath.Join(folder, b.Spec.Migrations), filepath.Join(folder, b.Spec.Checks)
}

// dump is pg_dump's text without what differs every time and without the engine's own schema.
func (b *Bed) dump(args ...string) []string {
	b.Helper()
	cmd := exec.Command(filepath.Join(b.server.Bin, "pg_dump"), append(args, "--exclude-schema="+Schema, "--dbname="+b.server.As("super", b.Name))...)
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("pg_dump: %v", err)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(l string) bool {
		return strings.HasPrefix(l, `\restrict`) || strings.HasPrefix(l, `\unrestrict`)
	})
}

// SchemaDump is the database's schema.
func (b *Bed) SchemaDump() string {
	b.Helper()
	return strings.Join(b.dump("--schema-only"), "\n")
}

// DataDump is the data with its lines sorted: an update moves a row.
func (b *Bed) DataDump() string {
	b.Helper()
	lines := b.dump("--data-only", "--inserts")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Same fails with the lines that differ.
func (b *Bed) Same(what, got, want string) {
	b.Helper()
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
	b.Errorf("%s differ:\n%s", what, strings.Join(diff[:min(60, len(diff))], "\n"))
}
