package rpmfile_test

import (
	"bytes"
	"testing"

	"onerpm/internal/rpmfile"
)

// FuzzRead: whatever the bytes are, there is an error or a Header that answers everything.
func FuzzRead(f *testing.F) {
	for _, maker := range makers {
		pkg := maker(f)
		f.Add(pkg)
		for _, i := range []int{6, 79, 100, 107, 111, 120, 124, 300, 500, 900} {
			damaged := bytes.Clone(pkg)
			damaged[i%len(damaged)] ^= 0xff
			f.Add(damaged)
		}
		f.Add(pkg[:len(pkg)/2])
	}
	f.Add(nvraAnd("\x00\x00\x00\x00a\x00/\x00", line{1116, 4, 8, 1}, line{1117, 8, 12, 1}, line{1118, 8, 14, 1}))
	f.Add(nvraAnd("a\x00", line{5092, 8, 8, 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		h, err := rpmfile.Read(r)
		verified, verr := rpmfile.Verify(bytes.NewReader(b))
		if err != nil {
			if verr == nil {
				t.Fatal("Verify takes what Read does not")
			}
			return
		}
		if h.PayloadOffset+int64(r.Len()) != int64(len(b)) {
			t.Fatalf("payload at %d with %d of %d bytes left", h.PayloadOffset, r.Len(), len(b))
		}
		if verr == nil && verified.NEVRA() != h.NEVRA() {
			t.Fatal("Read and Verify differ")
		}
		if h.Name == "" || h.Version == "" || h.Release == "" || h.Arch == "" || h.Epoch < 0 || h.InstalledSize() < 0 {
			t.Fatalf("not a package: %q", h.NEVRA())
		}
		for _, file := range h.Files() {
			if file.Path == "" || file.Size < 0 || len(file.Path) > rpmfile.MaxPath {
				t.Fatalf("not a file: %+v", file)
			}
			_ = file.FileMode()
		}
		_, _, _, _, _, _ = h.Scriptlets(), h.Provides(), h.Requires(), h.Conflicts(), h.Obsoletes(), h.EVR()
		for _, tags := range []*rpmfile.Tags{h.Signature, h.Main} {
			for _, tag := range tags.List() {
				_, _, _, _ = tags.String(tag), tags.Strings(tag), tags.Ints(tag), tags.Bytes(tag)
			}
		}
	})
}
