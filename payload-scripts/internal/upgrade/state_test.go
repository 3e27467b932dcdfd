package upgrade

import (
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/progress"
)

// TestPackagedFileInState: a package's file below a state path that this host rebuilt (a %post does that)
// is there after a way back, whether the upgrade ever came to the packages or not.
func TestPackagedFileInState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reached []string // steps that the upgrade came to
		sealed  bool     // the state was saved in the window
	}{
		"stopped before the packages": {[]string{"stop the services"}, false},
		"stopped in the packages":     {[]string{"stop the services", packagesToNew}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jar := func(version string) rpmtest.Package {
				return rpmtest.Package{Name: "app", Version: version, Files: []rpmtest.File{
					{Path: "/opt/app/lib.jar", Body: "as packed, " + version + "\n"}, {Path: "/opt/app/VERSION", Body: version + "\n"}}}
			}
			w := rpmtest.New(t, []rpmtest.Package{jar("1")}, []rpmtest.Package{jar("2")})
			w.Manifest.State = []string{"/opt/app/lib.jar"}
			w.Install(t)
			w.Write(t, "/opt/app/lib.jar", "rebuilt on this host\n")
			b := &layout.Bundle{Dir: w.Dir, Manifest: w.Manifest}
			set, state := bothSets(t, w, b)
			if err := state.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range 2 { // the second one, with the services stopped, seals it
				if i == 1 && !c.sealed {
					break
				}
				if err := state.SaveState(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := set.Record(t.Context()); err != nil {
				t.Fatal(err)
			}
			rec := journal.Record{ID: "a", Phase: journal.Switching, Back: true, Optional: set.Had}
			for _, step := range c.reached {
				rec.Steps = append(rec.Steps, journal.Step{Phase: journal.Switching, Name: step})
			}
			work := &job.Job{Bundle: b, Attempt: layout.Attempt{ID: "a", Var: w.Var}, Journal: journal.New(rec, func(journal.Record) error { return nil }),
				Progress: progress.NewWriter(w.Var+"/progress", "a")}
			p := &packageSet{work, set, nil}
			if c.sealed {
				if err := p.converge(t.Context(), manifest.New); err != nil {
					t.Fatal(err)
				}
				if got := w.Read("/opt/app/VERSION"); got != "2\n" {
					t.Fatalf("the new release is not there: %q", got)
				}
			}
			for range 2 { // a way back may be gone twice
				if err := p.restore(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := state.Converge(t.Context(), manifest.Old); err != nil {
					t.Fatal(err)
				}
			}
			for path, want := range map[string]string{"/opt/app/lib.jar": "rebuilt on this host\n", "/opt/app/VERSION": "1\n"} {
				if got := w.Read(path); got != want {
					t.Errorf("%s is %q, want %q", path, got, want)
				}
			}
		})
	}
}
