package dump

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"onerpm/test/product/testbed"
)

// TestServerThatIsKilledMeanwhile: PostgreSQL as a whole is killed while it is dumped. Nothing
// stands under the name of the dump, nothing is left, and the next one works.
func TestServerThatIsKilledMeanwhile(t *testing.T) {
	t.Parallel()
	server, err := testbed.Start()
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	tb := testbed.On(t, server)
	tb.Super.SetMaxIdleConns(0)
	tb.Exec("CREATE TABLE t (id int)")
	hold, err := tb.Super.Begin()
	must(t, err)
	_, err = hold.Exec("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
	must(t, err)
	killed := make(chan error, 1)
	go func() {
		_, err := tb.WaitFor("SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL")
		if err == nil {
			err = server.Kill()
		}
		killed <- err
	}()
	dir := t.TempDir()
	file := filepath.Join(dir, "x.dump")
	err = Write(context.Background(), attempt(tb), file)
	if err == nil || !strings.Contains(err.Error(), "pg_dump exited") || strings.Contains(err.Error(), testbed.Password) {
		t.Errorf("error %v", err)
	}
	must(t, <-killed)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	must(t, server.Restart(context.Background()))
	must(t, Write(context.Background(), attempt(tb), file))
}

// TestWhatAKilledDumpLeft is out of the next one's way, whatever it is.
func TestWhatAKilledDumpLeft(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	for name, leave := range map[string]func(part, elsewhere string) error{
		"a part":   func(part, _ string) error { return os.WriteFile(part, []byte("cut"), 0o644) },
		"a link":   func(part, elsewhere string) error { return os.Symlink(elsewhere, part) },
		"a pipe":   func(part, _ string) error { return syscall.Mkfifo(part, 0o666) },
		"a folder": func(part, _ string) error { return os.Mkdir(part, 0o755) },
	} {
		dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "precious")
		must(t, os.WriteFile(elsewhere, []byte("precious"), 0o644))
		must(t, leave(filepath.Join(dir, "x.dump.part"), elsewhere))
		must(t, os.WriteFile(filepath.Join(dir, ".pgpass.123"), []byte("host:1:d:u:password\n"), 0o600))
		file := filepath.Join(dir, "x.dump")
		if err := Write(context.Background(), attempt(tb), file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		left, err := os.ReadDir(dir)
		must(t, err)
		if len(left) != 1 || left[0].Name() != "x.dump" || left[0].Type() != 0 {
			t.Errorf("%s: in the folder is %v", name, left)
		}
		if text, err := os.ReadFile(elsewhere); err != nil || string(text) != "precious" {
			t.Errorf("%s: written through a link: %q, %v", name, text, err)
		}
	}
}

// TestDumpThatCannotTakeItsName leaves nothing.
func TestDumpThatCannotTakeItsName(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "x.dump")
	must(t, os.MkdirAll(filepath.Join(file, "in the way"), 0o755))
	if err := Write(context.Background(), attempt(tb), file); err == nil {
		t.Error("it was written over a folder")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	if err := Write(context.Background(), attempt(tb), filepath.Join(dir, "nowhere", "x.dump")); err == nil {
		t.Error("it was written into a folder that is not there")
	}
}

// TestCancelled: the admin's wish to go back ends a dump, which leaves nothing.
func TestCancelled(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	hold, err := tb.Super.Begin()
	must(t, err)
	defer hold.Rollback()
	_, err = hold.Exec("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = tb.WaitFor("SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
		cancel()
	}()
	dir := t.TempDir()
	if err := Write(ctx, attempt(tb), filepath.Join(dir, "x.dump")); err == nil || !strings.Contains(err.Error(), "was ended") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestProgramsThatOthersCanChange are not run: the engine is root.
func TestProgramsThatOthersCanChange(t *testing.T) {
	tb := testbed.Small(t)
	ran := filepath.Join(t.TempDir(), "ran")
	wrap(t, "touch "+ran+"; exec $real \"$@\"", `exec $real "$@"`)
	dir := Folders[0]
	for what, change := range map[string]func(undo bool) error{
		"the folder": func(undo bool) error { return os.Chmod(dir, map[bool]os.FileMode{true: 0o755, false: 0o777}[undo]) },
		"pg_dump": func(undo bool) error {
			return os.Chmod(filepath.Join(dir, "pg_dump"), map[bool]os.FileMode{true: 0o755, false: 0o775}[undo])
		},
		"pg_restore": func(undo bool) error {
			return os.Chown(filepath.Join(dir, "pg_restore"), map[bool]int{true: 0, false: 4711}[undo], 0)
		},
	} {
		must(t, change(false))
		if _, err := Client(context.Background(), attempt(tb)); err == nil || !strings.Contains(err.Error(), "others than root can change") {
			t.Errorf("%s: error %v", what, err)
		}
		must(t, change(true))
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("one was run")
	}
	if _, err := Client(context.Background(), attempt(tb)); err != nil {
		t.Error(err)
	}
}

// TestLinkThatOthersCanChange: whoever may write in its folder leads it elsewhere.
func TestLinkThatOthersCanChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "pg_dump")
	must(t, os.Symlink("/bin/true", link))
	must(t, os.Chmod(dir, 0o755))
	must(t, trusted(link))
	must(t, os.Chmod(dir, 0o777))
	if err := trusted(link); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
}

// TestProgramsOfTheSpec are taken besides the usual ones, by pattern; what does not run is told.
func TestProgramsOfTheSpec(t *testing.T) {
	tb := testbed.Small(t)
	wrap(t, "exit 127", `exec $real "$@"`) // as a program does whose libraries are not found
	_, err := Client(context.Background(), attempt(tb))
	if err == nil || !strings.Contains(err.Error(), "status 127") {
		t.Errorf("error %v", err)
	}
	tb.Spec.Programs = []string{"/nowhere/*", filepath.Dir(testbed.Server.Bin) + "/bi?"}
	db := attempt(tb)
	if bin, err := Client(context.Background(), db); err != nil || bin != testbed.Server.Bin {
		t.Errorf("%s, %v", bin, err)
	}
	must(t, Write(context.Background(), db, filepath.Join(t.TempDir(), "x.dump")))
}

func TestLoad(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := testbed.Small(t)
	file := filepath.Join(t.TempDir(), "x.dump")
	must(t, Write(ctx, attempt(tb), file))
	back := testbed.New(t)
	must(t, Load(ctx, attempt(back), file))
	back.Want("SELECT count(*) FROM t", "1")
	text := filepath.Join(t.TempDir(), "x.sql")
	must(t, os.WriteFile(text, []byte("CREATE TABLE u (id int);\nINSERT INTO u VALUES (1);\n"), 0o600))
	must(t, Load(ctx, attempt(back), text))
	back.Want("SELECT count(*) FROM u", "1")
	must(t, os.WriteFile(text, []byte("x"), 0o600)) // shorter than what a dump begins with
	for _, bad := range []string{text, filepath.Join(t.TempDir(), "nowhere")} {
		if err := Load(ctx, attempt(back), bad); err == nil {
			t.Errorf("%s was loaded", bad)
		}
	}
}
