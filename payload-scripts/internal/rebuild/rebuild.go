// Package rebuild makes packages on the host that the bundle carries in two parts: their heads as they are, and their payloads compressed as one
// with others'. What comes out is the vendor's package but for the blocks of its payload, which are stored: rpm installs it under the header that
// the vendor signed.
//
// It promises that a package has its name only when all of it is what the manifest says, by size and SHA-256; that no more is written than the
// manifest says; that it may be stopped anywhere and called again; and that memory does not grow with the packages.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/internal/solid"
	"onerpm/payload-scripts/internal/host"
)

// Bundle is a bundle whose files are in a folder.
type Bundle struct {
	Manifest *manifest.Manifest
	Dir      string
}

// DamagedError says that a file of the bundle, or what was made of it, is not what the manifest says.
type DamagedError struct{ Path, What string }

func (e *DamagedError) Error() string {
	return e.Path + " is damaged: " + e.What + "; get the bundle again"
}

// Packages makes those of the files, packages by their paths in the manifest, that are rebuilt, below folder, and has them on disk. One that is there
// already and is whole stays. tell is called with the bytes that were written since it was last called; nil for nobody.
func (b Bundle) Packages(ctx context.Context, folder string, files []string, tell func(file string, bytes int64)) error {
	wanted := false
	for _, s := range b.Manifest.Solid {
		todo := map[string]bool{}
		for _, r := range s.Packages {
			if !slices.Contains(files, r.File) {
				continue
			}
			wanted = true
			is, err := isWhole(filepath.Join(folder, r.File), r)
			if err != nil {
				return fmt.Errorf("look for rebuilt packages: %w", err)
			}
			if !is {
				todo[r.File] = true
			}
		}
		if len(todo) == 0 {
			continue
		}
		if err := b.unpack(ctx, s, folder, todo, tell); err != nil {
			return fmt.Errorf("rebuild packages: %w", err)
		}
	}
	if !wanted {
		return nil
	}
	return host.SyncFS(folder) // whoever made what was there already may have been killed before this
}

// unpack makes those packages of one solid file that are to be made. Until all that was read and made is compared, none has its name.
func (b Bundle) unpack(ctx context.Context, s manifest.Solid, folder string, todo map[string]bool, tell func(string, int64)) (err error) {
	var made []*output
	defer func() {
		for _, o := range made {
			err = errors.Join(err, o.drop())
		}
	}()
	payloads := make([]solid.Payload, len(s.Packages))
	for i, r := range s.Packages {
		payloads[i] = solid.Payload{W: io.Discard, Size: r.PayloadSize}
		if !todo[r.File] {
			continue
		}
		o, err := b.begin(r, folder, tell)
		if err != nil {
			return err
		}
		made = append(made, o)
		payloads[i].W = o.payload
	}
	if err := b.read(ctx, s, payloads); err != nil {
		return err
	}
	for _, o := range made {
		if err := o.compare(); err != nil {
			return err
		}
	}
	for _, o := range made {
		if err := o.name(); err != nil {
			return err
		}
	}
	return nil
}

// Payload gives read a package's payload as it lies in the bundle, uncompressed, until that returns.
func (b Bundle) Payload(ctx context.Context, file string, read func(io.Reader) error) error {
	s, _ := b.Manifest.Rebuilt(file)
	if s == nil {
		return fmt.Errorf("read the payload of %s: it is not rebuilt", file)
	}
	from, to := io.Pipe()
	payloads := make([]solid.Payload, len(s.Packages))
	for i, r := range s.Packages {
		payloads[i] = solid.Payload{W: io.Discard, Size: r.PayloadSize}
		if r.File == file {
			payloads[i].W = to
		}
	}
	ctx, enough := context.WithCancel(ctx)
	done := make(chan error)
	go func() {
		err := b.read(ctx, *s, payloads)
		_ = to.CloseWithError(err) // never fails
		done <- err
	}()
	err := read(from)
	enough()
	_ = from.Close() // what is still to come is not wanted; never fails
	if broken := <-done; err != nil && broken != nil && !errors.Is(broken, context.Canceled) && !errors.Is(broken, io.ErrClosedPipe) {
		return broken // the cause
	}
	return err
}

// read reads a solid file and its digest with it.
func (b Bundle) read(ctx context.Context, s manifest.Solid, payloads []solid.Payload) error {
	f, err := os.Open(filepath.Join(b.Dir, s.File))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	in := newProved(b.Manifest, s.File)
	err = solid.Unpack(ctx, io.TeeReader(f, in), payloads)
	if errors.Is(err, solid.ErrDamaged) {
		return &DamagedError{Path: f.Name(), What: err.Error()}
	}
	if err != nil {
		return err
	}
	return in.compare(f.Name())
}
