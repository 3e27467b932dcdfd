package stored

import (
	"encoding/binary"
	"hash"
	"hash/crc32"
)

// gzipForm is RFC 1952 around RFC 1951: each block has its length, and its length again with all bits turned round.
type gzipForm struct {
	crc   hash.Hash32
	total int64
}

const (
	gzipHead  = 10
	gzipTail  = 8
	gzipBlock = 5
	gzipMost  = 1<<16 - 1
)

func newGzip(total int64) form { return &gzipForm{crc32.NewIEEE(), total} }

func gzipSize(n, blocks int64) int64 { return gzipHead + n + blocks*gzipBlock + gzipTail }

// head has no name, no time, operating system "unknown": nothing that differs between two builds.
func (*gzipForm) head() []byte { return []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255} }

func (*gzipForm) block(n int, _, last bool) []byte {
	var h [gzipBlock]byte
	if last {
		h[0] = 1
	}
	binary.LittleEndian.PutUint16(h[1:], uint16(n))  // n <= gzipMost
	binary.LittleEndian.PutUint16(h[3:], ^uint16(n)) // likewise
	return h[:]
}

func (g *gzipForm) add(p []byte) { g.crc.Write(p) } // a hash never fails

func (g *gzipForm) tail() []byte {
	t := binary.LittleEndian.AppendUint32(nil, g.crc.Sum32())
	return binary.LittleEndian.AppendUint32(t, uint32(g.total)) // modulo 2^32 is what the format asks for
}
