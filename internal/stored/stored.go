// Package stored writes the payload of an RPM without compressing it, as a stream of the compressor that the package's header names: in the stored
// blocks that gzip, xz and zstd have for what cannot be compressed. rpm reads such a payload as any other.
//
// It promises that the size of a stream is known before a byte of it is written, and that the bytes depend on no library's version: they are
// written here.
package stored

import (
	"fmt"
	"io"
)

// form is one way to write stored blocks.
type form interface {
	head() []byte
	block(n int, first, last bool) []byte // the head of a block of n bytes
	add(p []byte)                         // content that was written, for the check that the tail has
	tail() []byte
}

// forms are the compressors by their names in a header (RPMTAG_PAYLOADCOMPRESSOR), with the most bytes of a block and how many bytes n bytes of
// content take in so many blocks. bzip2 has no stored blocks, nor has lzma.
var forms = map[string]struct {
	most int64
	size func(n, blocks int64) int64
	make func(total int64) form
}{
	"gzip": {gzipMost, gzipSize, newGzip},
	"xz":   {xzMost, xzSize, newXz},
	"zstd": {zstdMost, zstdSize, newZstd},
}

// Has reports whether a compressor has stored blocks.
func Has(compressor string) bool {
	_, has := forms[compressor]
	return has
}

// Size returns the bytes that n bytes, one at least, take when a Writer has written them. The compressor must have stored blocks.
func Size(compressor string, n int64) int64 {
	f := forms[compressor]
	return f.size(n, (n-1)/f.most+1)
}

// Writer writes what it is given in stored blocks.
type Writer struct {
	w     io.Writer
	form  form
	most  int64
	total int64 // bytes to come in all
	done  int64 // bytes that came
	left  int64 // bytes that the open block still takes
}

// NewWriter begins a stream of total bytes, one at least: the last block is marked as such. It fails for a compressor without stored blocks, and when
// the head of the stream cannot be written.
func NewWriter(compressor string, w io.Writer, total int64) (*Writer, error) {
	f, has := forms[compressor]
	if !has || total < 1 {
		return nil, fmt.Errorf("write %d bytes in stored blocks of %q: they cannot be", total, compressor)
	}
	s := &Writer{w: w, form: f.make(total), most: f.most, total: total}
	_, err := w.Write(s.form.head())
	return s, err
}

// Write writes p, which must not lead past the length given at the start.
func (s *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if s.left == 0 {
			n := min(s.total-s.done, s.most)
			if n == 0 {
				return written, io.ErrShortWrite
			}
			if _, err := s.w.Write(s.form.block(int(n), s.done == 0, s.done+n == s.total)); err != nil {
				return written, err
			}
			s.left = n
		}
		n := min(int64(len(p)), s.left)
		if _, err := s.w.Write(p[:n]); err != nil {
			return written, err
		}
		s.form.add(p[:n])
		p, s.left, s.done, written = p[n:], s.left-n, s.done+n, written+int(n)
	}
	return written, nil
}

// Close writes the end of the stream. It fails when less came than was told.
func (s *Writer) Close() error {
	if s.done != s.total {
		return io.ErrUnexpectedEOF
	}
	_, err := s.w.Write(s.form.tail())
	return err
}
