package upgrade

import (
	"os"
	"path/filepath"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job/jobtest"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/release"
)

// TestRebuild: what prepare makes is all that any of the transactions needs, whichever engine process goes on; and it goes with the attempt's end.
func TestRebuild(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newPartsWorld(t)
	w.Compress(t)
	folder := filepath.Join(w.Dir, release.RebuiltFolder)
	for range 2 {
		_, rpms := w.process()
		jobtest.Do(t, rpms.rebuild(ctx))
		_, rpms = w.process()
		jobtest.Do(t, os.Truncate(rpms.set.Path("packages/rest-2-1.noarch.rpm"), 1000), rpms.rebuild(ctx))
		for _, need := range []struct {
			set  *packages.Set
			side manifest.Side
		}{{rpms.set, manifest.Old}, {rpms.set, manifest.New}, {rpms.early, manifest.New}} {
			jobtest.Do(t, need.set.Verify(ctx, need.side))
		}
		rpms.dropRebuilt()
		rpms.dropRebuilt()
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Errorf("what was rebuilt is still there: %v", err)
		}
		if err := rpms.set.Verify(ctx, manifest.New); err == nil {
			t.Error("packages are right that are not there")
		}
	}
}
