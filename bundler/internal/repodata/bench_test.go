package repodata_test

import (
	"fmt"
	"os"
	"testing"

	"onerpm/bundler/internal/repodata"
)

// BenchmarkOneMore adds one package to repositories of 10 and of 10,000: the time
// goes with the bytes of the lists, and with nothing else.
func BenchmarkOneMore(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			entries := make([]repodata.Entry, n+1)
			for i := range entries {
				path := pack(b, dir, "bench", fmt.Sprintf("1.0.%d", i))
				entries[i] = describe(b, path, repodata.Place{Base: "https://example.org", Href: "packages/x.rpm"})
				if err := os.Remove(path); err != nil {
					b.Fatal(err)
				}
			}
			previous, err := repodata.Write(b.Context(), b.TempDir(), nil, entries[:n], nil, 1)
			if err != nil {
				b.Fatal(err)
			}
			size, to := int64(0), b.TempDir()
			for _, f := range previous.Files {
				size += f.OpenSize
			}
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := repodata.Write(b.Context(), to, previous, entries[n:], nil, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
