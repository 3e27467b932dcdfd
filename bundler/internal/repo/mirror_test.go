package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/store"
	"onerpm/test/need"
)

// mirror copies a store as bundler mirror does.
func mirror(t testing.TB, from, to store.Store, url string) (*repo.Mirror, error) {
	t.Helper()
	r := open(t, from, func(o *repo.Options) { o.Key, o.Public = nil, public(t) })
	return r.MirrorTo(t.Context(), to, url)
}

// folder is a store in a new folder.
func folder(t testing.TB) world {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return world{Store: s, address: dir}
}

// TestMirror copies a store as it grows, and after a bundle was withdrawn, and has dnf install from the copy while the store is out of reach.
func TestMirror(t *testing.T) {
	t.Parallel()
	need.Root(t)
	everywhere(t, func(t *testing.T, to world) {
		from, r, server := origin(t)
		one := publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
		publish(t, r, build(t, jump{from: "1.1", to: "1.2", revision: 1}), repo.Testing)
		m, err := mirror(t, from, to, "")
		if err != nil {
			t.Fatal(err)
		}
		if m.Bundles != 1 || m.Bytes != one.Bundle.Size || m.Copied != m.Bytes || m.Origin != server.URL {
			t.Errorf("it is %+v", m)
		}
		whole(t, to)
		if m, err := mirror(t, from, to, ""); err != nil || m.Copied != 0 {
			t.Errorf("once more: %+v, %v", m, err)
		}
		two := publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 2}), repo.Stable)
		if _, err := r.Withdraw(t.Context(), nevra1, "it was wrong"); err != nil {
			t.Fatal(err)
		}
		if m, err = mirror(t, from, to, ""); err != nil || m.Copied != two.Bundle.Size {
			t.Errorf("after a second bundle: %+v, %v", m, err)
		}
		whole(t, to)
		if left := names(t, to, "packages/"+one.Bundle.SHA256); left != nil {
			t.Errorf("the bundle that was withdrawn is there: %v", left)
		}
		if g := names(t, to, "stable/g/"); len(g) != 10 {
			t.Errorf("of stable's states there is %v", g)
		}

		server.Close()
		settings := content(t, to, prefix+".repo")
		d := customer(t, settings+shell(t))
		into := t.TempDir()
		if out, err := d.run("install", "--downloadonly", "--downloaddir="+into, prefix+"-1.1"); err != nil {
			t.Fatalf("from the copy: %v\n%s", err, out)
		}
		if got := fileSum(t, filepath.Join(into, two.Bundle.NEVRA+".rpm")); got != two.Bundle.SHA256 {
			t.Errorf("dnf has a file with %s", got)
		}
		if _, text, err := open(t, to, func(o *repo.Options) { o.Key = nil }).Settings(t.Context()); err != nil || text != settings {
			t.Errorf("setup tells %q, %v", text, err)
		}
		page := content(t, to, "index.html")
		if strings.Contains(page, server.URL) || strings.Contains(page, prefix+"-1.2") || !strings.Contains(page, prefix+"-1.1") {
			t.Error("the page names the store that it is a copy of, or what is in testing, or lacks what is in stable")
		}
		if short := content(t, to, prefix+"-1.1.rpm"); sumOf([]byte(short)) != two.Bundle.SHA256 {
			t.Error("the short name is another bundle's")
		}
	})
}

