package pack

import (
	"testing"

	"onerpm/internal/manifest"
)

// TestRoomToRebuild: the gate demands room for the packages that are rebuilt, beside what they are rebuilt of.
func TestRoomToRebuild(t *testing.T) {
	t.Parallel()
	b := assemble(t, newProject(t))
	before := b.requiredSpace()
	b.Manifest.Solid = []manifest.Solid{{Packages: []manifest.Rebuilt{{Size: 3 << 30}, {Size: 1 << 30}}}, {Packages: []manifest.Rebuilt{{Size: 5 << 30}}}}
	if got, want := b.requiredSpace(), before.Opt+9<<20; got.Opt != want || got.Var != before.Var { // in KiB
		t.Errorf("%+v, want %d in /opt", got, want)
	}
}
