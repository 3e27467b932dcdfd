package repo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
	"onerpm/internal/rpmfile"
)

// content reads a file of a store; "" when it is not there.
func content(t testing.TB, s store.Store, name string) string {
	t.Helper()
	rc, _, err := s.Open(t.Context(), name)
	if err != nil {
		return ""
	}
	defer rc.Close()
	b, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// state is everything in a store, but for what is of no interest.
func state(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range names(t, s, "") {
		all[name] = content(t, s, name)
	}
	return all
}

func unchanged(t testing.TB, s store.Store, before map[string]string) {
	t.Helper()
	after := state(t, s)
	for name, b := range before {
		if after[name] != b {
			t.Errorf("%s changed", name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s appeared", name)
		}
	}
}

func fileSum(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// short checks what a short name is; path "" means that it is not there.
func short(t testing.TB, s store.Store, path string) {
	t.Helper()
	const name = prefix + "-1.1.rpm"
	got, want := content(t, s, name), ""
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want = string(b)
	}
	if got != want {
		t.Errorf("%s is of %d bytes, and not %s", name, len(got), path)
	}
}

const (
	nevra1 = prefix + "-1.1-1.1-1.x86_64"
	nevra2 = prefix + "-1.1-1.1-2.x86_64"
)

// TestLife goes through all that can happen to bundles, one thing after the other.
func TestLife(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		one := build(t, jump{from: "1.0", to: "1.1", revision: 1})
		two := build(t, jump{from: "1.0", to: "1.1", revision: 2})
		other := build(t, jump{from: "1.0", to: "1.1", revision: 1, content: "other"})
		r := open(t, w)
		customer := newDnf(t, w, repo.Testing)

		res := publish(t, r, one, repo.Testing)
		if res.Already || res.Short != "" || res.Bundle.NEVRA != nevra1 || res.Bundle.SHA256 != fileSum(t, one) || res.Bundle.Published == "" {
			t.Errorf("published: %+v", res)
		}
		whole(t, w)
		short(t, w, "")                    // that is for what is in stable
		newDnf(t, w, repo.Stable).finds(t) // empty, and not an error
		before := state(t, w)

		// The very same again, and other bytes of the same name: nothing changes.
		if res := publish(t, r, one, repo.Testing); !res.Already {
			t.Error("the same again was a change")
		}
		unchanged(t, w, before)
		for _, channel := range repo.Channels {
			_, err := r.Publish(t.Context(), load(t, other), channel)
			if exit.Code(err) != exit.Refused || !strings.Contains(err.Error(), "other content") || exit.Hint(err) == "" {
				t.Errorf("other bytes in %s: %v", channel, err)
			}
			unchanged(t, w, before)
		}

		// The short name is the newest revision's in stable.
		publish(t, r, two, repo.Testing)
		short(t, w, "")
		whole(t, w)
		if res := publish(t, r, one, repo.Stable); !strings.HasSuffix(res.Short, "/"+prefix+"-1.1.rpm") {
			t.Errorf("its short name is %q", res.Short)
		}
		short(t, w, one)
		newDnf(t, w, repo.Stable).finds(t, nevra1)
		customer.finds(t, nevra1, nevra2)
		whole(t, w)

		// Withdrawn, it is nowhere but under its digest; other bytes still do not get its name.
		if channels, err := r.Withdraw(t.Context(), nevra1, "it was wrong"); err != nil || !slices.Equal(channels, repo.Channels) {
			t.Errorf("withdrawn from %v, %v", channels, err)
		}
		short(t, w, "")
		if strings.Contains(content(t, w, "index.html"), res.Bundle.SHA256+"/") || content(t, w, res.Bundle.File) == "" {
			t.Error("the page has it, or the file is gone")
		}
		whole(t, w)
		if _, err := r.Publish(t.Context(), load(t, other), repo.Testing); exit.Code(err) != exit.Refused || !strings.Contains(err.Error(), "it was wrong") {
			t.Errorf("other bytes of a withdrawn one: %v", err)
		}
		if channels, err := r.Withdraw(t.Context(), nevra1, "again"); err != nil || channels != nil {
			t.Errorf("withdrawn again: %v, %v", channels, err)
		}
		if _, err := r.Withdraw(t.Context(), "nothing", "x"); exit.Code(err) != exit.Usage {
			t.Errorf("withdraw nothing: %v", err)
		}
		if _, err := r.Withdraw(t.Context(), nevra2, "this too"); err != nil {
			t.Error(err)
		}
		short(t, w, "")
		whole(t, w)

		// The same bytes bring it back by an explicit word only; after that it is there as any other.
		before = state(t, w)
		for _, channel := range repo.Channels {
			_, err := r.Publish(t.Context(), load(t, one), channel)
			if exit.Code(err) != exit.Refused || !strings.Contains(err.Error(), "withdrawn from "+channel) || !strings.Contains(err.Error(), "it was wrong") || !strings.Contains(exit.Hint(err), "--reinstate") {
				t.Errorf("a withdrawn one into %s: %v", channel, err)
			}
			unchanged(t, w, before)
		}
		again := load(t, one)
		again.Reinstate = true
		if _, err := r.Publish(t.Context(), again, repo.Testing); err != nil {
			t.Error(err)
		}
		if res := publish(t, r, one, repo.Testing); !res.Already {
			t.Error("once it is back, the same again was a change")
		}
		if _, err := r.Publish(t.Context(), load(t, one), repo.Stable); exit.Code(err) != exit.Refused || !strings.Contains(err.Error(), "withdrawn from stable") {
			t.Errorf("it is back in testing, and goes to stable: %v", err)
		}
		again = load(t, one)
		again.Reinstate = true
		if _, err := r.Publish(t.Context(), again, repo.Stable); err != nil {
			t.Error(err)
		}
		short(t, w, one)
		customer.finds(t, nevra1)
		whole(t, w)
	})
}

