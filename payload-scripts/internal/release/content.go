package release

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Content returns what a package of the bundle has in a %config file. The
// package is compared with the manifest before, the content with the package's
// header. All %config files of a package are read together, once in a process.
func (b *Bundle) Content(ctx context.Context, f *Shipped) ([]byte, error) {
	b.contents.Lock()
	defer b.contents.Unlock()
	all, known := b.contents.of[f.rpm]
	if !known {
		var err error
		if all, err = b.unpack(ctx, f.rpm); err != nil {
			return nil, fmt.Errorf("read the configuration files of %s: %w", f.Package, err)
		}
		if b.contents.of == nil {
			b.contents.of = map[string]map[string][]byte{}
		}
		b.contents.of[f.rpm] = all
	}
	data, there := all[f.info.Path]
	if !there {
		return nil, fmt.Errorf("the payload of %s does not hold %s", f.Package, f.info.Path)
	}
	return data, nil
}

func (b *Bundle) unpack(ctx context.Context, file string) (map[string][]byte, error) {
	for _, f := range b.Manifest.Files {
		if f.Path == file {
			if err := b.verifyFile(file, f.SHA256); err != nil {
				return nil, err
			}
		}
	}
	header, err := b.Header(file)
	if err != nil {
		return nil, err
	}
	marked, err := b.marked()
	if err != nil {
		return nil, err
	}
	want := map[string]rpmfile.FileInfo{}
	for _, f := range pkgfile.Files(header) {
		if f.IsRegular() && !f.IsGhost() && slices.Contains(marked, f.Path) {
			want[f.Path] = f
		}
	}
	return Unpack(ctx, filepath.Join(b.Dir, file), want)
}
