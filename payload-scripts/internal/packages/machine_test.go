package packages

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/pkgfile"
)

// The tests here are about machines as they are: what rpm -U takes for right there, an
// upgrade does too, and a way back leaves them exactly as they were.

// app is a product of one package, with files and what changes them.
func app(t *testing.T, old, new rpmtest.Package) (*rpmtest.World, *Set) {
	t.Helper()
	old.Name, old.Version, new.Name, new.Version = "app", "1", "app", "2"
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{new})
	w.Install(t)
	return w, setOf(t, w)
}

func body(path, text string) rpmtest.File { return rpmtest.File{Path: path, Body: text} }

func to(t *testing.T, s *Set, side manifest.Side) {
	t.Helper()
	if err := s.Converge(t.Context(), side, Options{}); err != nil {
		t.Fatal(err)
	}
}

func recorded(t *testing.T, s *Set) string {
	t.Helper()
	paths, err := s.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(paths, " ")
}

// right wants a side to be proved, without rpm having more to do.
func right(t *testing.T, s *Set, side manifest.Side) {
	t.Helper()
	differs, err := s.Check(t.Context(), side)
	if err != nil || len(differs) > 0 {
		t.Errorf("%s: %v: %v", side, differs, err)
	}
}

// ranTimes counts how often rpm was run to a side: what it said is kept once.
func ranTimes(w *rpmtest.World, side manifest.Side) int {
	n := 0
	for _, name := range []string{"", ".before"} {
		if _, err := os.Stat(filepath.Join(w.Var, "rpm-"+string(side)+".err"+name)); err == nil {
			n++
		}
	}
	return n
}

func TestFolderBehindRootsLink(t *testing.T) {
	t.Parallel()
	w, s := app(t,
		rpmtest.Package{Files: []rpmtest.File{{Path: "/opt/app", Dir: true}, {Path: "/opt/app/data", Dir: true}, body("/opt/app/data/seed", "1"), {Path: "/opt/app/gone", Dir: true}}},
		rpmtest.Package{Files: []rpmtest.File{{Path: "/opt/app", Dir: true}, {Path: "/opt/app/data", Dir: true}, body("/opt/app/data/seed", "2.0"), body("/opt/app/data/more", "2")}})
	if err := errors.Join(os.MkdirAll(w.Root+"/srv", 0o755), os.Rename(w.Root+"/opt/app/data", w.Root+"/srv/data"), os.Rename(w.Root+"/opt/app/gone", w.Root+"/srv/gone"),
		os.Symlink("../../srv/data", w.Root+"/opt/app/data"), os.Symlink("../../srv/gone", w.Root+"/opt/app/gone")); err != nil {
		t.Fatal(err)
	}
	links := func(when string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if target, err := os.Readlink(w.Root + path); err != nil || !strings.HasPrefix(target, "../../srv/") {
				t.Errorf("%s: %s is no link any more: %s %v", when, path, target, err)
			}
		}
	}
	right(t, s, manifest.Old)
	o, err := s.Obstacles(t.Context())
	if err != nil || len(o.Blocked)+len(o.Links)+len(o.Replaced)+len(o.Mounted) > 0 {
		t.Errorf("%+v: %v", o, err)
	}
	if got := recorded(t, s); got != "" {
		t.Errorf("recorded %s", got)
	}
	to(t, s, manifest.New)
	right(t, s, manifest.New)
	links("new", "/opt/app/data")
	if got := w.Read("/srv/data/seed"); got != "2.0" {
		t.Errorf("the seed is %q", got)
	}
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	links("old", "/opt/app/data")
	if _, err := os.Stat(w.Root + "/srv/data/more"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the new release's file is still there: %v", err)
	}
}