// TestMoved publishes for customers who read the store under another URL; everything follows, in both channels.
func TestMoved(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		publish(t, open(t, w), build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
		moved := open(t, w, func(o *repo.Options) { o.URL = "https://example.org/up/" })
		two := build(t, jump{from: "1.1", to: "1.2", revision: 1})
		res := publish(t, moved, two, repo.Testing)
		if res.Base != "https://example.org/up" || !strings.HasPrefix(res.URL, res.Base+"/packages/") {
			t.Errorf("it is at %s, %s", res.Base, res.URL)
		}
		whole(t, w)
		for _, c := range repo.Channels {
			if p := content(t, w, c+"/mirrorlist"); !strings.HasPrefix(p, "https://example.org/up/"+c+"/g/") {
				t.Errorf("the pointer of %s is %s", c, p)
			}
		}
		if text := content(t, w, prefix+".repo"); strings.Count(text, "https://example.org/up/") != 6 {
			t.Errorf("the settings are\n%s", text)
		}
		// Who does not say anything stays with it.
		if res := publish(t, open(t, w), two, repo.Testing); !res.Already || res.Base != "https://example.org/up" {
			t.Errorf("again: %+v", res)
		}
		if _, err := repo.Open(w, repo.Options{URL: "ftp://x"}); exit.Code(err) != exit.Usage {
			t.Errorf("ftp: %v", err)
		}
	})
}

