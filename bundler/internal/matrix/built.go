package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"onerpm/bundler/internal/release"
	"onerpm/internal/rpmfile"
)

// maxCertificate bounds a certificate's file, in bytes.
const maxCertificate = 1 << 20

// FindBuilt looks in a folder for the bundles of the project's jumps, by their short
// names, and for the certificates beside them. A file that is no bundle of the jump
// is as good as none. A certificate counts when it names the bundle's very bytes; its
// signature is not looked at here: publish does, and what a store holds went through it.
func FindBuilt(ctx context.Context, cat *release.Catalog, dir string) (map[string]Built, error) {
	found := map[string]Built{}
	for name, spec := range cat.Specs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		file := filepath.Join(dir, cat.Product.Prefix+"-"+spec.To+".rpm")
		b, err := readBuilt(file, cat.Product.Prefix+"-"+spec.To, spec.To)
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
	h, err := rpmfile.Read(f)
	if err != nil || h.Name != name || h.Version != version {
		return nil, nil //nolint:nilerr // something else lies there
	}
	revision, err := strconv.Atoi(h.Release)
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	b := &Built{File: file, Revision: revision}
	b.Certified, err = certificatesOf(f, file)
	return b, err
}

// certificatesOf returns the platforms whose certificate beside a bundle names its bytes.
func certificatesOf(bundle *os.File, file string) ([]string, error) {
	platforms := []string{}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	sum := ""
	for _, e := range entries {
		rest, is := strings.CutPrefix(e.Name(), filepath.Base(file)+".certificate.")
		platform, whole := strings.CutSuffix(rest, ".intoto.json")
		if !is || !whole || platform == "" {
			continue
		}
		if sum == "" {
			if sum, err = digest(bundle); err != nil {
				return nil, err
			}
		}
		if subjects, err := subjectsOf(filepath.Join(filepath.Dir(file), e.Name())); err == nil && slices.Contains(subjects, sum) {
			platforms = append(platforms, platform)
		}
	}
	return platforms, nil
}

func digest(f *os.File) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, 1<<62)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// subjectsOf returns the SHA-256 digests that an in-toto statement is about.
func subjectsOf(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var statement struct {
		Subject []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if err := json.NewDecoder(io.LimitReader(f, maxCertificate)).Decode(&statement); err != nil {
		return nil, err
	}
	var out []string
	for _, s := range statement.Subject {
		out = append(out, s.Digest["sha256"])
	}
	return out, nil
}
