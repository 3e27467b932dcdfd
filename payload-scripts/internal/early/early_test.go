package early

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/script"
	"onerpm/test/systemdtest"
)

// world is a host on which a database comes early.
type world struct {
	*rpmtest.World
	t     *testing.T
	sm    *systemdtest.Manager
	conn  *systemd.Conn
	disk  journal.Record
	full  bool // the journal cannot be written
	setup string
}

// setup makes the database's folder, slowly, and once only, as an initdb does.
const setup = `#!/bin/sh
data=$1/var/lib/sql/data
[ ! -e "$data" ] || { echo "$data is there already" >&2; exit 1; }
mkdir -p "$data/base"
echo made >"$data/VERSION"
echo "$(id -u)" >>"$1/setups"
[ ! -e "$1/stuck" ] || exec sleep 600
[ ! -e "$1/fails" ] || { echo "no space for it" >&2; exit 3; }
echo done >"$data/base/1"
`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, World: rpmtest.New(t,
		[]rpmtest.Package{{Name: "rest", Version: "1", Files: []rpmtest.File{{Path: "/opt/rest/rest.py", Body: "1"}}}},
		[]rpmtest.Package{
			{Name: "rest", Version: "2", Requires: []string{"sql"}, Files: []rpmtest.File{{Path: "/opt/rest/rest.py", Body: "2"}}},
			{Name: "sql", Version: "9", Early: true, Files: []rpmtest.File{{Path: "/usr/sql/bin/server", Body: "bin"}, {Path: "/var/lib/sql", Dir: true}}},
		})}
	w.Install(t)
	w.setup = filepath.Join(t.TempDir(), "initdb")
	if err := script.Write(w.setup, setup); err != nil {
		t.Fatal(err)
	}
	w.Manifest.EarlyServices = []manifest.EarlyService{
		{Unit: "sql", Setup: w.setup + " " + w.Root, Timeout: manifest.Duration(time.Minute), Makes: []string{"/var/lib/sql/data"}},
		{Unit: "sql-agent"},
	}
	if err := os.MkdirAll(w.Root+"/etc/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	w.sm = systemdtest.New(t, w.Root, systemdtest.Unit{Name: "sql", File: "disabled"}, systemdtest.Unit{Name: "sql-agent", File: "disabled"})
	var err error
	if w.conn, err = systemd.New(t.Context(), w.sm.Dial); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.conn.Close)
	w.disk = journal.Record{ID: "x", Phase: journal.Preparing}
	return w
}

// process is what an engine that is started now works with.
func (w *world) process() *Early {
	set := packages.Early(w.Manifest, w.Dir, filepath.Join(w.Var, "packages-early"), w.Root)
	return &Early{
		Packages: set, Units: w.Manifest.EarlyServices,
		Services: service.New(w.Manifest, layout.Places{Prefix: w.Manifest.Prefix, Root: w.Root}, w.conn),
		Room:     hook.Room{Manifest: w.Manifest, Attempt: "x" + w.Var, Var: w.Var},
		Journal: journal.New(w.disk, func(r journal.Record) error {
			if w.full {
				return errors.New("the disk is full")
			}
			w.disk = r
			return nil
		}),
	}
}

// shot is what is on the host below /etc, /opt, /usr and /var.
func (w *world) shot() string {
	w.t.Helper()
	var all []string
	for _, top := range []string{"/etc", "/opt", "/usr", "/var"} {
		err := filepath.WalkDir(w.Root+top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || strings.Contains(path, "rpm") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			all = append(all, fmt.Sprintf("%s %s %q", path, info.Mode(), w.Read(strings.TrimPrefix(path, w.Root))))
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.t.Fatal(err)
		}
	}
	return strings.Join(all, "\n")
}

func (w *world) states() string {
	return fmt.Sprint(w.sm.State("sql"), " ", w.sm.State("sql-agent"))
}

