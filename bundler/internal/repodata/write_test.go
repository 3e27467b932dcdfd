package repodata_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repodata"
	"onerpm/internal/nevra"
)

// some makes n entries of packages that differ.
func some(t testing.TB, n int) []repodata.Entry {
	t.Helper()
	dir := t.TempDir()
	list := make([]repodata.Entry, n)
	for i := range list {
		list[i] = describe(t, pack(t, dir, fmt.Sprintf("p%02d", i), "1.0"), repodata.Place{Base: "https://example.org", Href: fmt.Sprintf("packages/%d/p.rpm", i)})
	}
	return list
}

func listed(t testing.TB, s *repodata.Set) []string {
	t.Helper()
	var list []string
	for p, err := range s.Packages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p.NEVRA())
	}
	slices.Sort(list)
	return list
}

// TestSpliced adds and drops in many orders: only what is in the end counts.
func TestSpliced(t *testing.T) {
	t.Parallel()
	all := some(t, 12)
	want := write(t, nil, all)
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 0))
		var set *repodata.Set
		var in []repodata.Entry
		left := slices.Clone(all)
		random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		for len(left) > 0 {
			n := 1 + random.IntN(len(left))
			add := left[:n]
			left = left[n:]
			var drop []string
			if len(in) > 0 && random.IntN(2) == 0 {
				i := random.IntN(len(in))
				drop = append(drop, in[i].SHA256)
				left = append(left, in[i])
				in = slices.Delete(in, i, i+1)
			}
			in = append(in, add...)
			set = write(t, set, add, drop...)
			var names []string
			for _, e := range in {
				names = append(names, e.NEVRA)
			}
			slices.Sort(names)
			if got := listed(t, set); !slices.Equal(got, names) {
				t.Fatalf("seed %d: %v, want %v", seed, got, names)
			}
		}
		for i, f := range set.Files {
			f.Path = want.Files[i].Path
			if f != want.Files[i] {
				t.Errorf("seed %d: %+v, written at once it is %+v", seed, f, want.Files[i])
			}
		}
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	path := pack(t, t.TempDir(), "small", "1.0")
	place := repodata.Place{Base: "https://example.org/a&b", Href: "packages/x%2By/small.rpm"}
	e := describe(t, path, place)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	want := repodata.Package{ID: nevra.ID{Name: "small", Version: "1.0", Release: "1", Arch: "noarch"}, SHA256: e.SHA256, Size: info.Size(), Place: place}
	for p, err := range write(t, nil, []repodata.Entry{e}).Packages(t.Context()) {
		if err != nil || p != want || p.NEVRA() != e.NEVRA {
			t.Errorf("got %+v, %v, want %+v", p, err, want)
		}
	}
	for range write(t, nil, some(t, 3)).Packages(t.Context()) {
		break // a caller may stop
	}
}

func TestEmptyAndBack(t *testing.T) {
	t.Parallel()
	e := some(t, 1)
	none := write(t, nil, nil)
	one := write(t, none, e)
	back := write(t, one, nil, e[0].SHA256)
	if got := listed(t, back); len(got) != 0 {
		t.Errorf("dropped, and still there: %v", got)
	}
	if none.Revision != 1500000000 || one.Revision != none.Revision+1 || back.Revision != one.Revision+1 {
		t.Errorf("revisions %d, %d, %d", none.Revision, one.Revision, back.Revision)
	}
	if back.Files[0].SHA256 != none.Files[0].SHA256 {
		t.Error("an empty list has two forms")
	}
}

