package proof

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/release"
	"onerpm/payload-scripts/internal/rpm"
)

// Rehearse rebuilds the packages that it needs, runs the transaction to the new release in an empty root of its own
// below folder, with a copy of rpm's database and without scriptlets, and returns
// how long it took: the files are really written, to folder's file system. Nothing
// of the host is touched. The caller has seen to it that there is room for them. What comes
// early is installed too, as the others need it, and its time counts too.
func (w Ways) Rehearse(ctx context.Context, folder string) (time.Duration, error) {
	for _, set := range []*packages.Set{w.Main, w.Early} {
		if set == nil {
			continue
		}
		set.Rebuilt = filepath.Join(folder, release.RebuiltFolder)
		if err := set.Rebuild(ctx, nil, manifest.New); err != nil {
			return 0, err
		}
	}
	root := filepath.Join(folder, "root")
	path, err := w.Main.RPM.DBPath(ctx)
	if err != nil {
		return 0, err
	}
	db := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(db), 0o700); err != nil {
		return 0, err
	}
	if err := w.Main.RPM.Copy(ctx, db); err != nil {
		return 0, err
	}
	args, err := withEarly(ctx, w.Main, w.Early, (*packages.Set).UpgradeArgs, (*packages.Set).Path)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := rpm.Rehearse(ctx, root, path, args); err != nil {
		return 0, fmt.Errorf("rehearse the packages: %w", err)
	}
	took := time.Since(began)
	for _, made := range []string{root, w.Main.Rebuilt} {
		if err := os.RemoveAll(made); err != nil {
			return 0, fmt.Errorf("remove the rehearsed packages: %w", err)
		}
	}
	return took, nil
}