func (w *world) ok(errs ...error) {
	w.t.Helper()
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

// isThere demands that everything has come.
func (w *world) isThere() {
	w.t.Helper()
	if got := w.Read("/usr/sql/bin/server") + w.Read("/var/lib/sql/data/VERSION") + w.Read("/var/lib/sql/data/base/1"); got != "binmade\ndone\n" {
		w.t.Errorf("there is %q", got)
	}
	if got := w.states(); got != "active active" {
		w.t.Errorf("the services are %s", got)
	}
	if got := w.Read("/opt/rest/rest.py"); got != "1" {
		w.t.Errorf("the old release is %q", got)
	}
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.shot()
	w.ok(w.process().Remove(t.Context())) // of an attempt that never came so far
	for range 2 {                         // the second process finds all as it must be
		e := w.process()
		w.ok(e.Install(t.Context()), e.Start(t.Context()))
		w.isThere()
	}
	if got := w.Read("/setups"); strings.Count(got, "\n") != 1 {
		t.Errorf("the setup ran for %q", got)
	}
	log := strings.Join(w.sm.Log(), ", ")
	if want := "reload, enable sql.service, start sql.service, reload, enable sql-agent.service, start sql-agent.service"; !strings.HasPrefix(log, want) {
		t.Errorf("systemd did %s", log)
	}
	for range 2 {
		w.ok(w.process().Remove(t.Context()))
		if got := w.states(); got != "inactive inactive" {
			t.Errorf("the services are %s", got)
		}
		if after := w.shot(); after != before {
			t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
		}
	}
	if log := w.sm.Log(); !slices.Contains(log, "disable sql.service") || !slices.Contains(log, "disable sql-agent.service") ||
		slices.Index(log, "stop sql-agent.service") > slices.Index(log, "stop sql.service") {
		t.Errorf("systemd did %v", log)
	}
}

// TestFileGone: an engine that was killed while rpm erased finds a unit whose file is gone. What
// systemd says of it is what it has read before.
func TestFileGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.shot()
	w.ok(w.process().Install(t.Context()), w.process().Start(t.Context()))
	w.sm.Change("sql", func(u *systemdtest.Unit) { u.Gone = true })
	w.sm.Log()
	w.ok(w.process().Remove(t.Context()))
	if after := w.shot(); after != before {
		t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
	}
	if log := strings.Join(w.sm.Log(), ", "); log != "stop sql-agent.service, reload, disable sql-agent.service, stop sql.service, reload, reload" {
		t.Errorf("systemd did %s", log)
	}
}

// TestNothing is a jump in which nothing comes early.
func TestNothing(t *testing.T) {
	t.Parallel()
	e := &Early{}
	if err := errors.Join(e.Install(t.Context()), e.Start(t.Context()), e.Remove(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestSetupFails, and is done again as if it never was.
func TestSetupFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.shot()
	w.Write(t, "/fails", "")
	e := w.process()
	w.ok(e.Install(t.Context()))
	if err := e.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "set sql up: ") || !strings.Contains(err.Error(), "no space for it") {
		t.Fatalf("the error is %v", err)
	}
	if got := w.states(); got != "inactive inactive" {
		t.Errorf("the services are %s", got)
	}
	w.ok(os.Remove(w.Root + "/fails"))
	e = w.process()
	w.ok(e.Install(t.Context()), e.Start(t.Context()))
	w.isThere()
	w.ok(w.process().Remove(t.Context()))
	if after := w.shot(); after != before {
		t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
	}
}

// TestKilledInTheSetup: the setup goes on when its engine is killed; the next one ends it first.
func TestKilledInTheSetup(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		w := newWorld(t)
		before := w.shot()
		w.Write(t, "/stuck", "")
		w.ok(w.process().Install(t.Context()))
		ended := make(chan error)
		go func() { ended <- w.process().Start(t.Context()) }() // the engine that is killed: nobody waits for what it says
		for strings.Count(w.Read("/setups"), "\n") == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		w.ok(os.Remove(w.Root + "/stuck"))
		e := w.process()
		if back {
			w.ok(e.Remove(t.Context()))
			if after := w.shot(); after != before {
				t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
			}
		} else {
			w.ok(e.Start(t.Context()))
			w.isThere()
		}
		if err := <-ended; err == nil {
			t.Error("the first setup came to its end")
		}
	}
}

// TestNotNoted: nothing is installed of which the journal does not know.
func TestNotNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.shot()
	w.full = true
	if err := w.process().Install(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the error is %v", err)
	}
	if after := w.shot(); after != before {
		t.Errorf("it installed\n%s", after)
	}
}

// TestSomethingIsThere where the packages or their services put something: nothing begins.
func TestSomethingIsThere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/usr/sql/bin/server", "/var/lib/sql/data/of-another"} {
		w := newWorld(t)
		w.Write(t, path, "of the host")
		before := w.shot()
		if err := w.process().Install(t.Context()); err == nil || !strings.Contains(err.Error(), "move them away") || w.disk.Early {
			t.Errorf("%s: %v, noted %t", path, err, w.disk.Early)
		}
		w.ok(w.process().Remove(t.Context()))
		if after := w.shot(); after != before {
			t.Errorf("%s: something changed:\n%s", path, after)
		}
	}
}

// TestServiceFails to start: it is reported, and all goes away again.
func TestServiceFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.shot()
	w.sm.Change("sql-agent", func(u *systemdtest.Unit) { u.Fails = 1 })
	e := w.process()
	w.ok(e.Install(t.Context()))
	if err := e.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "sql-agent") {
		t.Errorf("the error is %v", err)
	}
	w.ok(w.process().Remove(t.Context()))
	if after := w.shot(); after != before || w.sm.State("sql") != "inactive" {
		t.Errorf("sql is %s; after the way back:\n%s\nbefore:\n%s", w.sm.State("sql"), after, before)
	}
}