func TestFilesThatRPMLeavesOut(t *testing.T) {
	t.Parallel()
	old := rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "1"), {Path: "/usr/share/app/doc", Body: "1", Doc: true}}}
	now := rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "2"), {Path: "/usr/share/app/doc", Body: "2", Doc: true}}}
	old.Name, old.Version, now.Name, now.Version = "app", "1", "app", "2"
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{now})
	w.RPM(t, "-U", "--excludedocs", filepath.Join(w.Dir, w.Manifest.Old[0].File))
	s := setOf(t, w)
	want, err := s.expected(t.Context(), manifest.Old)
	if err != nil || len(want) != 1 || want["/opt/app/bin"].Package != "app" {
		t.Errorf("expected %v: %v", want, err)
	}
	right(t, s, manifest.Old)
	recorded(t, s)
	to(t, s, manifest.New) // this rpm is not told to leave documentation out
	right(t, s, manifest.New)
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	if _, err := os.Stat(w.Root + "/usr/share/app/doc"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("documentation that the host did not have is there after the way back: %v", err)
	}
}

func TestAFileThatAnotherPackageReplaced(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "1"), body("/opt/app/shared", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "2"), body("/opt/app/shared", "1")}})
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, rpmtest.Build(t, rpmtest.Package{Name: "fork", Version: "1", Files: []rpmtest.File{body("/opt/app/shared", "the fork's")}}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.RPM(t, "-U", "--replacefiles", path)
	want, err := s.expected(t.Context(), manifest.Old)
	if _, there := want["/opt/app/shared"]; there || err != nil {
		t.Errorf("a file of another package is compared with ours: %v", err)
	}
	right(t, s, manifest.Old)
}

func TestScriptletEditsItsOwnFile(t *testing.T) {
	t.Parallel()
	files := func(v string) []rpmtest.File {
		return []rpmtest.File{body("/opt/app/bin", v), body("/opt/app/where", "@HOST@ "+v), body("/opt/app/once", v), {Path: "/opt/app/link", Link: "bin"}}
	}
	edit := func(v string) string {
		return "echo this host " + v + " >/opt/app/where; rm -f /opt/app/once; chmod 0600 /opt/app/where\n"
	}
	w, s := app(t, rpmtest.Package{Files: files("1"), Post: edit("1")}, rpmtest.Package{Files: files("2"), Post: edit("2")})
	if got := recorded(t, s); got != "/opt/app/once /opt/app/where" {
		t.Errorf("recorded %s", got)
	}
	to(t, s, manifest.New)
	right(t, s, manifest.New)
	to(t, s, manifest.New)
	if n := ranTimes(w, manifest.New); n != 1 {
		t.Errorf("rpm ran %d times", n)
	}
	if got := w.Read("/opt/app/where"); got != "this host 2\n" {
		t.Errorf("the file is %q", got)
	}
	// A power cut loses what the scriptlet wrote: rpm puts all of it right again.
	w.Write(t, "/opt/app/where", "")
	w.Write(t, "/opt/app/bin", "")
	if differs, err := s.Check(t.Context(), manifest.New); err != nil || len(differs) != 2 {
		t.Errorf("%v: %v", differs, err)
	}
	to(t, s, manifest.New)
	right(t, s, manifest.New)
	if got := w.Read("/opt/app/where") + w.Read("/opt/app/bin"); got != "this host 2\n2" {
		t.Errorf("the files are %q", got)
	}
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	if got := w.Read("/opt/app/where"); got != "this host 1\n" {
		t.Errorf("after the way back the file is %q", got)
	}
	if _, err := os.Stat(w.Root + "/opt/app/once"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that the scriptlet had removed is back: %v", err)
	}
}

// TestWithoutScriptletsEditsAreDamage holds the proof to its word where no scriptlet ran.
func TestWithoutScriptletsEditsAreDamage(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "2")}})
	to(t, s, manifest.New)
	if _, err := os.Stat(s.edited().File); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("edits are noted: %v", err)
	}
	w.Write(t, "/opt/app/bin", "3")
	if differs, err := s.Check(t.Context(), manifest.New); err != nil || len(differs) != 1 {
		t.Errorf("%v: %v", differs, err)
	}
}

