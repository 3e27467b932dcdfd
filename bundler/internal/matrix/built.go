package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/sign"
)

// FindBuilt looks in a folder for the bundles of the project's jumps, by their short
// names, and for the certificates beside them. A file that is no bundle of the jump
// is as good as none; so is a certificate that key did not sign, is about other bytes,
// or tells of a failure. Without a key no certificate is looked at.
func FindBuilt(ctx context.Context, cat *release.Catalog, dir string, key *sign.Public) (map[string]Built, error) {
	found := map[string]Built{}
	for name, spec := range cat.Specs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		file := filepath.Join(dir, cat.Product.Prefix+"-"+spec.To+".rpm")
		b, err := readBuilt(file, cat.Product.Prefix+"-"+spec.To, spec.To)
		if err == nil && b != nil && key != nil {
			b.Certified, err = certificates(file, key, cat.Release(spec.To).Platforms)
		}
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", file, err)
		}
		if b != nil {
			found[name] = *b
		}
	}
	return found, nil
}

// readBuilt reads a bundle's header; nil when there is no such bundle.
func readBuilt(file, name, version string) (*Built, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	h, err := rpmpkg.Read(f)
	if err != nil || h.Name != name || h.Version != version {
		return nil, nil //nolint:nilerr // something else lies there
	}
	revision, err := strconv.Atoi(h.Release)
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	return &Built{File: file, Revision: revision, Certified: []string{}}, nil
}

// certificates returns the platforms that a bundle has good certificates for.
func certificates(file string, key *sign.Public, platforms []string) ([]string, error) {
	out := []string{}
	any := slices.ContainsFunc(platforms, func(p string) bool {
		_, err := os.Stat(filepath.Join(filepath.Dir(file), certify.FileName(file, p)))
		return err == nil
	})
	if !any {
		return out, nil // the bundle need not be read
	}
	sum, err := digest(file)
	if err != nil {
		return nil, err
	}
	verdict, err := certify.VerifyBeside(file, key, sum, platforms)
	for _, c := range verdict.Good {
		out = append(out, c.Platform)
	}
	return out, err
}

func digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// FromStore says which jumps' bundles the channels of a store have: in the revision of their specs, or else in the highest that is
// there; stable goes before others. details are those of package repo.
func FromStore(cat *release.Catalog, channels map[string]*repo.Index, details repo.DetailsFunc) (map[string]Published, error) {
	out := map[string]Published{}
	for _, channel := range []string{repo.Testing, repo.Stable} {
		index := channels[channel]
		if index == nil {
			continue
		}
		var bundles []repo.Bundle
		for _, b := range index.Bundles {
			spec := cat.Specs[b.From+"-"+b.To]
			if spec == nil {
				continue
			}
			if had, is := out[b.From+"-"+b.To]; !is || better(b.Revision, had.Revision, spec.Revision) {
				bundles = append(bundles, b)
			}
		}
		all, err := details(bundles)
		if err != nil {
			return nil, err
		}
		for _, b := range bundles {
			name := b.From + "-" + b.To
			if had, is := out[name]; is && !better(b.Revision, had.Revision, cat.Specs[name].Revision) {
				continue // of two in one channel
			}
			p := Published{Revision: b.Revision, Channel: channel, Certified: []string{}}
			for _, c := range all[b.SHA256].Certificates {
				p.Certified = append(p.Certified, c.Platform)
			}
			if b.Override != nil {
				p.Override = b.Override.Reason
			}
			out[name] = p
		}
	}
	return out, nil
}

// better reports whether a bundle is to be told rather than one that was found before, in the same channel or in one that goes
// behind: the spec's own revision, or else the highest.
func better(revision, than, spec int) bool {
	return revision == spec || than != spec && revision >= than
}
