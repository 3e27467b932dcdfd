package diff

import (
	"testing"

	"onerpm/bundler/internal/release"
)

func TestPartOf(t *testing.T) {
	t.Parallel()
	s := &release.Spec{}
	s.Packages.Early, s.Packages.Late = []string{"db"}, []release.Late{{Package: "search"}}
	for name, want := range map[string]string{"db": Early, "search": Late, "app": ""} {
		if got := partOf(s, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
