package command

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
)

const (
	older  = "4.1.1-1-20260101T120000.000Z"
	middle = "4.2.0-9-20260201T120000.000Z"
	newest = "4.2.0-10-20260301T120000.000Z"
)

// told is clean's JSON.
type told struct {
	Removed  bool
	Bytes    int64
	Attempts []attempt.Leftover
}

func TestCleanKeepsTheLatestReport(t *testing.T) {
	w := newWorld(t)
	w.attempt(older, upgraded)
	w.attempt(middle, rolledBack)
	w.attempt(newest, upgraded)
	w.state(attempt.Done)
	before := w.tree(w.root)
	dry, _ := w.run(0, "clean", "--dry-run")
	contains(t, dry, older, middle, newest, "nothing was removed", "report and log stay")
	out, _ := w.run(0, "clean", "--dry-run", "--json")
	want := decode[told](t, out)
	if after := w.tree(w.root); len(after) != len(before)+1 || want.Removed { // and the lock
		t.Errorf("--dry-run: %v, was %v", after, before)
	}
	if want.Bytes < 3*100<<10 {
		t.Errorf("only %d bytes would be freed", want.Bytes)
	}
	out, _ = w.run(0, "clean", "--json")
	if got := decode[told](t, out); !got.Removed || got.Bytes != want.Bytes || len(got.Attempts) != 3 {
		t.Errorf("removed %+v, would have removed %+v", got, want)
	}
	p := w.bundle.Places()
	if got, want := w.tree(p.Var()), []string{newest + "/journal.json", newest + "/log", newest + "/report.json", newest + "/stores.json", "starting.lock", "state"}; !reflect.DeepEqual(got, want) {
		t.Errorf("left: %v", got)
	}
	if got, want := w.tree(p.Run()), []string{newest + "/bin/engine", newest + "/manifest.json", newest + "/version", "current"}; !reflect.DeepEqual(got, want) {
		t.Errorf("left: %v", got)
	}
	out, _ = w.run(0, "report")
	contains(t, out, "done:", "/etc/a.conf", "store storage: 7 documents became 6 rows\n  1 without a place: history\n")
	out, _ = w.run(0, "clean")
	contains(t, out, "nothing to remove")
	w.run(0, "clean", "--all")
	if got := w.tree(p.Run()); len(got) != 0 {
		t.Errorf("--all left %v", got)
	}
	if got := w.tree(p.Var()); !reflect.DeepEqual(got, []string{"starting.lock", "state"}) {
		t.Errorf("--all left %v", got)
	}
}

// A power cut in the moment in which the upgrade's own unit is removed can leave one of its two names; clean removes it,
// and not that of an upgrade under way.
func TestCleanRemovesAStrayUnit(t *testing.T) {
	for _, stray := range []string{"file", "wants", "both"} {
		t.Run(stray, func(t *testing.T) {
			w := newWorld(t)
			w.attempt(newest, upgraded)
			p := w.bundle.Places()
			var names []string
			if stray != "wants" {
				names = append(names, p.UnitFile())
			}
			if stray != "file" {
				names = append(names, p.Wants(p.Unit()))
			}
			for _, name := range names {
				w.write(name, "[Unit]\n")
			}
			left := func() int {
				n := 0
				for _, name := range names {
					if _, err := os.Lstat(name); err == nil {
						n++
					}
				}
				return n
			}
			w.state(attempt.Running)
			w.run(7, "clean")
			w.state(attempt.Done)
			w.run(0, "clean", "--dry-run")
			if left() != len(names) {
				t.Error("removed while an upgrade is under way, or by --dry-run")
			}
			w.run(0, "clean")
			if left() != 0 {
				t.Error("still there")
			}
		})
	}
}

func TestCleanSparesWhatIsNotOver(t *testing.T) {
	w := newWorld(t)
	w.attempt(older, needsAPerson)
	w.attempt(middle, func(*journal.Record) {})
	a := w.attempt(newest, upgraded)
	w.write(filepath.Join(a.Var, "journal.json"), `{"id": "of an engine to come"}`)
	w.state(attempt.NeedsAPerson)
	before := w.tree(w.bundle.Places().Run())
	out, _ := w.run(0, "clean", "--all")
	contains(t, out, "nothing to remove")
	if after := w.tree(w.bundle.Places().Run()); !reflect.DeepEqual(after, before) {
		t.Errorf("left %v of %v", after, before)
	}
	w.state(attempt.Running)
	_, stderr := w.run(7, "clean", "--all")
	contains(t, stderr, "under way", "p wait")
}

