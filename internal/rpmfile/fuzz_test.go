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
		if err != nil {
			return
		}
		if h.PayloadOffset+int64(r.Len()) != int64(len(b)) {
			t.Fatalf("payload at %d with %d of %d bytes left", h.PayloadOffset, r.Len(), len(b))
		}
		if h.Name == "" || h.Version == "" || h.Release == "" || h.Arch == "" || h.Epoch < 0 {
			t.Fatalf("not a package: %q", h.NEVRA())
		}
		for _, tags := range []*rpmfile.Tags{h.Signature, h.Main} {
			for _, e := range tags.Index() {
				_, _ = tags.String(e.Tag), tags.Bytes(e.Tag)
				if n := len(tags.Strings(e.Tag)) + len(tags.Ints(e.Tag)); n != 0 && n != int(e.Count) {
					t.Fatalf("tag %d has %d values, the index says %d", e.Tag, n, e.Count)
				}
			}
		}
	})
}
