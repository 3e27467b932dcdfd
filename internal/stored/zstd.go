package stored

// zstdForm is RFC 8878: a frame of raw blocks, with a window of 128 KiB, which is the most that a block may have, and without a checksum, as whoever
// rebuilds a package compares the digest of all of it.
type zstdForm struct{}

const (
	zstdHead  = 6
	zstdBlock = 3
	zstdMost  = 128 << 10
)

func newZstd(int64) form { return zstdForm{} }

func zstdSize(n, blocks int64) int64 { return zstdHead + n + blocks*zstdBlock }

// head is the magic number, a descriptor that says nothing else is there, and the window: 2^(10+7) bytes.
func (zstdForm) head() []byte { return []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3} }

func (zstdForm) block(n int, _, last bool) []byte {
	h := n << 3 // the type, two bits, is 0: raw
	if last {
		h |= 1
	}
	return []byte{byte(h), byte(h >> 8), byte(h >> 16)}
}

func (zstdForm) add([]byte) {}

func (zstdForm) tail() []byte { return nil }
