package main

import (
	"bytes"
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
	"strings"

	"onerpm/test/product/internal/product"
)

// built is one RPM that lies in a release's folder.
type built struct {
	Name   string // of the package
	File   string // base name
	SHA256 string
	Size   int64 // bytes
}

// stamp remembers what a release's folder was built from and what came out.
type stamp struct {
	Inputs string
	Files  []built
}

// ensure builds a release's packages unless they lie there, whole, from the same inputs.
func ensure(ctx context.Context, root, dir string, r product.Release, inputs string) (files []built, fresh bool, err error) {
	folder, mark := filepath.Join(dir, r.Version), filepath.Join(dir, ".built-"+r.Version)
	if s, err := readStamp(mark); err == nil && s.Inputs == inputs && intact(folder, s.Files) {
		return s.Files, false, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, false, err
	}
	programs, err := buildPrograms(ctx, root, r)
	if err != nil {
		return nil, false, err
	}
	all, err := packages(ctx, r, programs)
	if err != nil {
		return nil, false, err
	}
	for _, p := range all {
		f, err := p.write(folder, r)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", p.name, err)
		}
		files = append(files, f)
	}
	if err := removeOthers(folder, files); err != nil {
		return nil, false, err
	}
	b, err := json.Marshal(stamp{inputs, files})
	if err != nil {
		return nil, false, err
	}
	return files, true, replace(mark, b)
}

func readStamp(path string) (stamp, error) {
	var s stamp
	b, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

func intact(folder string, files []built) bool {
	for _, f := range files {
		sum, size, err := digest(filepath.Join(folder, f.File))
		if err != nil || sum != f.SHA256 || size != f.Size {
			return false
		}
	}
	return len(files) > 0
}

func digest(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// removeOthers deletes packages of an earlier build that this one no longer makes.
func removeOthers(folder string, files []built) error {
	found, err := filepath.Glob(filepath.Join(folder, "*.rpm"))
	if err != nil {
		return err
	}
	for _, path := range found {
		if !slices.ContainsFunc(files, func(f built) bool { return f.File == filepath.Base(path) }) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// replace puts a file in place whole.
func replace(path string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// hashInputs digests all that the packages are made from: the product's sources, the
// modules and the toolchain.
func hashInputs(ctx context.Context, root string) (string, error) {
	h := sha256.New()
	cmd, err := goCommand(ctx, root, "version")
	if err != nil {
		return "", err
	}
	version, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go version: %w", err)
	}
	h.Write(bytes.TrimSpace(version))
	add := func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		fmt.Fprintf(h, "\n%s %x", filepath.ToSlash(rel), sha256.Sum256(b))
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := add(filepath.Join(root, name)); err != nil {
			return "", err
		}
	}
	top := filepath.Join(root, "test", "product")
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"bootstrap", "schema", "sample", "rendered", "pgserver", "documents", "expected", "testdata"}, d.Name()):
			return filepath.SkipDir // not in any package
		case d.Type().IsRegular() && !strings.HasSuffix(path, "_test.go"):
			return add(path)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
