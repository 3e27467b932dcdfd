package rpmtest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/internal/solid"
	"onerpm/internal/stored"
)

// Compress turns the bundle into one that carries its packages compressed together: a head of each in its place, and a file with the payloads
// for each name.
func (w *World) Compress(t testing.TB) {
	t.Helper()
	byName := map[string][]manifest.Package{}
	for _, p := range slices.Concat(w.Manifest.New, w.Manifest.Old) {
		if p.File != "" {
			byName[p.Name] = append(byName[p.Name], p)
		}
	}
	for name, list := range byName {
		s := manifest.Solid{File: "solid/" + name + ".zst"}
		var payloads [][]byte
		for _, p := range list {
			r, payload := w.split(t, p)
			s.Packages, payloads = append(s.Packages, r), append(payloads, payload)
		}
		w.put(t, s.File, Solid(t, payloads...))
		w.Manifest.Solid = append(w.Manifest.Solid, s)
	}
	sort.Slice(w.Manifest.Solid, func(i, j int) bool { return w.Manifest.Solid[i].File < w.Manifest.Solid[j].File })
	files := w.Manifest.Files
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
}

// split takes a package out of the bundle and puts its head there.
func (w *World) split(t testing.TB, p manifest.Package) (manifest.Rebuilt, []byte) {
	t.Helper()
	path := filepath.Join(w.Dir, p.File)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.Manifest.Files = slices.DeleteFunc(w.Manifest.Files, func(f manifest.File) bool { return f.Path == p.File })
	r, head, payload := Split(t, data)
	r.File, r.Head = p.File, p.File+".head"
	w.put(t, r.Head, head)
	return r, payload
}

// put writes a file of the bundle.
func (w *World) put(t testing.TB, name string, data []byte) {
	t.Helper()
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	w.Manifest.Files = append(w.Manifest.Files, manifest.File{Path: name, Size: int64(len(data)), SHA256: digest(data), Mode: 0o644})
}

const tagPayloadCompressor rpmfile.Tag = 1125

// Split takes an RPM apart, and says what it is when it is rebuilt.
func Split(t testing.TB, rpm []byte) (r manifest.Rebuilt, head, payload []byte) {
	t.Helper()
	h, err := rpmfile.Read(bytes.NewReader(rpm))
	if err != nil {
		t.Fatal(err)
	}
	head, r.Compressor = rpm[:h.PayloadOffset], h.Main.String(tagPayloadCompressor)
	packed := bytes.NewReader(rpm[h.PayloadOffset:])
	var z io.Reader
	switch r.Compressor {
	case "gzip":
		z, err = gzip.NewReader(packed)
	case "xz":
		z, err = xz.NewReader(packed, 0)
	case "zstd":
		z, err = zstd.NewReader(packed)
	default:
		t.Fatalf("the compressor is %q", r.Compressor)
	}
	if err == nil {
		payload, err = io.ReadAll(z)
	}
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.NewBuffer(slices.Clone(head))
	out, err := stored.NewWriter(r.Compressor, whole, int64(len(payload)))
	if err == nil {
		_, err = out.Write(payload)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.PayloadSize, r.PayloadSHA256 = int64(len(payload)), digest(payload)
	r.Size, r.SHA256 = int64(whole.Len()), digest(whole.Bytes())
	return r, head, payload
}

// Solid compresses payloads as one, piece by piece in turns.
func Solid(t testing.TB, payloads ...[]byte) []byte {
	t.Helper()
	const size = 10_000
	var b bytes.Buffer
	z, err := solid.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		more = false
		for i, p := range payloads {
			n := min(size, len(p))
			if n == 0 {
				continue
			}
			if err := z.Piece(i, bytes.NewReader(p), int64(n)); err != nil {
				t.Fatal(err)
			}
			payloads[i], more = p[n:], true
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
