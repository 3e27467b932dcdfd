package release

import (
	"context"
	"crypto"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Verify reads the RPMs that the transaction to side needs and compares them with the
// manifest. A file whose digest was right before in this process, and which was
// not written to since, is not read again: the window is short.
func (b *Bundle) Verify(ctx context.Context, side manifest.Side) error {
	files, err := b.RPMs(side)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, file := range files {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return b.verifyFile(file)
		})
	}
	return group.Wait()
}

// sha256 is what the manifest says of a file of the bundle, or of one that is rebuilt.
func (b *Bundle) sha256(file string) string {
	if _, r := b.Manifest.Rebuilt(file); r != nil {
		return r.SHA256
	}
	for _, f := range b.Manifest.Files {
		if f.Path == file {
			return f.SHA256
		}
	}
	return ""
}

func (b *Bundle) verifyFile(file string) error {
	path, want := b.Path(file), b.sha256(file)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("verify a package of the bundle: %w", err)
	}
	b.mu.Lock()
	seen, ok := b.checked[file]
	b.mu.Unlock()
	if ok && seen.Equal(info.ModTime()) {
		return nil
	}
	sum, err := digestOf(path)
	if err != nil {
		return fmt.Errorf("verify a package of the bundle: %w", err)
	}
	if !strings.EqualFold(sum, want) {
		return fmt.Errorf("%s is damaged: its sha256 is %s, the manifest says %s; get the bundle again", path, sum, want)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.checked == nil {
		b.checked = map[string]time.Time{}
	}
	b.checked[file] = info.ModTime()
	return nil
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	return pkgfile.Digest(f, crypto.SHA256)
}