// TestRefused holds what cannot be asked for, and that nothing is left behind.
func TestRefused(t *testing.T) {
	t.Parallel()
	e := some(t, 2)
	set := write(t, nil, e[:1])
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		want     string
		ctx      context.Context
		previous *repodata.Set
		add      []repodata.Entry
		drop     []string
	}{
		{"is there already", t.Context(), set, e[:1], nil},
		{"is not there", t.Context(), set, nil, []string{e[1].SHA256}},
		{"is not there", t.Context(), set, nil, []string{strings.Repeat("f", 64)}},
		{"drop 1 packages from 0", t.Context(), nil, e[:1], []string{e[1].SHA256}},
		{"added twice", t.Context(), set, []repodata.Entry{e[1], e[1]}, nil},
		{"dropped twice", t.Context(), set, nil, []string{e[0].SHA256, e[0].SHA256}},
		{"did not make", t.Context(), set, []repodata.Entry{{SHA256: e[1].SHA256}}, nil},
		{"context canceled", cancelled, set, e[1:], nil},
		{"not fetched", t.Context(), parsed(t, set.Repomd), e[1:], nil},
		{"no such file", t.Context(), moved(set, "nowhere"), e[1:], nil},
	} {
		dir := t.TempDir()
		_, err := repodata.Write(c.ctx, dir, c.previous, c.add, c.drop, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %v is left behind", c.want, left)
		}
	}
	if _, err := repodata.Write(t.Context(), filepath.Join(t.TempDir(), "none"), nil, e, nil, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
}

func parsed(t testing.TB, repomd []byte) *repodata.Set {
	t.Helper()
	s, err := repodata.Parse(repomd)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// moved returns the set with its files looked for in another folder.
func moved(s *repodata.Set, dir string) *repodata.Set {
	c := *s
	c.Files = slices.Clone(s.Files)
	for i := range c.Files {
		c.Files[i].Path = filepath.Join(dir, c.Files[i].Name)
	}
	return &c
}

// TestLoad reads back what was written, into the same folder twice.
func TestLoad(t *testing.T) {
	t.Parallel()
	e, dir := some(t, 2), t.TempDir()
	for i := range e {
		previous, err := repodata.Load(dir)
		if i > 0 && err != nil || i == 0 && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		set, err := repodata.Write(t.Context(), dir, previous, e[i:i+1], nil, 7)
		if err != nil {
			t.Fatal(err)
		}
		again, err := repodata.Load(dir)
		if err != nil || !slices.Equal(again.Files, set.Files) || again.Revision != set.Revision || !bytes.Equal(again.Repomd, set.Repomd) {
			t.Errorf("loaded %+v, %v, want %+v", again, err, set)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	path := pack(t, t.TempDir(), "small", "1.0")
	for _, p := range []repodata.Place{
		{"https://example.org/", "x.rpm"},
		{"example.org", "x.rpm"},
		{"https://example.org?a", "x.rpm"},
		{"https://example.org#a", "x.rpm"},
		{"%", "x.rpm"},
		{"", ""},
		{"", "/x.rpm"},
		{"", "../x.rpm"},
		{"", "a/./x.rpm"},
		{"", "a//x.rpm"},
		{"", "https://example.org/x.rpm"},
	} {
		if _, err := try(t, path, p); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
	for _, p := range []repodata.Place{{"file:///srv/repo", "packages/x.rpm"}, {"", "x.rpm"}} {
		if _, err := try(t, path, p); err != nil {
			t.Error(err)
		}
	}
}

// TestRevisionBound: a revision without end could not be followed by a later one.
func TestRevisionBound(t *testing.T) {
	t.Parallel()
	set := write(t, nil, nil)
	b := bytes.Replace(set.Repomd, []byte("<revision>1500000000<"), []byte("<revision>9223372036854775807<"), 1)
	if _, err := repodata.Parse(b); err == nil {
		t.Error("a revision that none can follow is taken")
	}
}

// TestUndescribable holds what no XML can say: such a header is the bundle's fault.
func TestUndescribable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\x01b", "a\x1b[1m", "\uFFFE"} {
		path := pack(t, t.TempDir(), "bad", "1.0", func(r *rpmpack.RPM) { r.Description = text })
		if _, err := try(t, path, repodata.Place{Href: "x.rpm"}); exit.Code(err) != exit.BadBundle {
			t.Errorf("%q: %v", text, err)
		}
	}
}
