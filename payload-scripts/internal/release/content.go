package release

import (
	"context"
	"fmt"
	"io"
	"slices"

	"onerpm/internal/cpio"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Content returns what a package of the bundle has in a %config file. The
// package, or the file that has its payload, is compared with the manifest, the content with the package's
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
	_, rebuilt := b.Manifest.Rebuilt(file)
	listed := file
	if rebuilt != nil {
		listed = rebuilt.Head
	}
	if err := b.verifyFile(listed); err != nil {
		return nil, err
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
	if rebuilt != nil {
		var found map[string][]byte
		err := b.source().Payload(ctx, file, func(from io.Reader) (err error) {
			found, err = pick(cpio.NewReader(from), want)
			return err
		})
		return found, err
	}
	return Unpack(ctx, b.Path(file), want)
}