// TestRace has two publish other bytes under one name at the same moment, also in two channels.
func TestRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		publish(t, open(t, w), build(t, jump{from: "0.9", to: "1.0", revision: 1}), repo.Testing)
		for round, channels := range [][]string{{repo.Testing, repo.Testing}, {repo.Testing, repo.Stable}} {
			var files []*repo.Local
			for _, c := range []string{"a", "b"} {
				files = append(files, load(t, build(t, jump{from: "1.0", to: "1.1", revision: 1 + round, content: c})))
			}
			errs := make([]error, 2)
			var group sync.WaitGroup
			for i, l := range files {
				group.Go(func() { _, errs[i] = open(t, w).Publish(t.Context(), l, channels[i]) })
			}
			group.Wait()
			won := slices.Index(errs, nil)
			if won < 0 || exit.Code(errs[1-won]) != exit.Refused {
				t.Fatalf("%v", errs)
			}
			whole(t, w)
			if left := names(t, w, "packages/"+files[1-won].Bundle.SHA256); left != nil {
				t.Errorf("left of who lost: %v", left)
			}
			front, err := open(t, w).Front(t.Context())
			if err != nil || front.Channels[channels[won]].Bundle(files[won].Bundle.NEVRA).SHA256 != files[won].Bundle.SHA256 {
				t.Errorf("who won is not there (%v)", err)
			}
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	good := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	foreign, err := loadKey(foreignKey(t))
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(name string, change func([]byte) []byte) string {
		path := build(t, jump{from: "1.0", to: "1.1", revision: 1})
		b, err := os.ReadFile(path + name)
		if err != nil {
			t.Fatal(err)
		}
		if b = change(b); b == nil {
			err = os.Remove(path + name)
		} else {
			err = os.WriteFile(path+name, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }
	for _, tt := range []struct {
		name, path string
		code       int
		want       string
	}{
		{"not there", good + "x", exit.Usage, "no such file"},
		{"a folder", t.TempDir(), exit.Usage, "no file"},
		{"foreign key", build(t, jump{from: "1.0", to: "1.1", revision: 1, key: foreign}), exit.BadBundle, "not signed by"},
		{"flipped", damaged("", flip), exit.BadBundle, "failed verification"},
		{"cut", damaged("", func(b []byte) []byte { return b[:len(b)-1] }), exit.BadBundle, "failed verification"},
		{"empty", damaged("", func([]byte) []byte { return []byte{} }), exit.BadBundle, "failed verification"},
		{"no checksum", damaged(".sha256", func([]byte) []byte { return nil }), exit.BadBundle, "no such file"},
		{"other checksum", damaged(".sha256", func(b []byte) []byte { b[0] ^= 1; return b }), exit.BadBundle, "beside it is"},
		{"no checksum in it", damaged(".sha256", func([]byte) []byte { return []byte("x") }), exit.BadBundle, "the checksum beside it is"},
		{"other bill of materials", damaged(".cdx.json", flip), exit.BadBundle, "another bill of materials"},
		{"other provenance", damaged(".intoto.json", flip), exit.BadBundle, "provenance"},
		{"no signature", damaged(".intoto.json.asc", func([]byte) []byte { return []byte{} }), exit.BadBundle, "provenance"},
	} {
		s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := loadFile(tt.path)
		if err == nil {
			_, err = open(t, s).Publish(t.Context(), l, repo.Testing)
		}
		if exit.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: code %d: %v", tt.name, exit.Code(err), err)
		}
		if left := names(t, s, ""); left != nil {
			t.Errorf("%s: left: %v", tt.name, left)
		}
	}

	// A publisher with another key does not touch a store, for it would sign what it cannot check.
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, open(t, s), good, repo.Testing)
	before := state(t, s)
	r := open(t, s, func(o *repo.Options) { o.Key = foreign })
	if _, err := r.Publish(t.Context(), load(t, good), repo.Testing); exit.Code(err) != exit.Published || exit.Hint(err) == "" {
		t.Errorf("another key: %v", err)
	}
	unchanged(t, s, before)
	if _, err := repo.ChannelFor(nil, "beta"); exit.Code(err) != exit.Usage {
		t.Errorf("channel beta: %v", err)
	}
}

// A file that is written to after it was checked is not published, and its bytes do not stay under the digest of others.
func TestFileChangesMeanwhile(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := load(t, path)
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, s).Publish(t.Context(), l, repo.Testing); exit.Code(err) != exit.BadBundle || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Error(err)
	}
	if left := names(t, s, ""); left != nil {
		t.Errorf("left: %v", left)
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	publish(t, open(t, s), path, repo.Testing)
	whole(t, s)
}

