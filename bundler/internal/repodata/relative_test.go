package repodata_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repodata"
)

// TestRelative wants the metadata for copies to be what Write makes of the same packages without a base.
func TestRelative(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var absolute, plain []repodata.Entry
	const base = "https://example.org/a&b"
	rpms := t.TempDir()
	build(t, rpms, rich, "-bb")
	found, err := filepath.Glob(filepath.Join(rpms, "*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	for _, path := range []string{found[0], pack(t, dir, "one", "1.0"), pack(t, dir, "two", "2.0")} {
		at := repodata.Place{Base: base, Href: "packages/" + filepath.Base(path)}
		absolute = append(absolute, describe(t, path, at))
		at.Base = ""
		plain = append(plain, describe(t, path, at))
	}
	set := write(t, nil, absolute)
	got, err := repodata.Relative(t.Context(), t.TempDir(), set, base)
	if err != nil {
		t.Fatal(err)
	}
	want := write(t, nil, plain)
	if got.Revision = want.Revision; !bytes.Equal(got.Repomd, want.Repomd) {
		t.Errorf("repomd.xml is\n%s\nwant\n%s", got.Repomd, want.Repomd)
	}
	if err := got.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if !slices.Equal(listed(t, got), listed(t, want)) {
		t.Errorf("it has %v", listed(t, got))
	}

	// Of metadata whose packages lie elsewhere, whole or in part, there is none, and nothing is left.
	into := t.TempDir()
	for what, other := range map[string]*repodata.Set{"another base": set, "none at all": want} {
		if _, err := repodata.Relative(t.Context(), into, other, "https://example.org/a"); exit.Code(err) != exit.Published {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left, err := os.ReadDir(into); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if empty, err := repodata.Relative(t.Context(), t.TempDir(), write(t, nil, nil), base); err != nil || len(listed(t, empty)) > 0 {
		t.Errorf("of no packages: %v", err)
	}
}
