package payloads

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"onerpm/bundler/internal/pack"
	"onerpm/internal/manifest"
	"onerpm/internal/solid"
	"onerpm/internal/stored"
)

// record is what is known of what was made. Without a Solid the packages travel as they are.
type record struct {
	Solid *manifest.Solid `json:"solid"`
	Files []manifest.File `json:"files"` // the solid file, then the heads
}

const recordName = "record.json"

func (r record) write(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, recordName), data, 0o600)
}

// names are those of the files in a record, in its folder.
func (r record) names() []string {
	list := []string{"payloads.zst"}
	for i := range r.Solid.Packages {
		list = append(list, fmt.Sprintf("%d.head", i))
	}
	return list
}

// cached reads what is in a folder: nil when the packages travel as they are. The files are compared with it when they are packed.
func (p pair) cached(folder string) (*pack.Solid, error) {
	data, err := os.ReadFile(filepath.Join(folder, recordName))
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil || r.Solid == nil {
		return nil, err
	}
	names := r.names()
	if len(r.Files) != len(names) || len(r.Solid.Packages) != len(p.packages) {
		return nil, fmt.Errorf("%s does not fit its packages", folder)
	}
	s := &pack.Solid{Solid: *r.Solid}
	for i, f := range r.Files {
		from := filepath.Join(folder, names[i])
		if info, err := os.Stat(from); err != nil || info.Size() != f.Size {
			return nil, fmt.Errorf("%s is not what was made (%w)", from, err)
		}
		s.Files = append(s.Files, pack.File{File: f, From: from})
	}
	return s, nil
}

// compress writes the payloads as one, unpacks what it wrote, and compares.
func (p pair) compress(ctx context.Context, dir string, spools []*spool) (record, error) {
	path := filepath.Join(dir, "payloads.zst")
	file := manifest.File{Path: "solid/" + p.name + ".zst", Mode: 0o644}
	var err error
	if file.Size, file.SHA256, err = write(ctx, path, spools); err != nil {
		return record{}, err
	}
	total, before := file.Size, int64(0)
	for i, s := range spools {
		total, before = total+s.head.Size, before+p.packages[i].Size
	}
	if float64(total) > worth*float64(before) {
		return record{}, nil
	}
	r := record{Solid: &manifest.Solid{File: file.Path}, Files: []manifest.File{file}}
	for i, s := range spools {
		r.Files = append(r.Files, s.head.File)
		r.Solid.Packages = append(r.Solid.Packages, manifest.Rebuilt{
			File: p.packages[i].File, Head: s.head.Path, Compressor: p.packages[i].Header.Lib.PayloadCompression(),
			PayloadSize: s.size, PayloadSHA256: s.sha256,
		})
	}
	return r, rebuild(ctx, path, spools, r.Solid.Packages)
}

// write writes the solid file.
func write(ctx context.Context, path string, spools []*spool) (size int64, sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, "", unwritable(err)
	}
	defer func() { err = errors.Join(err, unwritable(f.Close())) }()
	out := &writtenFile{w: f, sum: sha256.New()}
	z, err := solid.NewWriter(out)
	if err != nil {
		return 0, "", err
	}
	var old []span
	if len(spools) > 1 {
		old = spools[oldPayload].spans
	}
	from := make([]io.Reader, len(spools))
	for i, s := range spools {
		from[i] = io.NewSectionReader(s.f, 0, s.size)
	}
	for _, piece := range order(spools[newPayload].spans, old) {
		if ctx.Err() != nil {
			return 0, "", context.Cause(ctx)
		}
		if err := z.Piece(piece.payload, from[piece.payload], piece.size); err != nil {
			return 0, "", unwritable(err)
		}
	}
	if err := z.Close(); err != nil {
		return 0, "", unwritable(err)
	}
	return out.n, hex.EncodeToString(out.sum.Sum(nil)), nil
}

// rebuild unpacks a solid file as the engine does, compares the payloads, and notes what the rebuilt packages are.
func rebuild(ctx context.Context, path string, spools []*spool, list []manifest.Rebuilt) error {
	f, err := os.Open(path)
	if err != nil {
		return unwritable(err)
	}
	defer f.Close() //nolint:errcheck // only read
	payloads, sums := make([]solid.Payload, len(list)), make([]hash.Hash, len(list))
	wholes, ends := make([]*writtenFile, len(list)), make([]io.Closer, len(list))
	for i, r := range list {
		head, err := os.ReadFile(spools[i].head.From)
		if err != nil {
			return unwritable(err)
		}
		wholes[i], sums[i] = &writtenFile{w: io.Discard, sum: sha256.New()}, sha256.New()
		_, _ = wholes[i].Write(head) // a hash never fails
		w, err := stored.NewWriter(r.Compressor, wholes[i], r.PayloadSize)
		if err != nil {
			return err
		}
		ends[i], payloads[i] = w, solid.Payload{W: io.MultiWriter(w, sums[i]), Size: r.PayloadSize}
	}
	if err := solid.Unpack(ctx, f, payloads); err != nil {
		return fmt.Errorf("unpack what was compressed: %w", err)
	}
	for i := range list {
		if err := ends[i].Close(); err != nil {
			return err
		}
		if got := hex.EncodeToString(sums[i].Sum(nil)); got != list[i].PayloadSHA256 {
			return fmt.Errorf("unpack what was compressed: the payload of %s has the sha256 %s instead of %s", list[i].File, got, list[i].PayloadSHA256)
		}
		list[i].Size, list[i].SHA256 = wholes[i].n, hex.EncodeToString(wholes[i].sum.Sum(nil))
	}
	return nil
}

// writtenFile takes size and SHA-256 of what is written.
type writtenFile struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (f *writtenFile) Write(p []byte) (int, error) {
	f.n += int64(len(p))
	f.sum.Write(p) // a hash never fails
	return f.w.Write(p)
}