// TestKilledBeforeEditsAreNoted is an engine that dies right after rpm.
func TestKilledBeforeEditsAreNoted(t *testing.T) {
	t.Parallel()
	post := "echo ran >>/ran; echo edited >/opt/app/where\n"
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/where", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/where", "2")}, Post: post})
	to(t, s, manifest.New)
	if err := s.edited().Forget(); err != nil {
		t.Fatal(err)
	}
	to(t, s, manifest.New)
	right(t, s, manifest.New)
	if got := w.Read("/ran"); got != "ran\nran\n" {
		t.Errorf("the scriptlet ran %q", got)
	}
}

func TestAttributesComeBack(t *testing.T) {
	t.Parallel()
	files := func(v string) []rpmtest.File {
		return []rpmtest.File{{Path: "/opt/app/probe", Body: v, Mode: 0o755}, {Path: "/opt/app/same", Body: "=", Mode: 0o755}, {Path: "/opt/app/link", Link: "probe"}}
	}
	w, s := app(t, rpmtest.Package{Files: files("1")}, rpmtest.Package{Files: files("2")})
	capability := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	has := func(when string) {
		t.Helper()
		for _, path := range []string{"/opt/app/probe", "/opt/app/same"} {
			value := make([]byte, 64)
			n, err := unix.Lgetxattr(w.Root+path, "security.capability", value)
			if err != nil || !slices.Equal(value[:n], capability) {
				t.Errorf("%s: %s has the capability %x: %v", when, path, value[:max(0, n)], err)
			}
		}
		var st unix.Stat_t
		if err := unix.Lstat(w.Root+"/opt/app/link", &st); err != nil || st.Uid != 991 {
			t.Errorf("%s: the link belongs to %d: %v", when, st.Uid, err)
		}
	}
	for _, path := range []string{"/opt/app/probe", "/opt/app/same"} {
		if err := unix.Lsetxattr(w.Root+path, "security.capability", capability, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Lchown(w.Root+"/opt/app/link", 991, 991); err != nil {
		t.Fatal(err)
	}
	attributes, err := s.Attributes(t.Context())
	if err != nil || strings.Join(attributes, " ") != "/opt/app/probe (security.capability) /opt/app/same (security.capability)" {
		t.Errorf("%v: %v", attributes, err)
	}
	if got := recorded(t, s); got != "/opt/app/link /opt/app/probe /opt/app/same" {
		t.Errorf("recorded %s", got)
	}
	to(t, s, manifest.New)
	right(t, s, manifest.New)
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	has("after the way back")
	to(t, s, manifest.Old)
	has("once more")
	if n := ranTimes(w, manifest.Old); n != 1 {
		t.Errorf("rpm ran %d times to the old release", n)
	}
}

func TestNamesThatAreNoUTF8(t *testing.T) {
	t.Parallel()
	files := func(v string) []rpmtest.File {
		return []rpmtest.File{body("/opt/app/caf\xe9", v), body("/opt/app/grö ße", v), {Path: "/opt/app/\xff", Link: "caf\xe9"}}
	}
	w, s := app(t, rpmtest.Package{Files: append(files("1"), body("/opt/app/old\xe9", "1"))}, rpmtest.Package{Files: append(files("2"), body("/opt/app/new\xe9", "2"))})
	for _, path := range []string{"/opt/app/caf\xe9", "/opt/app/grö ße", "/opt/app/new\xe9"} {
		w.Write(t, path, "mine")
	}
	o, err := s.Obstacles(t.Context())
	if err != nil || strings.Join(o.Replaced, " ") != "/opt/app/new\xe9" {
		t.Errorf("%q: %v", o.Replaced, err)
	}
	recorded(t, s)
	to(t, s, manifest.New)
	right(t, s, manifest.New)
	if got := w.Read("/opt/app/caf\xe9") + w.Read("/opt/app/new\xe9"); got != "22" {
		t.Errorf("new: %q", got)
	}
	to(t, s, manifest.Old)
	right(t, s, manifest.Old)
	for path, want := range map[string]string{"/opt/app/caf\xe9": "mine", "/opt/app/grö ße": "mine", "/opt/app/new\xe9": "mine", "/opt/app/old\xe9": "1"} {
		if got := w.Read(path); got != want {
			t.Errorf("%q is %q, was %q", path, got, want)
		}
	}
}

// TestStateDoesNotStartRPM is a package whose %post rebuilt its own file below a state path,
// and an upgrade that goes back before it came to the packages.
func TestStateDoesNotStartRPM(t *testing.T) {
	t.Parallel()
	files := func(v string) []rpmtest.File {
		return []rpmtest.File{body("/opt/app/bin", v), body("/opt/app/state/jar", v)}
	}
	w, s := app(t, rpmtest.Package{Files: files("1"), Post: "echo rebuilt >/opt/app/state/jar\n"}, rpmtest.Package{Files: files("2")})
	w.Manifest.State = []string{"/opt/app/state"}
	recorded(t, s)
	w.Write(t, "/opt/app/state/jar", "the product wrote to it meanwhile")
	to(t, s, manifest.Old)
	if n := ranTimes(w, manifest.Old); n != 0 {
		t.Errorf("rpm ran %d times", n)
	}
	if got := w.Read("/opt/app/state/jar"); got != "the product wrote to it meanwhile" {
		t.Errorf("the product's state is %q", got)
	}
	// On the way there rpm has to put the new one in its place.
	to(t, s, manifest.New)
	w.Write(t, "/opt/app/state/jar", "again")
	right(t, s, manifest.New)
}

func TestMountedFile(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "1"), body("/opt/app/dir/f", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "2"), body("/opt/app/dir/f", "2")}})
	w.Write(t, "/srv/bin", "1")
	mount(t, w.Root+"/srv/bin", w.Root+"/opt/app/bin")
	mount(t, w.Root+"/opt/app/dir", w.Root+"/opt/app/dir")
	o, err := s.Obstacles(t.Context())
	if err != nil || strings.Join(o.Mounted, " ") != "/opt/app/bin" || len(o.Blocked) > 0 {
		t.Errorf("%+v: %v", o, err)
	}
	// This is why: rpm itself fails.
	if err := s.Converge(t.Context(), manifest.New, Options{}); err == nil {
		t.Error("rpm has put a file in a mount's place")
	}
}

