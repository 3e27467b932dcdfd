package fetch_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
)

// unpinned returns p's item without digest and size.
func (p pkg) unpinned(source string) fetch.Item {
	item := p.from(source)
	item.SHA256, item.Size = "", 0
	return item
}

func TestLock(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 200_000), makePackage(t, "b", 10)
	s := serve(t, a)
	repo := serveRepo(t, repository(t, []string{"--checksum", "sha512"}, b))
	o := quick(t)
	files, err := fetch.Lock(t.Context(), []fetch.Item{a.unpinned(s.URL), b.unpinned("yum+" + repo.URL), b.unpinned(folder(t, b)), a.from(s.URL)}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []pkg{a, b, b, a} {
		p.holds(t, files[i])
	}
	before := len(s.asked())
	o.Offline = true // what was locked is cached: a build fetches nothing
	if _, err := fetch.Files(t.Context(), []fetch.Item{files[0].Item, files[1].Item}, o); err != nil || len(s.asked()) != before {
		t.Errorf("after lock: %v, %d requests more", err, len(s.asked())-before)
	}
}

// TestLockCut: without a digest, what was cut is continued only while the server says it is the same file.
func TestLockCut(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 200_000), makePackage(t, "a", 200_001)
	const tag = `"one"`
	for name, rest := range map[string]func(w http.ResponseWriter, r *http.Request){
		"same file": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-Match") != tag {
				t.Errorf("asked without the version: %v", r.Header)
			}
			w.Header().Set("ETag", tag)
			cutting(a.data, 150_000, w, r)
		},
		"no version told": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) },
		"changed":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPreconditionFailed) },
		"changed, no If-Match": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"two"`)
			cutting(b.data, 150_000, w, r)
		},
	} {
		s, o := serve(t, a), quick(t)
		s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			switch {
			case n == 1:
				if name != "no version told" {
					w.Header().Set("ETag", tag)
				}
				cutting(a.data, 100_000, w, r)
			case r.Header.Get("Range") != "":
				rest(w, r)
			default:
				return false
			}
			return true
		}
		files, err := fetch.Lock(t.Context(), []fetch.Item{a.unpinned(s.URL)}, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a.holds(t, files[0])
		if list := cached(t, o); len(list) != 1 || list[0] != a.cacheName() {
			t.Errorf("%s: cache: %v", name, list)
		}
	}
}

func TestLockRefuses(t *testing.T) {
	t.Parallel()
	a, page := makePackage(t, "a", 100), makePackage(t, "page", 1)
	page.data = []byte("<html>log in</html>")
	damaged := makePackage(t, "damaged", 100)
	damaged.data[len(damaged.data)-9] ^= 1
	odd := makePackage(t, "odd", 100, func(r *rpmpack.RPM) {
		r.AddCustomTag(1080, rpmpack.EntryStringSlice([]string{"the times of a changelog are numbers"}))
	})
	s := serve(t, a, page, damaged, odd)
	other := a.unpinned(s.URL + "/" + a.item.FileName())
	other.Version = "4.1.1"
	half := a.from(s.URL)
	half.Size = 0
	for _, tt := range []struct {
		item fetch.Item
		code int
		want string
	}{
		{other, exit.Mismatch, "its NEVRA is a-1:4.2.0-ga.noarch, the release says a-1:4.1.1-ga.noarch"},
		{page.unpinned(s.URL), exit.Mismatch, "not an rpm file"},
		{damaged.unpinned(s.URL), exit.Mismatch, "payload SHA-256"},
		{odd.unpinned(s.URL), exit.Mismatch, "tag 1080: its value has type 8, which it cannot have"},
		{a.unpinned(s.URL + "/nowhere/x.rpm"), exit.Missing, "404"},
		{half, exit.Spec, "no digest"},
	} {
		o := quick(t)
		_, err := fetch.Lock(t.Context(), []fetch.Item{tt.item}, o)
		if exit.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("code %d: %v, want %q", exit.Code(err), err, tt.want)
		}
		for _, name := range cached(t, o) {
			t.Errorf("%s: left in the cache: %s", filepath.Base(tt.item.Source), name)
		}
	}
}
