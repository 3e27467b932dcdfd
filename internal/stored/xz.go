package stored

import (
	"encoding/binary"
	"hash"
	"hash/crc32"
)

// xzForm is the .xz file format 1.1.0 of the XZ project: one block of LZMA2 chunks that are not compressed, with a CRC32 as its check.
type xzForm struct {
	crc    hash.Hash32
	total  int64
	chunks int64 // bytes of the chunks with their heads
}

const (
	xzHead      = 12 // of the stream
	xzBlockHead = 12
	xzCheck     = 4
	xzFoot      = 12
	xzChunk     = 3       // head of a chunk
	xzMost      = 1 << 16 // bytes of a chunk
)

func newXz(total int64) form {
	f := &xzForm{crc: crc32.NewIEEE(), total: total}
	f.chunks = total + ((total-1)/xzMost+1)*xzChunk + 1 // the last is the end of the chunks
	return f
}

func xzSize(n, blocks int64) int64 {
	chunks := n + blocks*xzChunk + 1
	return xzHead + xzBlockHead + chunks + -chunks&3 + xzCheck + int64(len(xzIndex(n, chunks))) + xzFoot
}

// flags of the stream, in its head and in its foot: the check is a CRC32.
var xzFlags = []byte{0, 1}

func (f *xzForm) head() []byte {
	h := append([]byte{0xfd, '7', 'z', 'X', 'Z', 0}, xzFlags...)
	h = binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(xzFlags))
	// The block: its head's size in fours but one, one filter and no sizes, LZMA2 with one byte of properties, a dictionary of 1 MiB.
	block := []byte{xzBlockHead/4 - 1, 0, 0x21, 1, 16, 0, 0, 0}
	h = append(h, block...)
	return binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(block))
}

// block is the head of a chunk: 1 forgets the dictionary, as the first one must.
func (*xzForm) block(n int, first, _ bool) []byte {
	control := byte(2)
	if first {
		control = 1
	}
	return []byte{control, byte((n - 1) >> 8), byte(n - 1)}
}

func (f *xzForm) add(p []byte) { f.crc.Write(p) } // a hash never fails

func (f *xzForm) tail() []byte {
	t := make([]byte, 1+-f.chunks&3) // the end of the chunks, and padding
	t = binary.LittleEndian.AppendUint32(t, f.crc.Sum32())
	index := xzIndex(f.total, f.chunks)
	t = append(t, index...)
	foot := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)) //nolint:gosec // an index of one block
	foot = append(foot, xzFlags...)
	t = binary.LittleEndian.AppendUint32(t, crc32.ChecksumIEEE(foot))
	return append(append(t, foot...), 'Y', 'Z')
}

// xzIndex lists the one block: its size without padding, and that of its content.
func xzIndex(n, chunks int64) []byte {
	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(xzBlockHead+chunks+xzCheck)) // sizes
	index = binary.AppendUvarint(index, uint64(n))
	index = append(index, make([]byte, -len(index)&3)...)
	return binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
}
