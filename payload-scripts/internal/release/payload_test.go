package release_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/pkgfile"
	"onerpm/payload-scripts/internal/release"
)

func TestUnpack(t *testing.T) {
	t.Parallel()
	p := rpmtest.Package{Name: "a", Version: "1", Files: []rpmtest.File{{Path: "/etc/a", Body: "one"}, {Path: "/etc/b", Body: ""}, {Path: "/etc/c\xe9", Body: "three"}}}
	path := filepath.Join(t.TempDir(), "a.rpm")
	if err := os.WriteFile(path, rpmtest.Build(t, p), 0o600); err != nil {
		t.Fatal(err)
	}
	want := filesOf(t, path)
	got, err := release.Unpack(t.Context(), path, want)
	if err != nil || len(got) != 3 || string(got["/etc/a"]) != "one" || string(got["/etc/c\xe9"]) != "three" {
		t.Errorf("%q: %v", got, err)
	}
	wrong := want["/etc/a"]
	wrong.Digest = strings.Repeat("0", 64)
	want["/etc/a"] = wrong
	if _, err := release.Unpack(t.Context(), path, want); err == nil || !strings.Contains(err.Error(), "/etc/a is damaged") {
		t.Errorf("got %v", err)
	}
	if _, err := release.Unpack(t.Context(), path+".gone", want); err == nil {
		t.Error("a package that is not there was read")
	}
}

// filesOf reads what a package says of its files.
func filesOf(t *testing.T, path string) map[string]rpmfile.FileInfo {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	header, err := rpmfile.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]rpmfile.FileInfo{}
	for _, f := range pkgfile.Files(header) {
		files[f.Path] = f
	}
	return files
}