// TestSweep looks at what is gone after a week, and what is not.
func TestSweep(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		days := 0
		r := open(t, w, func(o *repo.Options) { o.Now = func() time.Time { return time.Now().AddDate(0, 0, days) } })
		one := build(t, jump{from: "1.0", to: "1.1", revision: 1})
		two := build(t, jump{from: "1.0", to: "1.1", revision: 2})
		publish(t, r, one, repo.Testing)
		publish(t, r, two, repo.Testing)
		if _, err := r.Withdraw(t.Context(), nevra1, "it was wrong"); err != nil {
			t.Fatal(err)
		}
		// Somebody was killed: a bundle that nothing names, a generation that was never the current one.
		dead := strings.Repeat("d", 64)
		for _, name := range []string{"packages/" + dead + "/x.rpm", "testing/g/" + dead + "/repodata/repomd.xml"} {
			if _, err := w.Put(t.Context(), name, strings.NewReader("x"), store.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		generations := func() int {
			ids := map[string]bool{}
			for _, n := range names(t, w, repo.Testing+"/g/") {
				ids[strings.Split(n, "/")[2]] = true
			}
			return len(ids)
		}
		for _, tt := range []struct{ days, generations int }{{6, 5}, {8, 3}} {
			days = tt.days
			publish(t, r, build(t, jump{from: "1.1", to: "1.2", revision: tt.days}), repo.Testing)
			if got := generations(); got != tt.generations {
				t.Errorf("after %d days: %d generations, want %d", days, got, tt.generations)
			}
			whole(t, w)
		}
		if left := names(t, w, "packages/"+dead); left != nil {
			t.Errorf("left: %v", left)
		}
		if names(t, w, "packages/"+fileSum(t, one)) == nil {
			t.Error("the withdrawn bundle is gone")
		}
	})
}

// TestFlipped changes one byte of a bundle at each place that a reader may treat differently. Nothing of it gets into a store, and another
// bundle that was uploaded before it is forgotten.
func TestFlipped(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		path := build(t, jump{from: "1.0", to: "1.1", revision: 1})
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h, err := rpmfile.Read(bytes.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		header := int(h.PayloadOffset) - len(h.Main.Raw())
		other := load(t, build(t, jump{from: "1.1", to: "1.2", revision: 1}))
		for place, at := range map[string]int{
			"lead": 0, "name in the lead": 20, "index of the signature header": 112, "reserved bytes of the signature header": header - 9,
			"header": header, "middle of the header": header + len(h.Main.Raw())/2, "end of the header": int(h.PayloadOffset) - 1,
			"beginning of the payload": int(h.PayloadOffset) + 4, "payload": (int(h.PayloadOffset) + len(good)) / 2, "last byte": len(good) - 1,
		} {
			bad := bytes.Clone(good)
			bad[at] ^= 1
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			r := open(t, w)
			l, err := loadFile(path)
			if err == nil {
				err = r.Upload(t.Context(), other, repo.Testing)
			}
			if err == nil {
				if err = r.Upload(t.Context(), l, repo.Testing); err == nil {
					t.Errorf("%s: it is uploaded", place)
				}
				if err := r.Forget(t.Context(), other); err != nil {
					t.Error(err)
				}
			}
			if exit.Code(err) != exit.BadBundle {
				t.Errorf("%s: %v", place, err)
			}
			if left := names(t, w, ""); left != nil {
				t.Fatalf("%s: left: %v", place, left)
			}
		}
		if left, err := w.Tidy(t.Context(), time.Now().Add(time.Minute)); left != 0 || err != nil {
			t.Errorf("%d uploads are left (%v)", left, err)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		publish(t, open(t, w), path, repo.Testing)
		whole(t, w)
	})
}

// A bundle whose companion somebody put there with other content is refused, and nothing of it stays.
func TestForeignCompanion(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		publish(t, open(t, w), build(t, jump{from: "0.9", to: "1.0", revision: 1}), repo.Testing)
		l := load(t, build(t, jump{from: "1.0", to: "1.1", revision: 1}))
		name := l.Bundle.File + ".sha256"
		if _, err := w.Put(t.Context(), name, strings.NewReader("other"), store.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		before := state(t, w)
		if _, err := open(t, w).Publish(t.Context(), l, repo.Testing); exit.Code(err) != exit.Refused || !strings.Contains(err.Error(), name) {
			t.Errorf("published: %v", err)
		}
		unchanged(t, w, before)
		whole(t, w)
	})
}
