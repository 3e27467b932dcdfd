package preflight

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/release"
)

// bundle compares every file of the bundle with the manifest.
func (r *run) bundle(ctx context.Context) []finding.Finding {
	var mu sync.Mutex
	var broken []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	listed := map[string]bool{manifest.Name: true}
	for _, f := range r.Manifest.Files {
		listed[f.Path] = true
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := r.intact(f); err != nil {
				mu.Lock()
				defer mu.Unlock()
				broken = append(broken, err.Error())
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return failed("read the bundle", err)
	}
	more, err := r.unlisted(listed)
	if err != nil {
		return failed("read the bundle", err)
	}
	var found []finding.Finding
	if len(broken) > 0 {
		found = append(found, finding.Finding{
			ID: "bundle-damaged", Level: finding.Refuse,
			What: "the bundle in " + r.Dir + " is not complete: " + list(sorted(broken), "; "),
			Do:   "install or unpack the bundle again; check the RPM with rpm -K",
		})
	}
	if len(more) > 0 {
		found = append(found, finding.Finding{
			ID: "bundle-has-more", Level: finding.Warn,
			What: "files in " + r.Dir + " do not come from the bundle: " + list(more, ", "),
			Do:   "nothing uses them; find out who put them there",
		})
	}
	return found
}

// intact compares one file by size and digest.
func (r *run) intact(f manifest.File) error {
	file, err := os.Open(filepath.Join(r.Dir, f.Path))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read only
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.Size {
		return fmt.Errorf("%s has %d bytes, the manifest says %d", f.Path, info.Size(), f.Size)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%s has the sha256 %s, the manifest says %s", f.Path, got, f.SHA256)
	}
	return nil
}

// unlisted returns the files of the bundle's folder that the manifest does not
// know. "version" and the packages that were rebuilt are the attempt's own.
func (r *run) unlisted(listed map[string]bool) ([]string, error) {
	var more []string
	err := filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path == filepath.Join(r.Dir, release.RebuiltFolder) {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(r.Dir, path)
		if err == nil && !listed[rel] && rel != "version" {
			more = append(more, rel)
		}
		return err
	})
	return more, err
}
