package preflight

import (
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// TestParts looks at hosts of a jump in which sql comes early and search goes late.
func TestParts(t *testing.T) {
	t.Parallel()
	file := func(path string) []rpmtest.File { return []rpmtest.File{{Path: path, Body: path}} }
	install := func(t *testing.T, w *rpmtest.World, names ...string) {
		t.Helper()
		for _, name := range names {
			found, err := filepath.Glob(filepath.Join(w.Dir, "*", name+"-*.rpm"))
			if err != nil || len(found) == 0 {
				t.Fatal(name, err)
			}
			w.RPM(t, "-U", "--nodeps", "--oldpackage", found[0])
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, w *rpmtest.World)
		in     Input
		want   string // "level id: part of what", "" for nothing
	}{
		"nothing stands in the way": {func(*testing.T, *rpmtest.World) {}, Input{}, ""},
		"the early package is there, and no attempt put it there": {func(t *testing.T, w *rpmtest.World) { install(t, w, "sql") }, Input{},
			"refuse packages-differ: the installed packages are not those of Test 2: sql 0:9-1 does not belong to it"},
		"an attempt was stopped":                     {func(t *testing.T, w *rpmtest.World) { install(t, w, "sql") }, Input{EarlyCame: true}, ""},
		"an attempt was stopped before the packages": {func(*testing.T, *rpmtest.World) {}, Input{EarlyCame: true}, ""},
		"the late package could not be erased yet": {func(t *testing.T, w *rpmtest.World) {
			w.RPM(t, "-e", "rest")
			install(t, w, "sql")
			w.RPM(t, "-U", filepath.Join(w.Dir, "packages/rest-3-1.noarch.rpm"))
		}, Input{}, "refuse already-there: this host has Test 3 already"},
		"a package of the host needs the late one": {func(t *testing.T, w *rpmtest.World) {
			put(t, w, rpmtest.Package{Name: "plugin", Version: "1", Requires: []string{"search"}})
		}, Input{}, "refuse needed-by-others: the installed package plugin-1-1.noarch needs search"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := rpmtest.New(t,
				[]rpmtest.Package{{Name: "rest", Version: "2", Files: file("/opt/rest"), Requires: []string{"search"}}, {Name: "search", Version: "1", Late: true, Files: file("/opt/search")}},
				[]rpmtest.Package{{Name: "rest", Version: "3", Files: file("/opt/rest"), Requires: []string{"sql"}}, {Name: "sql", Version: "9", Early: true, Files: file("/opt/sql")}})
			w.Manifest.From, w.Manifest.To = "2", "3"
			w.Manifest.Known = []manifest.Release{
				{Version: "2", Next: "3", Packages: []manifest.Known{{Name: "rest", EVR: "0:2-1"}, {Name: "search", EVR: "0:1-1"}}},
				{Version: "3", Packages: []manifest.Known{{Name: "rest", EVR: "0:3-1"}, {Name: "sql", EVR: "0:9-1"}}},
			}
			w.Install(t)
			c.change(t, w)
			var got []string
			for _, f := range lookAt(t, w, c.in) {
				got = append(got, string(f.Level)+" "+f.ID+": "+f.What)
			}
			all := strings.Join(got, "\n")
			if c.want == "" && all != "" || !strings.Contains(all, c.want) || strings.Count(all, "\n") > 1 {
				t.Errorf("found\n%s\nwant %q", all, c.want)
			}
		})
	}
}
