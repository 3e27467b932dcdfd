package packages

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// build makes a package of a spec file with rpmbuild, which knows triggers.
func build(t *testing.T, spec string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "p.spec")
	head := "Version: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\nAutoReqProv: no\n%description\nx\n"
	if err := os.WriteFile(path, []byte(strings.Replace(spec, "@", head, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("rpmbuild", "-bb", "--define", "_topdir "+dir, "--define", "_build_name_fmt p.rpm", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "RPMS", "p.rpm")
}

// TestTriggersOfTheHostRunOnTheWayBack is about glibc's ldconfig and the like: a file trigger of
// a package that is not the product's runs whenever files in its folders come and go.
func TestTriggersOfTheHostRunOnTheWayBack(t *testing.T) {
	t.Parallel()
	w, s := app(t,
		rpmtest.Package{Files: []rpmtest.File{body("/opt/lib/one.so.1", "1")}, Pre: "echo pre 1 >>/scripts\n", Post: "echo post 1 >>/scripts\n", PreUn: "echo preun 1 >>/scripts\n", PostUn: "echo postun 1 >>/scripts\n"},
		rpmtest.Package{Files: []rpmtest.File{body("/opt/lib/one.so.2", "2")}, Pre: "echo pre 2 >>/scripts\n", PreUn: "echo preun 2 >>/scripts\n", PostUn: "echo postun 2 >>/scripts\n"})
	w.RPM(t, "-U", "--nodeps", build(t, "Name: linker\n@%transfiletriggerin -- /opt/lib\necho cache $(cat) >>/triggered\n%transfiletriggerpostun -- /opt/lib\necho gone >>/triggered\n%files\n"))
	if err := os.WriteFile(w.Root+"/triggered", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	recorded(t, s)
	to(t, s, manifest.New)
	if got := w.Read("/triggered"); !strings.Contains(got, "cache /opt/lib/one.so.2\n") {
		t.Errorf("on the way there: %q", got)
	}
	if err := os.WriteFile(w.Root+"/triggered", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	scripts := w.Read("/scripts")
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	if got := w.Read("/triggered"); !strings.Contains(got, "cache /opt/lib/one.so.1\n") {
		t.Errorf("on the way back: %q", got)
	}
	if got := w.Read("/scripts"); got != scripts {
		t.Errorf("scriptlets of the product ran on the way back: %q", strings.TrimPrefix(got, scripts))
	}
	// An engine that was killed while rpm ran does not know whether they ran: they run again.
	if err := os.WriteFile(filepath.Join(w.Var, "rpm-running"), []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.Root+"/triggered", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	to(t, s, manifest.Old)
	if got := w.Read("/triggered"); !strings.Contains(got, "cache /opt/lib/one.so.1\n") {
		t.Errorf("after a kill: %q", got)
	}
}

// TestATriggerThatFailsDoesNotStopTheWayBack: what is proved is what counts.
func TestATriggerThatFailsDoesNotStopTheWayBack(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/lib/a", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/lib/a", "2")}})
	recorded(t, s)
	to(t, s, manifest.New)
	w.RPM(t, "-U", "--nodeps", build(t, "Name: broken\n@%transfiletriggerin -- /opt/lib\nexit 3\n%files\n"))
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
}

// TestAProductWithTriggersOfItsOwn lets none run on the way back: an old one knows nothing
// of a newer release.
func TestAProductWithTriggersOfItsOwn(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "2")}})
	for _, own := range []bool{false, true} { // in this order: the second replaces the package
		want := "--nopost"
		if own {
			want = "--notriggers"
			data, err := os.ReadFile(build(t, "Name: app\n@%triggerin -- bash\necho ran >>/triggered\n%files\n"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(w.Dir, w.Manifest.New[0].File), data, 0o600); err != nil {
				t.Fatal(err)
			}
			s = setOf(t, w)
		}
		for side, wanted := range map[manifest.Side]bool{manifest.Old: true, manifest.New: false} {
			args, err := s.UpgradeArgs(t.Context(), side)
			if err != nil || slices.Contains(args, want) != wanted {
				t.Errorf("triggers %v, %s: %v: %v", own, side, args, err)
			}
		}
	}
}

// TestTheLinkersCacheOfTheWayBack is a product whose %post is ldconfig, as packaging guides had it.
func TestTheLinkersCacheOfTheWayBack(t *testing.T) {
	t.Parallel()
	files := func(v string) []rpmtest.File {
		return []rpmtest.File{body("/etc/ld.so.conf", "/opt/lib\n"), body("/opt/lib/f", v), body("/usr/lib/tmpfiles.d/app.conf", "d /var/app-"+v+" 0755 0 0 -\n")}
	}
	w, s := app(t, rpmtest.Package{Files: files("1")}, rpmtest.Package{Files: files("2")})
	recorded(t, s)
	to(t, s, manifest.Old)
	if _, err := os.Stat(w.Root + "/etc/ld.so.cache"); err == nil {
		t.Error("a way back that has nothing to do makes the cache")
	}
	to(t, s, manifest.New)
	to(t, s, manifest.Old)
	for _, path := range []string{"/etc/ld.so.cache", "/var/app-1"} {
		if _, err := os.Stat(w.Root + path); err != nil {
			t.Error(err)
		}
	}
}

// TestAProductWithPosttrans: rpm leaves that out only together with other packages' triggers of
// the whole transaction; those for single files still run.
func TestAProductWithPosttrans(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/lib/a", "1")}, PostTrans: "echo posttrans 1 >>/scripts\n"}, rpmtest.Package{Files: []rpmtest.File{body("/opt/lib/a", "2")}})
	w.RPM(t, "-U", "--nodeps", build(t, "Name: linker\n@%filetriggerin -- /opt/lib\necho cache $(cat) >>/triggered\n%files\n"))
	recorded(t, s)
	to(t, s, manifest.New)
	if err := errors.Join(os.WriteFile(w.Root+"/triggered", nil, 0o600), os.WriteFile(w.Root+"/scripts", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	if got := w.Read("/triggered"); got != "cache /opt/lib/a\n" {
		t.Errorf("the host's trigger: %q", got)
	}
	if got := w.Read("/scripts"); got != "" {
		t.Errorf("the product's scriptlets: %q", got)
	}
}
