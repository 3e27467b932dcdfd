// Package deliver writes a bundle into a folder, with what belongs beside it: checksum, bill of materials, provenance and its signature.
package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/companion"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/output"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/sign"
)

// Result says what was written. Files are in the folder that was given.
type Result struct {
	File       string `json:"file"`
	NEVRA      string `json:"nevra"`
	Size       int64  `json:"size"` // bytes
	SHA256     string `json:"sha256"`
	From       string `json:"from"`
	To         string `json:"to"`
	Key        string `json:"key"` // fingerprint
	DemoKey    bool   `json:"demoKey"`
	Checksum   string `json:"checksum"` // file, as the next two
	SBOM       string `json:"sbom"`
	Provenance string `json:"provenance"`
	Signature  string `json:"provenanceSignature"`
	Product    string `json:"-"` // for people
}

// Write writes the bundle and what lies beside it into a folder; all of it appears, or nothing. progress is called with how many more
// bytes of the bundle's files were packed.
func Write(ctx context.Context, b pack.Bundle, key *sign.Key, dir string, progress func(n int64)) (Result, error) {
	out, err := output.Open(dir)
	if err != nil {
		return Result{}, err
	}
	defer out.Discard()
	f, err := out.Create(b.FileName())
	if err != nil {
		return Result{}, err
	}
	if err := b.Write(ctx, f, key, progress); err != nil {
		return Result{}, err
	}
	sum, err := finish(f)
	if err != nil {
		return Result{}, err
	}
	if err := companions(out, b, sum, key); err != nil {
		return Result{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	m := b.Manifest
	return Result{
		File: at(b.FileName()), NEVRA: b.ID().NEVRA(), Size: info.Size(), SHA256: sum, From: m.From, To: m.To, Product: m.Product,
		Key: key.Fingerprint(), DemoKey: key.Demo(), Checksum: at(companion.ChecksumName(b)),
		SBOM: at(companion.SBOMName(b)), Provenance: at(companion.ProvenanceName(b)), Signature: at(companion.ProvenanceName(b) + ".asc"),
	}, out.Commit()
}

// finish brings the file to the disk and, meanwhile, takes its SHA-256. It has to
// be read once more: the headers, which come first in it, were written last.
func finish(f *os.File) (string, error) {
	sum := sha256.New()
	var both errgroup.Group
	both.Go(f.Sync)
	both.Go(func() error {
		// A buffer that stays in a core's cache. The bare types have the copy use it.
		_, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{io.NewSectionReader(f, 0, 1<<62)}, make([]byte, 256<<10))
		return err
	})
	if err := both.Wait(); err != nil {
		return "", exit.With(exit.Output, fmt.Errorf("finish the bundle: %w", err), "")
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// companions adds checksum, bill of materials and provenance. The last names the
// other files by digest, so its signature holds for all.
func companions(out *output.Set, b pack.Bundle, sum string, key *sign.Key) error {
	sbom, err := companion.SBOM(b, sum)
	if err != nil {
		return err
	}
	provenance, err := companion.Provenance(b, sum, sbom, key.Fingerprint())
	if err != nil {
		return err
	}
	at, err := b.Time()
	if err != nil {
		return err
	}
	signature, err := key.Detached(provenance, at)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{companion.ChecksumName(b), companion.Checksum(b.FileName(), sum)},
		{companion.SBOMName(b), sbom},
		{companion.ProvenanceName(b), provenance},
		{companion.ProvenanceName(b) + ".asc", signature},
	} {
		if err := out.Add(f.name, f.content); err != nil {
			return err
		}
	}
	return nil
}
