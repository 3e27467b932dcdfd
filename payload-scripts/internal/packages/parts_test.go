package packages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// parts are the three transactions of a jump.
type parts struct{ early, main, late *Set }

func partsOf(t *testing.T, w *rpmtest.World) parts {
	t.Helper()
	p := parts{Early(w.Manifest, w.Dir, filepath.Join(w.Var, "early"), w.Root), setOf(t, w), Late(w.Manifest, w.Dir, filepath.Join(w.Var, "late"), w.Root)}
	for _, s := range []*Set{p.early, p.late} {
		if err := os.MkdirAll(s.Var, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p parts) record(t *testing.T) {
	t.Helper()
	for _, s := range []*Set{p.early, p.main} {
		if _, err := s.Record(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func installed(t *testing.T, w *rpmtest.World, want string) {
	t.Helper()
	if got := strings.Join(w.Set(t), " "); got != want {
		t.Errorf("installed: %s\nwant:      %s", got, want)
	}
}

const (
	storeOld   = "dropped-1-1.noarch rest-1-1.noarch search-1-1.noarch"
	storeEarly = "dropped-1-1.noarch rest-1-1.noarch search-1-1.noarch sql-9-1.noarch sql-server-9-1.noarch"
	storeNew   = "rest-2-1.noarch search-1-1.noarch sql-9-1.noarch sql-server-9-1.noarch stage-2-1.noarch"
	storeLate  = "rest-2-1.noarch sql-9-1.noarch sql-server-9-1.noarch stage-2-1.noarch"
)

// TestEarlyAndLate goes all of the way, each part twice, and looks at what is there after each.
func TestEarlyAndLate(t *testing.T) {
	t.Parallel()
	w := rpmtest.MovedStore(t, nil)
	p := partsOf(t, w)
	p.record(t)
	to(t, p.early, manifest.New)
	to(t, p.early, manifest.New)
	installed(t, w, storeEarly)
	if got := w.Read("/ran"); got != "pre\npost\n" {
		t.Errorf("scriptlets that ran: %q", got)
	}
	if got := w.Read("/opt/rest/rest.py"); got != "1" {
		t.Errorf("the old release is %q", got)
	}
	to(t, p.main, manifest.New)
	to(t, p.main, manifest.New)
	installed(t, w, storeNew)
	if got := w.Read("/ran"); got != "pre\npost\ndropped\n" { // postun is left out of the late part alone, pre and post do not run again
		t.Errorf("scriptlets that ran: %q", got)
	}
	to(t, p.late, manifest.New)
	to(t, p.late, manifest.New)
	installed(t, w, storeLate)
	if got := w.Read("/ran"); got != "pre\npost\ndropped\npreun\n" {
		t.Errorf("scriptlets that ran: %q", got)
	}
	for path, want := range map[string]string{"/var/lib/search/nodes/0": "documents", "/usr/share/search/lib.jar": "", "/usr/sql/bin/server": "bin", "/opt/dropped/x": ""} {
		if got := w.Read(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for side, s := range map[string]*Set{"early": p.early, "main": p.main, "late": p.late} {
		if differs, err := s.Check(t.Context(), manifest.New); err != nil || len(differs) > 0 {
			t.Errorf("%s: %v %v", side, differs, err)
		}
	}
}

// TestBackFromEarly leaves nothing: whatever a setup or an admin did to the packages' files meanwhile.
func TestBackFromEarly(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{false, true} {
		w := rpmtest.MovedStore(t, nil)
		p := partsOf(t, w)
		before := w.Tree(t)
		p.record(t)
		to(t, p.early, manifest.New)
		w.Write(t, "/etc/sql/sql.conf", "c: edited\n")
		w.Write(t, "/etc/sql/sql.conf.rpmnew", "c: 2\n")
		w.Write(t, "/var/log/sql.log", "said\n")
		if err := os.MkdirAll(w.Root+"/var/lib/sql/data/deep", 0o700); err != nil {
			t.Fatal(err)
		}
		if whole { // from the new release
			to(t, p.main, manifest.New)
			to(t, p.main, manifest.Old)
		}
		for range 2 {
			to(t, p.early, manifest.Old)
			installed(t, w, storeOld)
		}
		if after := w.Tree(t); after != before {
			t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
		}
		if left, err := p.early.Conflicting(); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
	}
}

// TestEarlyOnlyAdds refuses to begin where something is, and changes nothing.
func TestEarlyOnlyAdds(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/usr/sql/bin/server", "/etc/sql/sql.conf", "/var/log/sql.log", "/var/lib/sql/data/deep/x"} {
		w := rpmtest.MovedStore(t, nil)
		w.Write(t, path, "of the host\n")
		p := partsOf(t, w)
		want := strings.TrimSuffix(path, "/x")
		found, err := p.early.Conflicting()
		if err != nil || strings.Join(found, " ") != want {
			t.Errorf("in the way: %v %v, want %s", found, err, want)
		}
		if _, err := p.early.Record(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		installed(t, w, storeOld)
	}
}

// TestLateFailure leaves the new release alone, and is done the next time.
func TestLateFailure(t *testing.T) {
	t.Parallel()
	w := rpmtest.MovedStore(t, func(old, _ []rpmtest.Package) { old[1].PreUn = "test ! -e /stuck\n" })
	p := partsOf(t, w)
	p.record(t)
	to(t, p.early, manifest.New)
	to(t, p.main, manifest.New)
	w.Write(t, "/stuck", "")
	if err := p.late.Converge(t.Context(), manifest.New, Options{}); err == nil || !strings.Contains(err.Error(), "search") {
		t.Fatalf("the error is %v", err)
	}
	installed(t, w, storeNew)
	if differs, err := p.main.Check(t.Context(), manifest.New); err != nil || len(differs) > 0 {
		t.Errorf("the new release: %v %v", differs, err)
	}
	if err := os.Remove(w.Root + "/stuck"); err != nil {
		t.Fatal(err)
	}
	to(t, p.late, manifest.New)
	installed(t, w, storeLate)
}

// cuts are the transactions of the early and the late packages, as Converge runs them.
var cuts = []struct {
	name string
	mark string // what the engine notes of a transaction under way
	args func(*testing.T, parts) []string
}{
	{"early", "new", func(t *testing.T, p parts) []string {
		t.Helper()
		args, err := p.early.UpgradeArgs(t.Context(), manifest.New)
		if err != nil {
			t.Fatal(err)
		}
		return args
	}},
	{"early away", "erase", func(t *testing.T, p parts) []string {
		t.Helper()
		to(t, p.early, manifest.New)
		return eraseArgs(t, p.early, manifest.Old, "sql", "sql-server")
	}},
	{"late", "erase", func(t *testing.T, p parts) []string {
		t.Helper()
		to(t, p.early, manifest.New)
		to(t, p.main, manifest.New)
		return eraseArgs(t, p.late, manifest.New, "search")
	}},
}

func eraseArgs(t *testing.T, s *Set, side manifest.Side, names ...string) []string {
	t.Helper()
	flags, err := s.scriptFlags(t.Context(), side)
	if err != nil {
		t.Fatal(err)
	}
	return append(append([]string{"-e", "--allmatches"}, flags...), names...)
}

// TestPartsKilledAnywhere kills rpm in each of the transactions, and goes on from there.
func TestPartsKilledAnywhere(t *testing.T) {
	t.Parallel()
	for i, cut := range cuts {
		w := rpmtest.MovedStore(t, nil)
		p := partsOf(t, w)
		p.record(t)
		count := countRPM(t, w, cut.args(t, p))
		if count["pwrite64"] == 0 {
			t.Errorf("%s: rpm's calls were not seen: %v", cut.name, count)
		}
		for _, call := range calls {
			for _, nth := range spread(count[call]) {
				t.Run(fmt.Sprintf("%s-%s-%d", cut.name, call, nth), func(t *testing.T) {
					t.Parallel()
					partKilledAt(t, i, call, nth)
				})
			}
		}
	}
}

func partKilledAt(t *testing.T, cut int, call string, nth int) {
	w := rpmtest.MovedStore(t, nil)
	p := partsOf(t, w)
	before := w.Tree(t)
	p.record(t)
	args, s := cuts[cut].args(t, p), p.early
	late := cuts[cut].name == "late"
	if late {
		s = p.late
	}
	if err := os.WriteFile(filepath.Join(s.Var, "rpm-running"), []byte(cuts[cut].mark+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	straceRPM(t, w, args, "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, nth))
	t.Logf("rpmdb after the kill: %v", w.Set(t))
	if late {
		to(t, s, manifest.New)
		installed(t, w, storeLate)
		if got := w.Read("/usr/share/search/lib.jar") + w.Read("/var/lib/search/nodes/0"); got != "documents" {
			t.Errorf("of the package and its data there is %q", got)
		}
		return
	}
	first, second := manifest.Old, manifest.New
	if nth%2 == 0 {
		first, second = second, first
	}
	for _, side := range []manifest.Side{first, second} {
		to(t, s, side)
		if side == manifest.New {
			installed(t, w, storeEarly)
			if got := w.Read("/usr/sql/bin/server"); got != "bin" || !strings.HasSuffix(w.Read("/ran"), "post\n") {
				t.Errorf("the server is %q; scriptlets that ran: %q", got, w.Read("/ran"))
			}
			continue
		}
		installed(t, w, storeOld)
		if after := w.Tree(t); after != before {
			t.Errorf("after the way back:\n%s\nbefore:\n%s", after, before)
		}
	}
}
