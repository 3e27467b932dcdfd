package stored_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"onerpm/internal/stored"
)

// readers are the decoders of others, by the compressor's name.
var readers = map[string]func(io.Reader) (io.Reader, error){
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"xz":   func(r io.Reader) (io.Reader, error) { return xz.NewReader(r, 0) },
	"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
}

// TestOthersReadIt writes around the limits of blocks, in pieces of odd sizes, and has others read it.
func TestOthersReadIt(t *testing.T) {
	t.Parallel()
	for compressor, open := range readers {
		for _, n := range []int{1, 2, 3, 4, 1<<16 - 2, 1<<16 - 1, 1 << 16, 1<<16 + 1, 128<<10 - 1, 128 << 10, 128<<10 + 1, 1<<20 + 7} {
			t.Run(fmt.Sprint(compressor, " ", n), func(t *testing.T) {
				t.Parallel()
				want := make([]byte, n)
				_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(want)
				var b bytes.Buffer
				w, err := stored.NewWriter(compressor, &b, int64(n))
				if err != nil {
					t.Fatal(err)
				}
				for rest, size := want, 1; len(rest) > 0; size = size*3 + 1 {
					size = min(size, len(rest))
					if _, err := w.Write(rest[:size]); err != nil {
						t.Fatal(err)
					}
					rest = rest[size:]
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if got := stored.Size(compressor, int64(n)); got != int64(b.Len()) {
					t.Errorf("%d bytes, Size says %d", b.Len(), got)
				}
				if over := b.Len() - n; over > 64+n/8192 {
					t.Errorf("%d bytes take %d more", n, over)
				}
				r, err := open(&b)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d of %d bytes came back: %v", len(got), n, err)
				}
			})
		}
	}
}

func TestWrongLength(t *testing.T) {
	t.Parallel()
	for compressor := range readers {
		var b bytes.Buffer
		w, err := stored.NewWriter(compressor, &b, 4)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: too few bytes: %v", compressor, err)
		}
		if n, err := w.Write([]byte("de")); !errors.Is(err, io.ErrShortWrite) || n != 1 {
			t.Errorf("%s: too many bytes: %d, %v", compressor, n, err)
		}
	}
	for _, c := range []struct {
		compressor string
		n          int64
	}{{"bzip2", 1}, {"lzma", 1}, {"", 1}, {"xz", 0}, {"zstd", -1}} {
		if w, err := stored.NewWriter(c.compressor, io.Discard, c.n); err == nil {
			t.Errorf("%d bytes of %q: %v", c.n, c.compressor, w)
		}
	}
}