// TestMirrorRefused looks at what is not copied, where nothing is copied to, and what must not be done with a copy.
func TestMirrorRefused(t *testing.T) {
	t.Parallel()
	from, r, _ := origin(t)
	if _, err := mirror(t, from, folder(t), ""); exit.Code(err) != exit.Usage || exit.Hint(err) == "" {
		t.Errorf("of nothing: %v", err)
	}
	one := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	res := publish(t, r, one, repo.Stable)
	own := folder(t)
	publish(t, open(t, own), one, repo.Stable)
	before := names(t, own, "")
	if _, err := mirror(t, from, own, ""); exit.Code(err) != exit.Refused || !slices.Equal(names(t, own, ""), before) {
		t.Errorf("into a store of its own: %v", err)
	}
	if _, err := mirror(t, from, folder(t), "ftp://x"); exit.Code(err) != exit.Usage {
		t.Errorf("for customers of ftp: %v", err)
	}
	to := folder(t)
	if _, err := mirror(t, from, to, "https://mirror.example.org/up"); err != nil {
		t.Fatal(err)
	}
	whole(t, to)
	if text := content(t, to, prefix+".repo"); strings.Count(text, "https://mirror.example.org/up/") != 2 {
		t.Errorf("the settings are\n%s", text)
	}
	if _, err := open(t, to).Publish(t.Context(), load(t, one), repo.Stable); exit.Code(err) != exit.Refused || !strings.Contains(err.Error(), "a copy of "+from.address) {
		t.Errorf("publish there: %v", err)
	}
	if _, err := open(t, to).Withdraw(t.Context(), nevra1, "x"); exit.Code(err) != exit.Refused {
		t.Errorf("withdraw there: %v", err)
	}

	// What is damaged does not come into a copy, whichever file it is.
	for _, name := range names(t, from, "") {
		if !strings.HasPrefix(name, "packages/") && !strings.HasPrefix(name, "stable/g/"+stableOf(t, from)) && name != "RPM-GPG-KEY-"+prefix {
			continue
		}
		path, into := filepath.Join(from.address, name), folder(t)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 1
		if err := replace(path, bad); err != nil {
			t.Fatal(err)
		}
		if _, err := mirror(t, from, into, ""); exit.Code(err) != exit.Published && exit.Code(err) != exit.BadBundle {
			t.Errorf("%s is damaged: %v", name, err)
		}
		left := names(t, into, "")
		if name == res.Bundle.File && slices.Contains(left, name) || slices.Contains(left, "repodata/repomd.xml") {
			t.Errorf("%s is damaged, and there is %v", name, left)
		}
		if err := replace(path, good); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, from)
}

// stableOf is the present generation of stable.
func stableOf(t testing.TB, s store.Store) string {
	t.Helper()
	return filepath.Base(strings.TrimSpace(content(t, s, "stable/mirrorlist")))
}

// TestMirrorEndedAnywhere ends the copying of a store that has changed before each operation on the copy. Whenever it was, what the copy's
// metadata names is there, and the next run makes the copy whole.
func TestMirrorEndedAnywhere(t *testing.T) {
	t.Parallel()
	from, r, _ := origin(t)
	publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
	first := folder(t)
	if _, err := mirror(t, from, first, ""); err != nil {
		t.Fatal(err)
	}
	publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 2}), repo.Stable)
	publish(t, r, build(t, jump{from: "1.1", to: "1.2", revision: 1}), repo.Stable)
	if _, err := r.Withdraw(t.Context(), nevra1, "it was wrong"); err != nil {
		t.Fatal(err)
	}
	for n := int64(0); ; n++ {
		to := folder(t)
		if err := os.CopyFS(to.address, os.DirFS(first.address)); err != nil {
			t.Fatal(err)
		}
		f := &flaky{Store: to.Store}
		f.left.Store(n)
		_, err := mirror(t, from, f, "")
		if err != nil && !errors.Is(err, errBroken) {
			t.Errorf("ended at %d: %v", n, err)
		}
		usable(t, to, fmt.Sprintf("ended at %d", n))
		if _, err := mirror(t, from, to, ""); err != nil {
			t.Errorf("after it was ended at %d: %v", n, err)
		}
		whole(t, to)
		if err == nil {
			t.Logf("%d operations", n)
			return
		}
	}
}

// usable wants all that the metadata at a copy's top names to be there.
func usable(t testing.TB, w world, what string) {
	t.Helper()
	set, err := repodata.Load(filepath.Join(w.address, "repodata"))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := set.Check(t.Context()); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for p, err := range set.Packages(t.Context()) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := fileSum(t, filepath.Join(w.address, p.Place.Href)); got != p.SHA256 {
			t.Errorf("%s: %s has sha256 %s", what, p.Place.Href, got)
		}
	}
}

// TestMirrorSwept keeps lists for a week that the copy's metadata does not name any more.
func TestMirrorSwept(t *testing.T) {
	t.Parallel()
	from, r, _ := origin(t)
	to := folder(t)
	for i := range 2 {
		publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1 + i}), repo.Stable)
		if _, err := mirror(t, from, to, ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(names(t, to, "repodata/")); n != 8 {
		t.Errorf("there are %d files of metadata", n)
	}
	later := open(t, from, func(o *repo.Options) {
		o.Key, o.Public, o.Now = nil, public(t), func() time.Time { return time.Now().AddDate(0, 0, 8) }
	})
	if _, err := later.MirrorTo(t.Context(), to, ""); err != nil {
		t.Fatal(err)
	}
	if left := names(t, to, "repodata/"); len(left) != 5 {
		t.Errorf("a week later there are %v", left)
	}
	whole(t, to)
}