func mount(t *testing.T, from, at string) {
	t.Helper()
	if out, err := exec.Command("mount", "--bind", from, at).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestLinksOfOthers(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{{Path: "/opt/app", Dir: true}, {Path: "/opt/app/data", Dir: true}, body("/opt/app/data/f", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/data/f", "2")}})
	if err := errors.Join(os.Mkdir(w.Root+"/srv", 0o755), os.Rename(w.Root+"/opt/app/data", w.Root+"/srv/data"), os.Symlink("/srv/data", w.Root+"/opt/app/data"), os.Lchown(w.Root+"/opt/app/data", 991, 991)); err != nil {
		t.Fatal(err)
	}
	o, err := s.Obstacles(t.Context())
	if err != nil || len(o.Links) != 1 || !strings.Contains(o.Links[0], "/opt/app/data is a symbolic link that does not belong to root") {
		t.Errorf("%+v: %v", o, err)
	}
}

func TestObstacles(t *testing.T) {
	t.Parallel()
	w, s := app(t,
		rpmtest.Package{Files: []rpmtest.File{{Path: "/opt/app/becomes-file", Dir: true}, body("/opt/app/becomes-dir", "1"), {Path: "/opt/app/link", Link: "somewhere"}}},
		rpmtest.Package{Files: []rpmtest.File{body("/opt/app/becomes-file", "2"), {Path: "/opt/app/becomes-dir", Dir: true}, {Path: "/opt/app/link", Link: "folder"},
			body("/opt/app/new", "2"), {Path: "/opt/app/newdir", Dir: true}, {Path: "/opt/app/conf", Body: "2", Config: true}, {Path: "/opt/app/newlink", Link: "x"}, {Path: "/opt/app/dirlink", Dir: true}}})
	for path, want := range map[string]string{"": "", "/opt/app/new": "replaced", "/opt/app/newlink": "replaced", "/opt/app/conf": "", "/opt/app/newdir": "blocked", "/opt/app/new/x": "blocked /opt/app/new"} {
		at := w.Root + path
		if path != "" {
			w.Write(t, path, "mine")
		}
		o, err := s.Obstacles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(o.Replaced) > 0 {
			got = "replaced"
		}
		if len(o.Blocked) > 0 {
			got = "blocked"
			if o.Blocked[0] != path {
				got += " " + o.Blocked[0]
			}
		}
		if got != want {
			t.Errorf("%s: %+v, want %s", path, o, want)
		}
		if path != "" {
			if err := os.RemoveAll(filepath.Join(w.Root, "opt/app", strings.Split(strings.TrimPrefix(at, w.Root+"/opt/app/"), "/")[0])); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Links that lead to folders: where a folder comes it is one, where a link was it stays a link.
	if err := errors.Join(os.Mkdir(w.Root+"/opt/app/folder", 0o755), os.Remove(w.Root+"/opt/app/link"), os.Symlink("folder", w.Root+"/opt/app/link"), os.Symlink("folder", w.Root+"/opt/app/dirlink")); err != nil {
		t.Fatal(err)
	}
	if o, err := s.Obstacles(t.Context()); err != nil || len(o.Blocked)+len(o.Replaced)+len(o.Links) > 0 {
		t.Errorf("links to folders: %+v: %v", o, err)
	}
}

func TestNewAccountsAreTold(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "1")}},
		rpmtest.Package{Files: []rpmtest.File{body("/opt/app/bin", "2")}, Pre: "echo 'newuser:x:994:994::/:/bin/sh' >>/etc/passwd; echo newgroup:x:995: >>/etc/group\n"})
	recorded(t, s)
	var told []string
	warn := func(text string) error { told = append(told, text); return nil }
	for _, side := range []manifest.Side{manifest.Old, manifest.New, manifest.Old} {
		if err := s.Converge(t.Context(), side, Options{Warn: warn}); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 1 || !strings.HasSuffix(told[0], ": group newgroup, user newuser") {
		t.Errorf("told %q", told)
	}
	boom := errors.New("the journal cannot be written")
	if err := s.Converge(t.Context(), manifest.Old, Options{Warn: func(string) error { return boom }}); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if got := w.Read("/etc/passwd"); !strings.Contains(got, "newuser") {
		t.Errorf("the way back took a user away: %s", got)
	}
}

func TestRelocatedPackages(t *testing.T) {
	t.Parallel()
	old := rpmtest.Package{Name: "app", Version: "1", Prefixes: []string{"/opt/app"}, Files: []rpmtest.File{body("/opt/app/bin", "1")}}
	now := rpmtest.Package{Name: "app", Version: "2", Prefixes: []string{"/opt/app"}, Files: []rpmtest.File{body("/opt/app/bin", "2")}}
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{now})
	w.RPM(t, "-U", "--relocate", "/opt/app=/data/app", filepath.Join(w.Dir, w.Manifest.Old[0].File))
	s := setOf(t, w)
	moved, err := s.Relocated(t.Context())
	if err != nil || strings.Join(moved, "; ") != "app (/opt/app is at /data/app)" {
		t.Errorf("%q: %v", moved, err)
	}
}

// TestGrowth counts a file with many names once, and what is replaced gives its room back.
func TestGrowth(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1<<20)
	files := []rpmtest.File{{Path: "/opt/app/ghost", Ghost: true}, {Path: "/opt/app/link", Link: "tool"}, body("/opt/app/tool", big)}
	for i := range 20 {
		files = append(files, rpmtest.File{Path: fmt.Sprintf("/opt/app/tool-%02d", i), Body: big, HardLink: true})
	}
	_, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/app/was", big)}}, rpmtest.Package{Files: append(files, body("/opt/app/was", "small"))})
	growth, err := s.Growth()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := growth["/opt/app"], (pkgfile.Growth{Bytes: 4096, Files: 1, Peak: 1 << 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
