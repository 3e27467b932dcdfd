package rpmpkg_test

import (
	"bytes"
	"testing"

	"onerpm/bundler/internal/rpmpkg"
)

// FuzzRead: the library answers for every header that the guard lets through, and says what the guard has read.
func FuzzRead(f *testing.F) {
	whole := built(f, spec, "w9.gzdio")
	f.Add(whole)
	for i := 200; i < len(whole); i += 97 {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		f.Add(damaged)
	}
	f.Add(format6(f))
	for _, more := range [][]entry{
		{{1027, []string{"/etc/a", "/b"}}},
		{{1028, []int8{1, 2}}, {1116, []int8{0, 0}}, {1117, []string{"a", "b"}}, {1118, []string{"/"}}},
		{{1048, []int8{8}}, {1049, []string{"a"}}, {1050, []string{"1"}}},
		{{5046, []string{"a", "b"}}, {5047, []string{"1"}}, {5048, []uint32{1, 2, 3}}},
		{{5052, []string{"a"}}},
		{{1028, []uint32{1}}, {1116, []uint64{0}}, {1117, "a"}, {1118, "/"}, {5008, []uint64{1 << 40}}},
	} {
		f.Add(file(header(63, append(identity[:5:5], more...)...), nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := rpmpkg.Read(bytes.NewReader(b))
		verified, verr := rpmpkg.Verify(bytes.NewReader(b))
		if err != nil {
			if verr == nil {
				t.Fatal("Verify takes what Read does not")
			}
			return
		}
		if verr == nil && verified.NEVRA() != p.NEVRA() {
			t.Fatal("Read and Verify differ")
		}
		_, _, _ = p.Recommends(), p.Suggests(), p.Supplements()
		_, _, _ = p.Enhances(), p.OldSuggests(), p.OldEnhances()
		_, _ = p.Lib.BuildTime(), p.Lib.ArchiveSize()
		_, _ = p.Scriptlets(), p.Triggers()
		if p.InstalledSize() < 0 {
			t.Fatalf("a size of %d", p.InstalledSize())
		}
		asGuard(t, p)
	})
}
