package fetch_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
)

// repository makes a yum repository of packages, the way repositories are made.
func repository(t testing.TB, args []string, list ...pkg) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range list {
		write(t, filepath.Join(dir, "Packages", p.item.FileName()), p.data)
	}
	if out, err := exec.Command("createrepo_c", append(args, dir)...).CombinedOutput(); err != nil {
		t.Fatalf("createrepo_c: %v\n%s", err, out)
	}
	return dir
}

// repoServer serves a folder and counts requests.
type repoServer struct {
	*webServer
	dir string
}

func serveRepo(t testing.TB, dir string) *repoServer {
	t.Helper()
	s := &repoServer{serve(t), dir}
	files := http.FileServer(http.Dir(dir))
	s.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		files.ServeHTTP(w, r)
		return true
	}
	return s
}

func TestYum(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 100_000), makePackage(t, "b", 10, func(r *rpmpack.RPM) { r.Epoch = rpmpack.NoEpoch })
	b.item.Epoch = 0
	odd := makePackage(t, "c++", 10, func(r *rpmpack.RPM) { r.Version = "1.0~rc1^git"; r.Release = "3%" })
	odd.item.Version, odd.item.Release = "1.0~rc1^git", "3%"
	for _, args := range [][]string{
		nil,
		{"--general-compress-type", "gz", "--checksum", "sha512", "--simple-md-filenames"},
		{"--checksum", "sha1"},
	} {
		dir := repository(t, args, a, b, odd)
		s := serveRepo(t, dir)
		o := quick(t)
		for run := range 2 {
			files, err := fetch.Files(t.Context(), []fetch.Item{a.from("yum+" + s.URL), b.from("yum+" + s.URL + "/"), odd.from("yum+" + s.URL)}, o)
			if err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			for i, p := range []pkg{a, b, odd} {
				p.holds(t, files[i])
				if files[i].Reused != (run == 1) {
					t.Errorf("run %d: reused %v", run, files[i].Reused)
				}
			}
			if n := len(s.asked()); n != 2*2+3 { // the two ways to write the source are two sources
				t.Errorf("%v: run %d: %d requests: %q", args, run, n, s.asked())
			}
		}
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from("yum+file://" + dir), odd.from("yum+" + dir)}, quick(t))
		if err != nil {
			t.Fatal(err)
		}
		if files[0].Path != filepath.Join(dir, "Packages", a.item.FileName()) {
			t.Errorf("%s was not used in place", files[0].Path)
		}
	}
}

func TestYumRefuses(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1000)
	primary := func(dir string) string {
		list, err := filepath.Glob(filepath.Join(dir, "repodata", "*primary.xml.gz"))
		if err != nil || len(list) != 1 {
			t.Fatalf("%v %v", list, err)
		}
		return list[0]
	}
	edit := func(path string, change func([]byte) []byte) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, change(b))
	}
	for _, tt := range []struct {
		name   string
		item   func(*fetch.Item)
		damage func(dir string)
		code   int
		want   string
	}{
		{"no such version", func(i *fetch.Item) { i.Version = "4.2" }, nil, exit.Missing, "no such package"},
		{"another epoch", func(i *fetch.Item) { i.Epoch = 0 }, nil, exit.Missing, "no such package"},
		{"another build", func(i *fetch.Item) { i.SHA256 = strings.Repeat("0", 64) }, nil, exit.Mismatch, "its sha256 is"},
		{"no repository", nil, func(dir string) { os.RemoveAll(filepath.Join(dir, "repodata")) }, exit.Missing, "404"},
		{"no primary", nil, func(dir string) { os.Remove(primary(dir)) }, exit.Missing, "404"},
		{"primary changed", nil, func(dir string) {
			edit(primary(dir), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, exit.Mismatch, "its primary SHA-256 is"},
		{"primary cut", nil, func(dir string) { edit(primary(dir), func(b []byte) []byte { return b[:len(b)-9] }) }, exit.Mismatch, "its size is"},
		{"repomd is a page", nil, func(dir string) {
			edit(filepath.Join(dir, "repodata/repomd.xml"), func([]byte) []byte { return []byte("<html></html>") })
		}, exit.Mismatch, "this is <html>"},
		{"open checksum wrong", nil, func(dir string) {
			edit(filepath.Join(dir, "repodata/repomd.xml"), func(b []byte) []byte {
				from := bytes.Index(b, []byte("<open-checksum")) + len(`<open-checksum type="sha256">`)
				b[from] = "01"[1-b2i(b[from] == '1')]
				return b
			})
		}, exit.Mismatch, "primary, uncompressed"},
		{"package gone", nil, func(dir string) { os.RemoveAll(filepath.Join(dir, "Packages")) }, exit.Missing, "404"},
		{"package changed", nil, func(dir string) {
			edit(filepath.Join(dir, "Packages", a.item.FileName()), func(b []byte) []byte { b[900] ^= 1; return b })
		}, exit.Mismatch, "its sha256 is"},
	} {
		dir := repository(t, nil, a)
		if tt.damage != nil {
			tt.damage(dir)
		}
		s := serveRepo(t, dir)
		o := quick(t)
		item := a.from("yum+" + s.URL)
		if tt.item != nil {
			tt.item(&item)
		}
		_, err := fetch.Files(t.Context(), []fetch.Item{item}, o)
		if exit.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) || exit.Hint(err) == "" {
			t.Errorf("%s: code %d, hint %q: %v", tt.name, exit.Code(err), exit.Hint(err), err)
		}
		if left := cached(t, o); len(left) > 0 && !strings.HasSuffix(left[0], ".part") {
			t.Errorf("%s: left in the cache: %v", tt.name, left)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestYumRenewed: the repository is renewed between the reading of its two files.
func TestYumRenewed(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 1000), makePackage(t, "b", 1000)
	before, after := repository(t, []string{"--simple-md-filenames"}, b), repository(t, []string{"--simple-md-filenames"}, a, b)
	s := serveRepo(t, before)
	old, renewed := http.FileServer(http.Dir(before)), http.FileServer(http.Dir(after))
	var n atomic.Int32
	s.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) == 1 {
			old.ServeHTTP(w, r)
		} else {
			renewed.ServeHTTP(w, r)
		}
		return true
	}
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from("yum+" + s.URL)}, quick(t))
	if err != nil {
		t.Fatal(err)
	}
	a.holds(t, files[0])
}

// TestYumCut: metadata that is cut is continued too.
func TestYumCut(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1000)
	s := serveRepo(t, repository(t, nil, a))
	s.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		b, err := os.ReadFile(filepath.Join(s.dir, r.URL.Path))
		if err != nil {
			t.Error(err)
		}
		if !strings.HasSuffix(r.URL.Path, "/repomd.xml") {
			cutting(b, 400, w, r)
			return true
		}
		_, _ = w.Write(b)
		return true
	}
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from("yum+" + s.URL)}, quick(t))
	if err != nil {
		t.Fatal(err)
	}
	a.holds(t, files[0])
}
