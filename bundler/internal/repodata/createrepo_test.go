package repodata_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/rpmpack"
	"github.com/klauspost/compress/gzip"

	"onerpm/bundler/internal/repodata"
)

const base = "https://example.org/a store"

// TestSameAsCreaterepo compares what is written here, field by field, with what
// createrepo_c writes of the same files.
func TestSameAsCreaterepo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	build(t, dir, rich, "-bb")
	pack(t, dir, "small", "1.0")
	pack(t, dir, "weak", "2.0", func(r *rpmpack.RPM) {
		r.Recommends = rpmpack.Relations{{Name: "nice", Version: "1:2-3", Sense: rpmpack.SenseEqual | rpmpack.SenseGreater}}
		r.Suggests = rpmpack.Relations{{Name: "maybe"}}
		r.Conflicts = rpmpack.Relations{{Name: "bad", Version: "x:1", Sense: rpmpack.SenseEqual}, {Name: "none", Version: ":1", Sense: rpmpack.SenseLess}}
		r.Requires = rpmpack.Relations{{Name: "any", Sense: rpmpack.SenseAny | 1<<19}, {Name: "config(weak)", Version: "2.0-1", Sense: rpmpack.SenseEqual}}
		r.Description = "caf\xe9 \x85 in Latin-1"
		r.AddFile(rpmpack.RPMFile{Name: "/etc/caf\xe9", Body: []byte("x"), Owner: "root", Group: "root", Type: rpmpack.ConfigFile})
		r.AddFile(rpmpack.RPMFile{Name: "/var/lib/weak", Mode: 0o40755, Owner: "root", Group: "root"})
	})
	pack(t, dir, "weak", "3.0", func(r *rpmpack.RPM) { r.Epoch = 0 })
	build(t, dir, "Name: source\nVersion: 1\nRelease: 1\nSummary: A source package\nLicense: Apache-2.0\nBuildRequires: make >= 3\n%description\nx\n", "-bs")
	for i, path := range demo(t) {
		if err := os.Symlink(path, filepath.Join(dir, fmt.Sprintf("demo-%02d.rpm", i))); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, dir, files)
}

// compare has both describe the files of dir.
func compare(t *testing.T, dir string, files []string) {
	t.Helper()
	var entries []repodata.Entry
	for _, f := range files {
		entries = append(entries, describe(t, f, repodata.Place{Base: base, Href: filepath.Base(f)}))
	}
	ours := write(t, nil, entries)
	cmd := exec.Command("createrepo_c", "--no-database", "--simple-md-filenames", "--baseurl", base, dir)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("createrepo_c: %v\n%s", err, out)
	}
	for _, f := range ours.Files {
		want := packages(t, filepath.Join(dir, "repodata", f.Type+".xml.gz"))
		got := packages(t, f.Path)
		if len(got) != len(files) || len(want) != len(files) {
			t.Errorf("%s has %d packages, createrepo_c found %d, there are %d", f.Type, len(got), len(want), len(files))
		}
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if got[id] != want[id] {
				t.Errorf("%s of %.12s:\n%s", f.Type, id, difference(got[id], want[id]))
			}
		}
	}
}

// demo are the bundles and components that `make bundles` leaves in dist/, each once; none if it did not run.
func demo(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../../../dist/*.rpm", "../../../dist/components/*/*.rpm"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	byName := map[string]string{}
	for _, path := range all {
		abs, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		byName[filepath.Base(path)] = abs
	}
	return slices.Collect(maps.Values(byName))
}

// packages reads a list into a line for every element, attribute and text of each package, by its SHA-256.
func packages(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(z)
	all := map[string]string{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "package" {
			var b strings.Builder
			id := flatten(t, d, start, &b, "")
			all[id] = b.String()
		}
	}
}

// flatten writes an element and all in it as lines, and returns the package's SHA-256 if it is in there.
func flatten(t *testing.T, d *xml.Decoder, start xml.StartElement, b *strings.Builder, path string) (id string) {
	t.Helper()
	path += "/" + start.Name.Space + " " + start.Name.Local
	fmt.Fprintln(b, path)
	slices.SortFunc(start.Attr, func(x, y xml.Attr) int { return strings.Compare(x.Name.Local, y.Name.Local) })
	for _, a := range start.Attr {
		fmt.Fprintf(b, "%s @%s %s=%q\n", path, a.Name.Space, a.Name.Local, a.Value)
		if a.Name.Local == "pkgid" && a.Value != "YES" {
			id = a.Value
		}
	}
	var text bytes.Buffer
	children := false
	for {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			children = true
			id = max(id, flatten(t, d, token, b, path))
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if !children {
				fmt.Fprintf(b, "%s = %q\n", path, text.String())
			}
			if start.Name.Local == "checksum" {
				id = text.String()
			}
			return id
		}
	}
}

func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i, strings.Join(g[min(i, len(g)):min(i+3, len(g))], "\n     "), strings.Join(w[min(i, len(w)):min(i+3, len(w))], "\n     "))
		}
	}
	return ""
}
