package machine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

// A cached folder appears whole or not at all, and many who want it have it made once.
func TestCached(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ONERPM_CACHE", dir)
	if _, err := cached(t.Context(), "kind", "bad", func(_ context.Context, path string) error {
		return errors.Join(os.WriteFile(path, nil, 0o600), errors.New("no luck"))
	}); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("a maker that fails: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "kind-bad*")); !slices.Equal(left, []string{filepath.Join(dir, "kind-bad.lock")}) {
		t.Errorf("it left %v", left)
	}
	var made atomic.Int32
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			e, err := cached(t.Context(), "kind", "good", func(_ context.Context, path string) error {
				made.Add(1)
				return os.Mkdir(path, 0o755)
			})
			e.release()
			return err
		})
	}
	if err := group.Wait(); err != nil || made.Load() != 1 {
		t.Errorf("made %d times, %v", made.Load(), err)
	}
	e, err := cached(t.Context(), "kind", "good", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := prune("kind", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(e.path); err != nil {
		t.Errorf("a folder in use was pruned: %v", err)
	}
	e.release()
	if err := prune("kind", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(e.path); err == nil {
		t.Error("a folder that nobody uses was not pruned")
	}
}
