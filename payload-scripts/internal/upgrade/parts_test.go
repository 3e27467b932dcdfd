package upgrade

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/job/jobtest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/parts"
	"onerpm/payload-scripts/internal/progress"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/systemdtest"
)

// partsWorld is a host on which sql comes early, search goes late and uploads move.
type partsWorld struct {
	*rpmtest.World
	t    *testing.T
	conn *systemd.Conn
	sm   *systemdtest.Manager
	disk journal.Record
}

func newPartsWorld(t *testing.T) *partsWorld {
	t.Helper()
	file := func(path, body string) []rpmtest.File { return []rpmtest.File{{Path: path, Body: body}} }
	w := &partsWorld{t: t, World: rpmtest.New(t,
		[]rpmtest.Package{
			{Name: "rest", Version: "1", Files: file("/opt/rest/rest.py", "1"), Requires: []string{"search"}},
			{Name: "search", Version: "1", Late: true, Files: file("/usr/search/jar", "jar")},
		},
		[]rpmtest.Package{
			{Name: "rest", Version: "2", Files: file("/opt/rest/rest.py", "2"), Requires: []string{"sql"}},
			{Name: "sql", Version: "9", Early: true, Files: file("/usr/sql/bin", "bin")},
		})}
	w.Manifest.EarlyServices = []manifest.EarlyService{{Unit: "sql", Setup: "mkdir -p " + w.Root + "/var/lib/sql/data/base", Timeout: manifest.Duration(time.Minute), Makes: []string{"/var/lib/sql/data"}}}
	w.Manifest.Moves = []manifest.Move{{Each: "/opt/uploads", Into: "/opt/uploads/default"}}
	w.Manifest.Owners = []manifest.Owner{{Path: "/opt/uploads", User: "991"}}
	w.Manifest.Keep = []string{"/var/lib/search"}
	w.Install(t)
	w.Write(t, "/opt/uploads/a/x", "uploaded")
	w.Write(t, "/var/lib/search/0", "documents")
	jobtest.Do(t, os.MkdirAll(w.Root+"/etc/systemd/system", 0o755))
	w.sm = systemdtest.New(t, w.Root, systemdtest.Unit{Name: "sql", File: "disabled"})
	var err error
	if w.conn, err = systemd.New(t.Context(), w.sm.Dial); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.conn.Close)
	w.disk = journal.Record{ID: "x", Phase: journal.Preparing}
	return w
}

// process is what an engine that is started now works with.
func (w *partsWorld) process() (*parts.Parts, *packageSet) {
	w.t.Helper()
	b := &layout.Bundle{Dir: w.Dir, Manifest: w.Manifest, Root: w.Root}
	a := layout.Attempt{ID: "x", Run: w.Dir, Var: w.Var}
	work := &job.Job{Bundle: b, Attempt: a, Journal: journal.New(w.disk, func(r journal.Record) error { w.disk = r; return nil }), Progress: progress.NewWriter(w.Var+"/progress", "x")}
	s := service.New(w.Manifest, layout.Places{Prefix: w.Manifest.Prefix, Root: w.Root}, w.conn)
	rpms := packages.New(w.Manifest, w.Dir, w.Var, w.Root)
	p := newParts(work, s, hook.Room{Manifest: w.Manifest, Attempt: w.Var, Var: w.Var}, rpms)
	return p, &packageSet{work, rpms, p.Early.Packages}
}

// came notes that a step began, as the line does.
func (w *partsWorld) came(step string) {
	w.disk.Steps = append(w.disk.Steps, journal.Step{Phase: journal.Switching, Name: step})
}

func (w *partsWorld) shot() string {
	w.t.Helper()
	var all []string
	for _, top := range []string{"/etc", "/opt", "/usr", "/var"} {
		err := filepath.WalkDir(w.Root+top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || strings.Contains(path, "rpm") {
				return err
			}
			info, err := d.Info()
			if err == nil {
				all = append(all, fmt.Sprintf("%s %s %q", path, info.Mode(), w.Read(strings.TrimPrefix(path, w.Root))))
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.t.Fatal(err)
		}
	}
	return strings.Join(append(all, w.Set(w.t)...), "\n")
}

// TestParts goes the steps of a jump that has all of them, with another engine process at each step, up to
// each step and back from there, and to its end.
func TestParts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	forward := []struct {
		name string
		do   func(*parts.Parts, *packageSet) error
	}{
		{"back up packages", func(_ *parts.Parts, rpms *packageSet) error { _, err := rpms.set.Record(ctx); return err }},
		{"install the early packages", func(p *parts.Parts, _ *packageSet) error { return p.Early.Install(ctx) }},
		{"start the early services", func(p *parts.Parts, _ *packageSet) error { return p.Early.Start(ctx) }},
		{"note what moves", func(p *parts.Parts, _ *packageSet) error { return p.Moves.Record(ctx) }},
		{packagesToNew, func(_ *parts.Parts, rpms *packageSet) error { return rpms.converge(ctx, manifest.New) }},
		{"move files", func(p *parts.Parts, _ *packageSet) error { return p.Moves.Converge(ctx, manifest.New) }},
	}
	for last := range forward {
		t.Run(forward[last].name, func(t *testing.T) {
			t.Parallel()
			w := newPartsWorld(t)
			before := w.shot()
			for _, step := range forward[:last+1] {
				w.came(step.name)
				jobtest.Do(t, step.do(w.process()))
			}
			if last == len(forward)-1 { // the new release is whole, and what goes late is still there
				for path, want := range map[string]string{"/opt/rest/rest.py": "2", "/usr/sql/bin": "bin", "/usr/search/jar": "jar", "/opt/uploads/default/a/x": "uploaded", "/opt/uploads/a/x": ""} {
					if got := w.Read(path); got != want {
						t.Errorf("%s is %q, want %q", path, got, want)
					}
				}
			}
			for range 2 {
				p, rpms := w.process()
				jobtest.Do(t, rpms.hold(ctx)) // the switch took rpm's lock, and this very process goes back
				p.Early.Packages.RPM.LockWait = 10 * time.Second
				jobtest.Do(t, p.Moves.Converge(ctx, manifest.Old), rpms.restore(ctx), p.RemoveEarly(ctx))
			}
			if after := w.shot(); after != before || w.sm.State("sql") != "inactive" {
				t.Errorf("sql is %s; after the way back:\n%s\nbefore:\n%s", w.sm.State("sql"), after, before)
			}
		})
	}
	w := newPartsWorld(t)
	for _, step := range forward {
		w.came(step.name)
		jobtest.Do(t, step.do(w.process()))
	}
	for range 2 {
		p, _ := w.process()
		jobtest.Do(t, p.Late.Erase(ctx))
	}
	if got := strings.Join(w.Set(t), " ") + " " + w.Read("/var/lib/search/0"); got != "rest-2-1.noarch sql-9-1.noarch documents" || w.sm.State("sql") != "active" {
		t.Errorf("at the end there is %s, sql is %s", got, w.sm.State("sql"))
	}
}
