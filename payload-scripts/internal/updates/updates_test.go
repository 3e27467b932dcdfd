package updates

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

func TestHigher(t *testing.T) {
	t.Parallel()
	known := func(list ...string) (all []manifest.Known) {
		for i := 0; i < len(list); i += 2 {
			all = append(all, manifest.Known{Name: list[i], EVR: list[i+1]})
		}
		return all
	}
	pkg := func(name string, epoch int, version string) manifest.Package {
		return manifest.Package{ID: nevra.ID{Name: name, Epoch: epoch, Version: version, Release: "1", Arch: "noarch"}}
	}
	m := &manifest.Manifest{
		New: []manifest.Package{pkg("back", 0, "4.2"), pkg("forth", 0, "4.2"), pkg("epoch", 1, "1"), pkg("same", 0, "1")},
		Known: []manifest.Release{
			{Version: "3", Packages: known("back", "0:17.6-community", "forth", "0:3-1", "epoch", "0:9-1", "gone", "0:9-1", "same", "0:1-1")},
			{Version: "4.1", Packages: known("back", "0:17.6-community", "forth", "0:4.1-1", "same", "0:1-1")},
			{Version: "4.2", Packages: known("back", "0:4.2-1", "forth", "0:4.2-1", "epoch", "1:1-1", "same", "0:1-1")},
			{Version: "5", Packages: known("back", "1:0-1")},
		},
	}
	if got, want := Higher(m), []string{"back-0:17.6-community.*", "back-1:0-1.*"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// host is a host with a configuration file.
func newHost(t *testing.T, file, text string) (h Host, read func() string) {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, file)
	for _, dir := range []string{filepath.Dir(path), filepath.Join(root, "var")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return Host{Root: root, Record: filepath.Join(root, "var/excluded.json")}, func() string {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

func (h Host) exclude(t *testing.T, patterns ...string) {
	t.Helper()
	if err := h.Exclude(patterns); err != nil {
		t.Fatal(err)
	}
}

// TestExclude goes over three jumps: the first has two packages that went backwards, the second one of them, the third none.
func TestExclude(t *testing.T) {
	t.Parallel()
	for file, key := range map[string]string{"/etc/dnf/dnf.conf": "excludepkgs", "/etc/yum.conf": "exclude"} {
		const text = "[main]\ngpgcheck=1\n"
		h, read := newHost(t, file, text)
		for range 2 { // a step may be done again
			h.exclude(t, "a-0:2-1.*", "b-0:2-1.*")
			if want := text + key + "=a-0:2-1.*,b-0:2-1.*\n"; read() != want {
				t.Errorf("%s is %q, want %q", file, read(), want)
			}
		}
		if info, err := os.Stat(filepath.Join(h.Root, file)); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
		if e, err := h.Excluded(); err != nil || e.File != file || len(e.Patterns) != 2 || !e.Line {
			t.Errorf("noted: %+v, %v", e, err)
		}
		h.exclude(t, "b-0:2-1.*")
		if want := text + key + "=b-0:2-1.*\n"; read() != want {
			t.Errorf("%s is %q, want %q", file, read(), want)
		}
		h.exclude(t)
		if read() != text {
			t.Errorf("%s is %q, and was %q", file, read(), text)
		}
		if _, err := os.Stat(h.Record); !os.IsNotExist(err) {
			t.Errorf("the note: %v", err)
		}
	}
}

// TestExcludeLeavesTheAdmins: a pattern that the admin has already is not ours, and not taken away.
func TestExcludeLeavesTheAdmins(t *testing.T) {
	t.Parallel()
	const text = "[main]\nexcludepkgs=a-0:2-1.*\n"
	h, read := newHost(t, "/etc/dnf/dnf.conf", text)
	h.exclude(t, "a-0:2-1.*", "b-0:2-1.*")
	if want := "[main]\nexcludepkgs=a-0:2-1.*,b-0:2-1.*\n"; read() != want {
		t.Errorf("got %q, want %q", read(), want)
	}
	h.exclude(t)
	if read() != text {
		t.Errorf("got %q, want %q", read(), text)
	}
}

// TestExcludeCutShort: of what was noted and not written, or written and noted for both, nothing is left by the next.
func TestExcludeCutShort(t *testing.T) {
	t.Parallel()
	const text = "[main]\ngpgcheck=1\n"
	for _, at := range []string{text, text + "excludepkgs=a-0:2-1.*\n", text + "excludepkgs=b-0:2-1.*\n"} {
		h, read := newHost(t, "/etc/dnf/dnf.conf", at)
		if err := h.note(Excluded{"/etc/dnf/dnf.conf", []string{"a-0:2-1.*", "b-0:2-1.*"}, true}); err != nil {
			t.Fatal(err)
		}
		half := filepath.Join(h.Root, "/etc/dnf/.dnf.conf.12345~") // what was being written
		if err := os.WriteFile(half, []byte("[ma"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.exclude(t, "b-0:2-1.*")
		if want := text + "excludepkgs=b-0:2-1.*\n"; read() != want {
			t.Errorf("from %q: got %q, want %q", at, read(), want)
		}
		if _, err := os.Stat(half); !os.IsNotExist(err) {
			t.Errorf("from %q: %s is there: %v", at, half, err)
		}
	}
}

func TestExcludeWhereThereIsNoPackageManager(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	h := Host{Root: root, Record: filepath.Join(root, "excluded.json")}
	h.exclude(t, "a-0:2-1.*")
	if found, err := os.ReadDir(root); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// TestExcludeThroughALink writes the file, and keeps the link.
func TestExcludeThroughALink(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, "/etc/managed/dnf.conf", "[main]\n")
	if err := os.Mkdir(filepath.Join(h.Root, "/etc/dnf"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(h.Root, "/etc/dnf/dnf.conf")
	if err := os.Symlink("../managed/dnf.conf", link); err != nil {
		t.Fatal(err)
	}
	h.exclude(t, "a-0:2-1.*")
	if to, err := os.Readlink(link); err != nil || to != "../managed/dnf.conf" {
		t.Errorf("the link: %q, %v", to, err)
	}
	if text, err := os.ReadFile(link); err != nil || string(text) != "[main]\nexcludepkgs=a-0:2-1.*\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestExcludeWhereTheFileMoves: on a host that has dnf since, in yum's place, yum's file is as it was before ours.
func TestExcludeWhereTheFileMoves(t *testing.T) {
	t.Parallel()
	const text = "[main]\ngpgcheck=1\n"
	for _, stays := range []bool{true, false} {
		h, read := newHost(t, "/etc/yum.conf", text)
		h.exclude(t, "a-0:2-1.*")
		if !stays {
			if err := os.Remove(filepath.Join(h.Root, "/etc/yum.conf")); err != nil {
				t.Fatal(err)
			}
		}
		dnf := filepath.Join(h.Root, "/etc/dnf/dnf.conf")
		if err := os.Mkdir(filepath.Dir(dnf), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dnf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		h.exclude(t, "b-0:2-1.*")
		if stays && read() != text {
			t.Errorf("yum's file: got %q, want %q", read(), text)
		}
		if _, err := os.Stat(filepath.Join(h.Root, "/etc/yum.conf")); !stays && !os.IsNotExist(err) {
			t.Errorf("yum's file was made anew: %v", err)
		}
		if got, err := os.ReadFile(dnf); err != nil || string(got) != text+"excludepkgs=b-0:2-1.*\n" {
			t.Errorf("dnf's file: %q, %v", got, err)
		}
		if e, err := h.Excluded(); err != nil || e.File != "/etc/dnf/dnf.conf" || !slices.Equal(e.Patterns, []string{"b-0:2-1.*"}) {
			t.Errorf("noted: %+v, %v", e, err)
		}
	}
}
