package upgrade

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/window"
)

func names(stage line.Stage) []string {
	var all []string
	for _, s := range outline()[stage] {
		all = append(all, s.Name)
	}
	return all
}

// TestSteps holds what the order of the steps promises.
func TestSteps(t *testing.T) {
	t.Parallel()
	for _, stage := range []line.Stage{line.Prepare, line.Switch, line.Open, line.Undo, line.Reopen, line.Restore, line.Serve} {
		all := names(stage)
		if len(all) == 0 {
			t.Errorf("%s has no steps", stage)
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(all))); len(sorted) != len(all) {
			t.Errorf("two steps of %s have one name: %v", stage, all)
		}
	}
	before := func(stage line.Stage, order ...string) {
		t.Helper()
		all, last := names(stage), -1
		for _, name := range order {
			at := slices.Index(all, name)
			if at <= last {
				t.Errorf("%s: %q is not where it must be: %v", stage, name, all)
			}
			last = at
		}
	}
	before(line.Switch, "drain", "wait for other package managers", "shut the door", "mark the window",
		"stop the services", "stores to new", "stop the sources", "save what changed meanwhile", "note what moves", packagesToNew, "files to new",
		"move files", "hooks of the switch", "schema to new", "start the services", "see that everything runs", "try the door")
	before(line.Prepare, "preflight", "set room aside", "back up configuration", "record the addresses of the databases", "record the sources of the stores", "rebuild packages",
		"back up packages", "install the early packages", "start the early services", "back up the databases", "hooks of prepare", "expand the schema", "copy the stores")
	before(line.Restore, "mark the window", "stop the services", "stores to old", "schema to old", "undo the hooks", "move files back", "packages to old",
		"remove what came early", "files to old", "start the sources", "prove the sources", "start the services")
	before(line.Undo, "stores to old", "schema to old", "undo the hooks", "remove what came early")
	before(line.Reopen, "open the door", "stores to old", "schema to old", "undo the hooks", "remove what came early")
	before(line.Serve, "start the services", "open the door", "take the marks away")
	before(line.Open, "start the services", "open the door", "take the marks away", "forget the stores' copies", "erase what is not needed any more")
	// After either commit, and where the services were never stopped, nothing is stopped or put back.
	for _, stage := range []line.Stage{line.Open, line.Serve, line.Reopen, line.Undo} {
		for _, name := range names(stage) {
			for _, never := range []string{"stop", "packages to", "files to", "mark the window"} {
				if strings.HasPrefix(name, never) {
					t.Errorf("%s has the step %q", stage, name)
				}
			}
		}
	}
	for _, stage := range []line.Stage{line.Open, line.Serve} {
		for _, name := range names(stage) {
			if strings.HasPrefix(name, "remove") || strings.HasPrefix(name, "move") {
				t.Errorf("%s has the step %q", stage, name)
			}
		}
	}
	for _, s := range outline()[line.Switch] {
		if s.Down != (s.Name == "stop the services") {
			t.Errorf("from the step %q on services may be down: %t", s.Name, s.Down)
		}
	}
}

// TestPlace tells a step's place to those who look on.
func TestPlace(t *testing.T) {
	t.Parallel()
	rec := journal.Record{Phase: journal.Switching, Steps: []journal.Step{{Phase: journal.Switching, Name: "stop the services"}}}
	if at, of := Place(rec, packagesToNew); at != 1+slices.Index(names(line.Switch), packagesToNew) || of != len(names(line.Switch)) {
		t.Errorf("on the way: %d of %d", at, of)
	}
	rec.Back = true
	if at, of := Place(rec, "files to old"); at != 1+slices.Index(names(line.Restore), "files to old") || of != len(names(line.Restore)) {
		t.Errorf("on the way back: %d of %d", at, of)
	}
}

