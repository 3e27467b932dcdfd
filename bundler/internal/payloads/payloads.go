// Package payloads compresses the payloads of the packages that a jump changes: those of the old and the new package of a name together, so
// that what they share is there once. The engine rebuilds the packages (package rebuild of the engine).
//
// It promises that what it made was unpacked again and compared before it is used; that equal packages give equal bytes; that memory does not grow
// with the packages; and that what cannot be unpacked here, or would not become smaller, travels as it is.
package payloads

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/internal/stored"
)

// edition is the version of what is made of the same packages. It changes with the order of pieces, and with the library that compresses them.
const edition = "1"

// worth is the part of the packages' bytes that their payloads compressed as one must not exceed.
const worth = 0.95

// Package is one that the jump changes.
type Package struct {
	manifest.Package
	Component pack.Component
	Header    *rpmpkg.Package
}

// Options say where what was made is kept, and who is told.
type Options struct {
	Cache    string            // folder; made when it is needed
	Progress func(bytes int64) // called with the bytes of packages that are done since it was last called
}

// Make compresses the payloads of the packages of both releases. Those that are in nothing of what it returns travel as they are. Errors have exit codes: exit.Mismatch, a
// *pack.MismatchError, for a package that is not what the release says, exit.Output for the cache.
func Make(ctx context.Context, old, new []Package, o Options) ([]pack.Solid, error) {
	var all []pack.Solid
	for _, p := range pairs(old, new) {
		s, err := p.get(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, one := range p.packages {
			o.Progress(one.Size)
		}
		if s != nil {
			all = append(all, *s)
		}
	}
	return all, nil
}

// pair is the packages of one name, the new one first; one of them may lack.
type pair struct {
	name     string
	packages []Package
}

// pairs returns what can be compressed, sorted by name.
func pairs(old, new []Package) []pair {
	byName := map[string]*pair{}
	for _, set := range [][]Package{new, old} {
		for _, p := range set {
			if p.File == "" || !stored.Has(p.Header.Lib.PayloadCompression()) {
				continue
			}
			if byName[p.Name] == nil {
				byName[p.Name] = &pair{name: p.Name}
			}
			byName[p.Name].packages = append(byName[p.Name].packages, p)
		}
	}
	var list []pair
	for _, p := range byName {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	return list
}

// get takes what was made before, or makes it; nil when the packages travel as they are.
func (p pair) get(ctx context.Context, o Options) (*pack.Solid, error) {
	folder := filepath.Join(o.Cache, p.key())
	if s, err := p.cached(folder); err == nil {
		return s, nil
	}
	if err := p.make(ctx, o.Cache, folder); err != nil {
		return nil, err
	}
	s, err := p.cached(folder)
	return s, unwritable(err)
}

// key names what is made of the packages.
func (p pair) key() string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "edition %s\n", edition) // a hash never fails
	for _, one := range p.packages {
		_, _ = fmt.Fprintf(sum, "%s %s\n", one.SHA256, one.File)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return exit.With(exit.Output, fmt.Errorf("compress the packages: %w", err), "free disk space, or choose another folder with --cache")
}

// make makes it in a folder of its own, which gets its name when all is done.
func (p pair) make(ctx context.Context, cache, folder string) error {
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return unwritable(err)
	}
	dir, err := os.MkdirTemp(cache, "making-")
	if err != nil {
		return unwritable(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover does no harm
	r, err := p.fill(ctx, dir)
	if err != nil {
		return err
	}
	if r.Solid == nil { // what was begun is not wanted
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
			return unwritable(err)
		}
	}
	if err := r.write(dir); err != nil {
		return unwritable(err)
	}
	if err := os.RemoveAll(folder); err != nil { // one that is damaged
		return unwritable(err)
	}
	return unwritable(os.Rename(dir, folder))
}

// fill makes it; a record without a Solid says that the packages travel as they are.
func (p pair) fill(ctx context.Context, dir string) (record, error) {
	var spools []*spool
	defer func() {
		for _, s := range spools {
			s.drop()
		}
	}()
	for i, one := range p.packages {
		s, err := unpack(ctx, one, dir, i)
		if s != nil {
			spools = append(spools, s)
		}
		if err != nil || s == nil { // it cannot be read here
			return record{}, err
		}
	}
	return p.compress(ctx, dir, spools)
}