func TestCleanCountsWhatBecomesFree(t *testing.T) {
	w := newWorld(t)
	a, b := w.attempt(older, upgraded), w.attempt(middle, upgraded)
	big := filepath.Join(w.bundle.Dir, "packages/big.rpm")
	w.write(big, strings.Repeat("x", 4<<20))
	link := func(to string) {
		t.Helper()
		if err := os.Link(big, to); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(a.Run, "packages/big.rpm"))
	link(filepath.Join(b.Run, "packages/big.rpm"))
	out, _ := w.run(0, "clean", "--dry-run", "--json")
	if got := decode[told](t, out).Bytes; got >= 4<<20 {
		t.Errorf("a file that the bundle has too is told to become free: %d bytes", got)
	}
	if err := os.Remove(big); err != nil {
		t.Fatal(err)
	}
	out, _ = w.run(0, "clean", "--dry-run", "--json")
	if got := decode[told](t, out).Bytes; got < 4<<20 || got >= 8<<20 {
		t.Errorf("a file with two names, both to go: %d bytes", got)
	}
}

// TestCleanCutShort removes a part of what is to go, as a killed clean does, and cleans again.
func TestCleanCutShort(t *testing.T) {
	w := newWorld(t)
	w.attempt(older, upgraded)
	w.attempt(newest, upgraded)
	found, err := attempt.Leftovers(w.bundle.Places(), attempt.Keep{Latest: true})
	if err != nil {
		t.Fatal(err)
	}
	for n := range found[0].Paths {
		w := anotherWorld(t)
		w.attempt(older, upgraded)
		w.attempt(newest, upgraded)
		some, err := attempt.Leftovers(w.bundle.Places(), attempt.Keep{Latest: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range some[0].Paths[:n] {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
		w.run(0, "clean")
		if got := w.tree(w.bundle.Places().Var()); strings.Contains(strings.Join(got, " "), older) {
			t.Errorf("cut after %d: left %v", n, got)
		}
	}
}

func TestBackupsExpire(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.attempt(older, func(r *journal.Record) { upgraded(r); r.Ended = now.Add(-72 * time.Hour) })
	w.attempt(middle, func(r *journal.Record) { upgraded(r); r.Ended = now.Add(-24 * time.Hour) })
	e := newEnv(w.bundle, w.Output(), w.Output())
	e.expire(w.bundle.Places())
	if got, err := attempt.Leftovers(w.bundle.Places(), attempt.Keep{}); err != nil || len(got) != 2 {
		t.Fatalf("removed although nothing was set: %v, %v", got, err)
	}
	e.bundle.Settings.KeepBackups = 48 * time.Hour
	e.expire(w.bundle.Places())
	got, err := attempt.Leftovers(w.bundle.Places(), attempt.Keep{})
	if err != nil || len(got) != 1 || got[0].ID != middle {
		t.Errorf("left %v (%v), want %s", got, err, middle)
	}
}

// TestCleanRemovesKeptFolders of packages that the last upgrade has erased, and those alone: what has
// a package again stays, no link is followed, whoever's it is, and backups that expire leave them alone.
func TestCleanRemovesKeptFolders(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(newest, func(r *journal.Record) {
		upgraded(r)
		r.Ended = time.Now().Add(-72 * time.Hour)
	})
	w.write(a.Kept(), `["/var/lib/search", "/var/log/search", "/var/lib/linked", "/srv/search"]`)
	first := w.attempt(older, func(r *journal.Record) { upgraded(r); r.Ended = time.Now().Add(-96 * time.Hour) })
	w.write(first.Kept(), `["/var/lib/searching"]`)
	w.link(newest)
	w.state(attempt.Done)
	for _, file := range []string{"/var/lib/search/nodes/0", "/var/lib/searching", "/data/linked/1", "/data/srv/search/1", "/data/other"} {
		w.write(w.root+file, "documents")
	}
	ok(t, os.Symlink("data/srv", w.root+"/srv"), os.Symlink(w.root+"/data/linked", w.root+"/var/lib/search/linked"))
	if err := os.Symlink(w.root+"/data/linked", w.root+"/var/lib/linked"); err != nil {
		t.Fatal(err)
	}
	e := newEnv(w.bundle, w.Output(), w.Output())
	e.bundle.Settings.KeepBackups = 48 * time.Hour
	e.expire(w.bundle.Places())
	for _, path := range []string{w.root + "/var/lib/search/nodes/0", w.root + "/var/lib/searching", a.Kept(), first.Kept()} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(first.Backup("manager.dump")); err == nil {
		t.Error("an old backup did not expire")
	}
	ok(t, os.Remove(w.root+"/var/lib/searching"), os.WriteFile(first.Kept(), []byte("[]"), 0o600))
	w.write(w.root+"/var/lib/searching", "of a later use")
	out, _ := w.run(0, "clean", "--dry-run")
	contains(t, out, w.root+"/var/lib/search\n", w.root+"/var/lib/linked\n",
		"  stays, as it is behind a symbolic link: "+w.root+"/data/linked\n", "  stays, as it is behind a symbolic link: "+w.root+"/srv/search\n")
	if strings.Contains(out, "/var/log/search") { // there is none
		t.Errorf("told: %s", out)
	}
	w.run(0, "clean")
	for path, want := range map[string]bool{"/var/lib/search": false, "/var/lib/searching": true, "/data/linked/1": true, "/var/lib/linked": false,
		"/data/srv/search/1": true, "/srv": true, "/data/other": true} {
		if _, err := os.Lstat(w.root + path); (err == nil) != want {
			t.Errorf("%s is there: %t", path, err == nil)
		}
	}
	if got := w.tree(a.Var); !reflect.DeepEqual(got, []string{"journal.json", "log", "report.json", "stores.json"}) {
		t.Errorf("left of the attempt: %v", got)
	}
	w.write(w.root+"/var/lib/search/nodes/0", "of a later use")
	w.run(0, "clean", "--all")
	if _, err := os.Stat(w.root + "/var/lib/search/nodes/0"); err != nil {
		t.Error(err)
	}
}

// TestCleanOfMovedFolders: what an admin put on another disk, with a link in its place, may hold more than the upgrade's.
func TestCleanOfMovedFolders(t *testing.T) {
	w := newWorld(t)
	a, b := w.attempt(older, upgraded), w.attempt(newest, upgraded)
	w.state(attempt.Done)
	elsewhere := w.root + "/data"
	w.write(elsewhere+"/mine", "not of an upgrade")
	move := func(path, name string) {
		ok(t, os.Rename(path, filepath.Join(elsewhere, name)), os.Symlink(filepath.Join(elsewhere, name), path))
	}
	move(a.Var, "attempt")
	move(a.Run, "run")
	move(b.Backup(""), "backup")
	ok(t, os.Symlink(elsewhere, w.bundle.Places().Rehearsal()))
	before := w.tree(elsewhere)
	out, _ := w.run(0, "clean", "--dry-run")
	contains(t, out, "stays, as it is behind a symbolic link: "+elsewhere+"/attempt\n", elsewhere+"/backup\n")
	w.run(0, "clean")
	w.run(0, "clean", "--all")
	if after := w.tree(elsewhere); !reflect.DeepEqual(after, before) {
		t.Errorf("behind the links are %v, there were %v", after, before)
	}
	for _, path := range []string{a.Var, a.Run, b.Backup("")} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is there", path)
		}
	}
}

// TestCleanWaitsForLatePackages: an upgrade that has packages to erase yet keeps what it needs for that.
func TestCleanWaitsForLatePackages(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(newest, func(r *journal.Record) {
		upgraded(r)
		r.Late = []string{"search"}
	})
	w.write(a.Kept(), `["/var/lib/search"]`)
	w.state(attempt.Done)
	w.write(w.root+"/var/lib/search/0", "documents")
	w.bundle.Manifest.Old = []manifest.Package{{ID: nevra.ID{Name: "search", Version: "1", Release: "1", Arch: "noarch"}, Late: true, File: "rollback/gone.rpm"}}
	if found, err := attempt.Leftovers(w.bundle.Places(), attempt.Keep{}); err != nil || len(found) > 0 { // nor does it expire
		t.Errorf("would remove %+v, %v", found, err)
	}
	before := w.tree(a.Run)
	_, stderr := w.run(1, "clean", "--all")
	contains(t, stderr, "search", "rpm -e --noscripts search")
	if after := w.tree(a.Run); !reflect.DeepEqual(after, before) {
		t.Errorf("left %v of %v", after, before)
	}
	for _, path := range []string{w.root + "/var/lib/search/0", a.Kept(), a.Backup("manager.dump")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
