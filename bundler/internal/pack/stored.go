package pack

import (
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"
)

// A payload is gzip at level 0: the components are compressed already, every rpm
// reads gzip, and the size is known before a byte is written. The format
// (RFC 1951, RFC 1952) is written here, so that the bytes depend on no
// library's version.
const (
	gzipHead   = 10
	gzipTail   = 8
	storedHead = 5
	storedMax  = 1<<16 - 1 // bytes of one stored block
)

// storedSize returns the bytes that n bytes take when a storedWriter has written them.
func storedSize(n int64) int64 {
	blocks := max((n+storedMax-1)/storedMax, 1)
	return gzipHead + n + blocks*storedHead + gzipTail
}

// storedWriter writes what it is given as a gzip stream of stored blocks. The
// length of it all must be known: the last block is marked as such.
type storedWriter struct {
	w     io.Writer
	crc   hash.Hash32
	total int64 // bytes to come in all
	done  int64 // bytes that came
	left  int   // bytes that the open block still takes
}

func newStoredWriter(w io.Writer, total int64) (*storedWriter, error) {
	// No name, no time, operating system "unknown": nothing that differs between two builds.
	head := [gzipHead]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	if _, err := w.Write(head[:]); err != nil {
		return nil, err
	}
	s := &storedWriter{w: w, crc: crc32.NewIEEE(), total: total}
	if total == 0 {
		return s, s.open(0)
	}
	return s, nil
}

// open starts a block of n bytes.
func (s *storedWriter) open(n int) error {
	var h [storedHead]byte
	if s.done+int64(n) == s.total {
		h[0] = 1 // the last one
	}
	binary.LittleEndian.PutUint16(h[1:], uint16(n))  // n <= storedMax
	binary.LittleEndian.PutUint16(h[3:], ^uint16(n)) // n <= storedMax
	s.left = n
	_, err := s.w.Write(h[:])
	return err
}

// Write writes p, which must not lead past the length given at the start.
func (s *storedWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if s.left == 0 {
			n := min(s.total-s.done, storedMax)
			if n == 0 {
				return written, io.ErrShortWrite
			}
			if err := s.open(int(n)); err != nil {
				return written, err
			}
		}
		n := min(len(p), s.left)
		if _, err := s.w.Write(p[:n]); err != nil {
			return written, err
		}
		s.crc.Write(p[:n]) // a hash never fails
		p, s.left, s.done, written = p[n:], s.left-n, s.done+int64(n), written+n
	}
	return written, nil
}

// Close writes the end of the stream. It fails when less came than was told.
func (s *storedWriter) Close() error {
	if s.done != s.total {
		return io.ErrUnexpectedEOF
	}
	var t [gzipTail]byte
	binary.LittleEndian.PutUint32(t[:], s.crc.Sum32())
	binary.LittleEndian.PutUint32(t[4:], uint32(s.total)) // modulo 2^32 is what the format asks for
	_, err := s.w.Write(t[:])
	return err
}
