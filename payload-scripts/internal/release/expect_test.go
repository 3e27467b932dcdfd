package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/pkgfile"
	"onerpm/payload-scripts/internal/release"
)

// flags tells for people what of a file does not count.
func flags(w pkgfile.Want) string {
	text := fmt.Sprintf("%s %d", w.Mode, w.UID)
	for _, f := range []struct {
		set  bool
		name string
	}{{w.IgnoreAttr, "lax"}, {w.IgnoreContent, "varies"}, {w.Unproved, "soft"}, {w.Optional, "may"}, {w.Caps, "caps"}, {w.FromHost, "own"}, {w.Absent, "absent"}} {
		if f.set {
			text += " " + f.name
		}
	}
	return text
}

// TestExpected is the whole of what both sides expect of a host's files.
func TestExpected(t *testing.T) {
	t.Parallel()
	files := []rpmtest.File{
		{Path: "/opt/app", Dir: true}, {Path: "/opt/app/bin", Body: "1", Mode: 0o755}, {Path: "/opt/app/his", Body: "1", Owner: "cfyuser"},
		{Path: "/opt/app/nobody-knows", Body: "1", Owner: "lives-elsewhere"},
		{Path: "/opt/app/link", Link: "bin"}, {Path: "/opt/app/doc", Body: "1", Doc: true}, {Path: "/opt/app/ghost", Ghost: true},
		{Path: "/opt/app/conf", Body: "1", Config: true}, {Path: "/opt/app/becomes-conf", Body: "1"}, {Path: "/opt/app/merged", Body: "1"},
		{Path: "/opt/app/state/jar", Body: "1"}, {Path: "/opt/app/statement", Body: "1"},
	}
	later := append([]rpmtest.File{}, files...)
	for i := range later {
		if later[i].Path == "/opt/app/becomes-conf" {
			later[i].Config = true
		}
	}
	w := rpmtest.New(t,
		[]rpmtest.Package{{Name: "app", Version: "1", Files: files, Post: "true"}},
		[]rpmtest.Package{{Name: "app", Version: "2", Files: later, Post: "true"}, {Name: "quiet", Version: "2", Files: []rpmtest.File{{Path: "/opt/quiet", Body: "1"}}}})
	w.Manifest.State = []string{"/opt/app/state"}
	w.Manifest.Config = []manifest.Config{{Target: "/opt/app/merged", New: "config/new/opt/app/merged"}}
	b := &release.Bundle{Manifest: w.Manifest, Dir: w.Dir, Had: []string{}}
	const common = `
/opt/app drwxr-xr-x 0 lax
/opt/app/bin -rwxr-xr-x 0%[1]s
/opt/app/doc -rw-r--r-- 0%[1]s may
/opt/app/his -rw-r--r-- 991%[1]s
/opt/app/link Lrwxrwxrwx 0%[1]s
/opt/app/nobody-knows -rw-r--r-- 0%[1]s
/opt/app/state/jar -rw-r--r-- 0%[1]s soft
/opt/app/statement -rw-r--r-- 0%[1]s
`
	// On the way there a scriptlet runs, which may give files other owners.
	for side, want := range map[manifest.Side]string{manifest.Old: fmt.Sprintf(common, ""), manifest.New: fmt.Sprintf(common, " lax") + "/opt/quiet -rw-r--r-- 0\n"} {
		all, err := b.Expected(side, owners(t, w))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for path, e := range all {
			lines = append(lines, path+" "+flags(e))
		}
		sort.Strings(lines)
		if got := "\n" + strings.Join(lines, "\n") + "\n"; got != want {
			t.Errorf("%s: got %s\nwant %s", side, got, want)
		}
	}
}

func TestRunsScripts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    rpmtest.Package
		skip string
		want bool
	}{
		"none":                   {rpmtest.Package{}, "", false},
		"%pre":                   {rpmtest.Package{Pre: "true"}, "", true},
		"%post":                  {rpmtest.Package{Post: "true"}, "", true},
		"%post that is left out": {rpmtest.Package{Post: "true"}, "post", false},
		"another left out":       {rpmtest.Package{Post: "true"}, "pre", true},
		"only when it goes":      {rpmtest.Package{PreUn: "true", PostUn: "true"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.p.Name, c.p.Version = "app", "2"
			w := rpmtest.New(t, []rpmtest.Package{{Name: "app", Version: "1"}}, []rpmtest.Package{c.p})
			if c.skip != "" {
				w.Manifest.Skip = []manifest.Scriptlet{{Package: "app-2-1", Kind: c.skip, Why: "a test"}}
			}
			b := &release.Bundle{Manifest: w.Manifest, Dir: w.Dir}
			if got, err := b.RunsScripts(manifest.New); err != nil || got != c.want {
				t.Errorf("%v: %v", got, err)
			}
			if got, err := b.RunsScripts(manifest.Old); err != nil || got {
				t.Errorf("of the old side: %v: %v", got, err)
			}
			if got, err := b.HasTriggers(); err != nil || got {
				t.Errorf("triggers: %v: %v", got, err)
			}
		})
	}
}

// TestTagsOfScripts: a trigger, and a scriptlet of the whole transaction, are found by each of their tags.
func TestTagsOfScripts(t *testing.T) {
	t.Parallel()
	for tag, c := range map[int]struct{ runs, triggers, transaction bool }{
		1066: {runs: true, triggers: true},    // %triggerin and its like
		5069: {runs: true, triggers: true},    // %filetriggerin
		5079: {runs: true, triggers: true},    // %transfiletriggerin
		1151: {runs: true, transaction: true}, // %pretrans
		1154: {runs: true, transaction: true}, // %posttrans -p
		5103: {transaction: true},             // %preuntrans
		5106: {transaction: true},             // %postuntrans -p
		1091: {},                              // %verifyscript -p
	} {
		w := rpmtest.New(t, []rpmtest.Package{{Name: "app", Version: "1"}}, []rpmtest.Package{{Name: "app", Version: "2"}})
		r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "app", Version: "2", Release: "1", Arch: "noarch"})
		if err != nil {
			t.Fatal(err)
		}
		r.AddCustomTag(tag, rpmpack.EntryStringSlice([]string{"x"}))
		f, err := os.Create(filepath.Join(w.Dir, w.Manifest.New[0].File))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Write(f), f.Close()); err != nil {
			t.Fatal(err)
		}
		b := &release.Bundle{Manifest: w.Manifest, Dir: w.Dir}
		runs, err1 := b.RunsScripts(manifest.New)
		triggers, err2 := b.HasTriggers()
		transaction, err3 := b.HasTransactionScriptlets()
		if err := errors.Join(err1, err2, err3); err != nil || runs != c.runs || triggers != c.triggers || transaction != c.transaction {
			t.Errorf("tag %d: runs %v, triggers %v, transaction %v, %v", tag, runs, triggers, transaction, err)
		}
	}
}

func TestInState(t *testing.T) {
	t.Parallel()
	b := &release.Bundle{Manifest: &manifest.Manifest{
		State:  []string{"/opt/app/env", "/var/app/"},
		Config: []manifest.Config{{Target: "/etc/a.conf", New: "config/new/etc/a.conf"}, {Target: "/etc/packaged.conf", Package: "app"}},
	}}
	for path, want := range map[string]bool{
		"/opt/app/env": true, "/opt/app/env/x": true, "/opt/app/environment": false, "/opt/app": false, "/var/app/x": true, "/var/apple": false, "/": false,
	} {
		if got := b.InState(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	for path, want := range map[string]bool{"/etc/a.conf": true, "/etc/packaged.conf": false, "/etc/b.conf": false} {
		if got := b.Merged(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
