package preflight

import (
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages"
)

// TestRoomForTheRest: an attempt that was stopped while it rebuilt packages, and begins again, needs room for those only that lack.
func TestRoomForTheRest(t *testing.T) {
	t.Parallel()
	w := world(t, true)
	w.Compress(t)
	set := packages.New(w.Manifest, w.Dir, "", w.Root)
	var err error
	if set.Had, err = set.Optional(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &run{Input: Input{Manifest: w.Manifest, Dir: w.Dir, Root: w.Root}, set: set}
	need := func() int64 {
		t.Helper()
		n, err := r.rebuilt(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got, want := need(), w.Manifest.RebuiltSize(); got != want || got == 0 {
		t.Errorf("%d bytes for all of it, want %d", got, want)
	}
	old, err := set.RebuiltSize(manifest.Old)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Rebuild(t.Context(), nil, manifest.New); err != nil {
		t.Fatal(err)
	}
	if got := need(); got > old {
		t.Errorf("%d bytes when the new packages are there, want %d at most", got, old)
	}
	if err := set.Rebuild(t.Context(), nil, manifest.Old); err != nil {
		t.Fatal(err)
	}
	if got := need(); got != 0 {
		t.Errorf("%d bytes when all packages are there", got)
	}
}
