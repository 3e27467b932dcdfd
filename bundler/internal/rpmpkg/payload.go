package rpmpkg

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"onerpm/internal/rpmfile"
)

// tagPayloadFormat names what a payload is once uncompressed: cpio, or drpm for a delta of a package.
const tagPayloadFormat rpmfile.Tag = 1124

// maxWindow is that of zstd at its highest level, which rpm reads: 128 MiB.
const maxWindow = 128 << 20

// Payload uncompresses the payload, which r begins with, and leaves nothing of r unread. It is for payloads of gzip, xz and zstd; rpm has
// others, of which the error tells. What comes out is not compared with anything.
func (p *Package) Payload(r io.Reader) (io.ReadCloser, error) {
	if f := p.Text(tagPayloadFormat); f != "cpio" {
		return nil, fmt.Errorf("a payload of the format %q is not read", f)
	}
	switch c := p.Lib.PayloadCompression(); c {
	case "gzip":
		return gzip.NewReader(r)
	case "xz":
		z, err := xz.NewReader(r, 0)
		return io.NopCloser(z), err
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	default:
		return nil, fmt.Errorf("a payload of the compressor %q is not read", c)
	}
}
