package dump

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/test/product/testbed"
	"onerpm/test/script"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// attempt opens the database as the engine does.
func attempt(tb *testbed.Bed) *database.DB {
	tb.Helper()
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDump(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	tb.Create("4.1.1", true)
	tb.Exec("INSERT INTO groups (name) VALUES ('kept')")
	file := filepath.Join(t.TempDir(), "manager.dump")
	must(t, Write(context.Background(), attempt(tb), file))
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("left beside the dump: %v", entries)
	}
	back := testbed.New(t)
	must(t, Load(context.Background(), attempt(back), file))
	tb.Same("schemas", back.SchemaDump(), tb.SchemaDump())
	tb.Same("data", back.DataDump(), tb.DataDump())
}

// wrap puts programs in front of the real pg_dump and pg_restore.
func wrap(t *testing.T, dump, restore string) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{"pg_dump": dump, "pg_restore": restore} {
		text := "#!/bin/sh\nreal=" + filepath.Join(testbed.Server.Bin, name) + "\n" + body + "\n"
		must(t, script.Write(filepath.Join(dir, name), text))
	}
	usual := Folders
	Folders = []string{dir}
	t.Cleanup(func() { Folders = usual })
}

// The tests below change where pg_dump is looked for and so run alone.

func TestDumpHidesThePassword(t *testing.T) {
	tb := testbed.Small(t)
	seen := filepath.Join(t.TempDir(), "seen")
	spy := fmt.Sprintf(`{ tr '\0' '\n' </proc/$$/cmdline; env; ls -l "$PGPASSFILE"; } >>%s
exec $real "$@"`, seen)
	wrap(t, spy, spy)
	must(t, Write(context.Background(), attempt(tb), filepath.Join(t.TempDir(), "x.dump")))
	text, err := os.ReadFile(seen)
	must(t, err)
	if !strings.Contains(string(text), "PGDATABASE="+tb.Name) || !strings.Contains(string(text), "-rw-------") {
		t.Errorf("seen: %s", text)
	}
	if strings.Contains(string(text), "Cl0ud") {
		t.Errorf("the testbed.Password is in the arguments or the environment")
	}
}

func TestDumpThatIsCutShort(t *testing.T) {
	tb := testbed.Small(t)
	tb.Exec("INSERT INTO t (b) SELECT md5(i::text) FROM generate_series(1, 20000) i")
	wrap(t, `$real "$@" || exit
for a; do case $a in --file=*) truncate -s -2000 "${a#--file=}";; esac; done`, `exec $real "$@"`)
	file := filepath.Join(t.TempDir(), "x.dump")
	err := Write(context.Background(), attempt(tb), file)
	if err == nil || !strings.Contains(err.Error(), "read the dump back") {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestDumpByAnOlderProgram(t *testing.T) {
	tb := testbed.Small(t)
	wrap(t, `[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 8.4.1" || exec $real "$@"`, `exec $real "$@"`)
	err := Write(context.Background(), attempt(tb), filepath.Join(t.TempDir(), "x.dump"))
	if err == nil || !strings.Contains(err.Error(), "no pg_dump for PostgreSQL ") || !strings.Contains(err.Error(), "(8.4)") {
		t.Errorf("error %v", err)
	}
}

func TestDumpVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"pg_dump (PostgreSQL) 9.5.3\n":                          9.5,
		"pg_dump (PostgreSQL) 9.6.24":                           9.6,
		"pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"pg_dump (PostgreSQL) 18beta1":                          18,
	} {
		if got, ok := parseDumpVersion(text); !ok || got != want {
			t.Errorf("%q: %v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "pg_dump", "pg_dump (PostgreSQL) ", "pg_dump (PostgreSQL) x.y"} {
		if got, ok := parseDumpVersion(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
	for num, want := range map[int64]float64{90503: 9.5, 90624: 9.6, 100004: 10, 150018: 15} {
		if got := major(num); got != want {
			t.Errorf("%d: %v", num, got)
		}
	}
}
