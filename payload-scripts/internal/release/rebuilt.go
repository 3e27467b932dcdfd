package release

import (
	"context"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/rebuild"
)

// RebuiltFolder is where an attempt has the packages that are rebuilt, in its own folder.
const RebuiltFolder = "rebuilt"

// Path returns where rpm finds one of the bundle's RPMs. One that is rebuilt is there once Rebuild has made it.
func (b *Bundle) Path(file string) string {
	if _, r := b.Manifest.Rebuilt(file); r != nil {
		return filepath.Join(b.rebuilt(), file)
	}
	return filepath.Join(b.Dir, file)
}

// HeadPath returns a file that begins with the lead and the headers of one of the bundle's RPMs: the RPM itself, or all that is there of it
// before it is rebuilt. It is enough for rpm where no file is installed (--justdb, --test).
func (b *Bundle) HeadPath(file string) string {
	if _, r := b.Manifest.Rebuilt(file); r != nil {
		file = r.Head
	}
	return filepath.Join(b.Dir, file)
}

func (b *Bundle) rebuilt() string {
	if b.Rebuilt != "" {
		return b.Rebuilt
	}
	return filepath.Join(b.Dir, RebuiltFolder)
}

// Rebuild makes the RPMs of the transactions to the sides that are rebuilt. What is there already and right stays. tell is called with the bytes
// that were written since it was last called.
func (b *Bundle) Rebuild(ctx context.Context, tell func(file string, bytes int64), sides ...manifest.Side) error {
	var files []string
	for _, side := range sides {
		more, err := b.RPMs(side)
		if err != nil {
			return err
		}
		files = append(files, more...)
	}
	return b.source().Packages(ctx, b.rebuilt(), files, tell)
}

// RebuiltSize returns the bytes that Rebuild writes.
func (b *Bundle) RebuiltSize(sides ...manifest.Side) (int64, error) {
	var n int64
	for _, side := range sides {
		files, err := b.RPMs(side)
		if err != nil {
			return 0, err
		}
		for _, file := range files {
			if _, r := b.Manifest.Rebuilt(file); r != nil {
				n += r.Size
			}
		}
	}
	return n, nil
}

func (b *Bundle) source() rebuild.Bundle { return rebuild.Bundle{Manifest: b.Manifest, Dir: b.Dir} }
