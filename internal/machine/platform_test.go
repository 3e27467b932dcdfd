package machine

import (
	"slices"
	"strings"
	"testing"
)

// A platform has its own packages and PostgreSQL, and a root that no other has; what only another one needs makes no other root of it.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, name := range Platforms() {
		p, err := rootOf(Options{Platform: name, System: System{Packages: "postgresql-@POSTGRESQL@"}})
		if err != nil {
			t.Fatal(err)
		}
		packages := p.packages()
		if !slices.Contains(packages, "postgresql-"+p.postgresql) || slices.Contains(packages, "dnf5") != (name == "debian14") || slices.Contains(packages, "dnf") == (name == "debian14") {
			t.Errorf("%s has %q", name, packages)
		}
		if all := strings.Join(append(packages, p.excludes()...), " "); strings.ContainsAny(all, "@") || strings.Contains(all, "debian1") {
			t.Errorf("%s: not filled in: %s", name, all)
		}
		keys[p.rootKey()] = true
	}
	if len(keys) != len(platforms) {
		t.Errorf("%d platforms have %d roots", len(platforms), len(keys))
	}
	if p, err := platformOf(""); err != nil || p.Name != Usual {
		t.Errorf("without a name: %q, %v", p.Name, err)
	}
	if _, err := platformOf("debian10"); err == nil || !strings.Contains(err.Error(), "debian11, debian12") {
		t.Errorf("a platform that is not there: %v", err)
	}
}
