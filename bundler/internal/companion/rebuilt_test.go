package companion_test

import (
	"strings"
	"testing"

	"onerpm/bundler/internal/companion"
	"onerpm/internal/manifest"
)

// TestRebuilt: of a package that is rebuilt on the host both statements name the original, and the bill of materials also what it is rebuilt of.
func TestRebuilt(t *testing.T) {
	t.Parallel()
	b := sample(t)
	for i, f := range b.Files {
		if f.Path == "packages/a-2-1.noarch.rpm" {
			b.Files[i].Path = "packages/a-2-1.noarch.rpm.head"
		}
		if f.Path == "rollback/a-1-1.noarch.rpm" {
			b.Files[i].Path = "solid/a.zst"
		}
	}
	original, made := strings.Repeat("1", 64), strings.Repeat("2", 64)
	b.Manifest.New[0].SHA256 = original
	b.Manifest.Solid = []manifest.Solid{{File: "solid/a.zst", Packages: []manifest.Rebuilt{{File: "packages/a-2-1.noarch.rpm", Head: "packages/a-2-1.noarch.rpm.head", SHA256: made}}}}
	bom := string(sbom(t, b))
	provenance, err := companion.Provenance(b, sum, []byte(bom), "ABCD")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{original, made, "packages/a-2-1.noarch.rpm.head solid/a.zst", "file/solid/a.zst"} {
		if !strings.Contains(bom, want) {
			t.Errorf("the bill of materials has no %s", want)
		}
	}
	if !strings.Contains(string(provenance), original) || !strings.Contains(string(provenance), "pkg:rpm/a@2~rc1%2Bx%5Ey-1?arch=noarch") {
		t.Errorf("the statement does not name the original: %s", provenance)
	}
	for _, not := range []string{"solid/a.zst", ".head"} {
		if strings.Contains(string(provenance), not) {
			t.Errorf("the statement names %s, which the build made", not)
		}
	}
}