func TestRefusedError(t *testing.T) {
	t.Parallel()
	warn := finding.Finding{Level: finding.Warn, What: "a detail", Do: "nothing"}
	one := finding.Finding{Level: finding.Refuse, What: "no room", Do: "make room"}
	for want, found := range map[string][]finding.Finding{
		"no room; make room":              {warn, one},
		"no room; make room (and 1 more)": {one, warn, {Level: finding.Refuse, What: "another", Do: "mend it"}},
	} {
		err := error(&RefusedError{Findings: found})
		if err.Error() != want || !errors.Is(err, line.ErrRefused) {
			t.Errorf("%q, a refusal %t; want %q", err, errors.Is(err, line.ErrRefused), want)
		}
	}
}

// TestTodo says truly what the machine is when a person is asked.
func TestTodo(t *testing.T) {
	t.Parallel()
	u := &Upgrade{Job: &job.Job{Bundle: &layout.Bundle{Manifest: &manifest.Manifest{Prefix: "p", From: "1", To: "2"}}, Attempt: layout.Attempt{Var: "/var/lib/p/x"}}}
	cause := errors.New("take the marks away: read-only file system")
	stop := []journal.Step{{Phase: journal.Switching, Name: "stop the services"}}
	for begin, r := range map[string]journal.Record{
		"Neither release could be completed":  {Phase: journal.Switching, Back: true, Steps: stop},
		"1 is restored and may be serving":    {Phase: journal.Switching, Back: true, Steps: stop, Restored: true},
		"1 is still in place and may be serv": {Phase: journal.Switching, Back: true},
		"1 is still in place and may":         {Phase: journal.Preparing, Back: true},
		"2 is in place and may be serving":    {Phase: journal.Opening, Steps: stop},
	} {
		text := u.todo(r, cause)
		for _, want := range []string{cause.Error(), "run `p start`", "/var/lib/p/x/log", "/var/lib/p/x/backup"} {
			if !strings.Contains(text, want) {
				t.Errorf("it is not said %q:\n%s", want, text)
			}
		}
		if !strings.HasPrefix(text, begin) {
			t.Errorf("%+v: %s; want %s", r, text, begin)
		}
	}
}

// TestMayResume: only a record that is resumed by putting things back is looked at.
func TestMayResume(t *testing.T) {
	t.Parallel()
	stop := []journal.Step{{Phase: journal.Switching, Name: "stop the services"}}
	b := &layout.Bundle{Manifest: &manifest.Manifest{Prefix: "p"}}
	for name, r := range map[string]journal.Record{
		"never stopped":    {Phase: journal.Switching, Back: true},
		"restored":         {Phase: journal.Switching, Back: true, Restored: true, Steps: stop},
		"after the commit": {Phase: journal.Opening, Steps: stop},
		"in prepare":       {Phase: journal.Preparing, Back: true},
	} {
		if err := MayResume(t.Context(), b, r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if outline().Restoring(r) {
			t.Errorf("%s: it puts things back", name)
		}
	}
	if !outline().Restoring(journal.Record{Phase: journal.Switching, Back: true, Steps: stop}) {
		t.Error("with the services stopped it is resumed otherwise than by putting things back")
	}
}

// TestWay says which way an attempt goes, and whether that was asked for.
func TestWay(t *testing.T) {
	t.Parallel()
	rec := journal.Record{From: "1", To: "2", Phase: journal.Opening}
	if got := Way(rec); got != "forward to 2" {
		t.Error(got)
	}
	rec.Phase, rec.Back = journal.Switching, true
	if got := Way(rec); got != "back to 1" {
		t.Error(got)
	}
	if !Serves(rec) {
		t.Error("without a warning it does not serve")
	}
	rec.Warnings = []string{"version-lock: a lock", window.NotWell + "app is failed"}
	if Serves(rec) {
		t.Error("one that is not well serves")
	}
	for cause, want := range map[string]bool{"": false, line.AskedBack: true, "drain: " + line.AskedBack: true, line.AskedBack + " later": false} {
		if rec.Error = cause; Asked(rec) != want {
			t.Errorf("%q: %t", cause, !want)
		}
	}
}
