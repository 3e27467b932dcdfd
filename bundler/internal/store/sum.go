package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Files over this size are put in parts. Both are in bytes.
const (
	inOnePiece = 16 << 20
	leastPart  = 8 << 20
	mostParts  = 10000 // of S3
)

// partSize is that of all parts but the last of a file.
func partSize(size int64) int64 {
	const step = 1 << 20
	return max(leastPart, (size/mostParts/step+1)*step)
}

// section is part i (from 0) of a content.
func section(c Content, i int) *io.SectionReader {
	n := partSize(c.Size())
	at := int64(i) * n
	return io.NewSectionReader(c, at, min(n, c.Size()-at))
}

func parts(size int64) int {
	n := partSize(size)
	return int((size + n - 1) / n)
}

// digest reads all of r, which must have as much as it says.
func digest(r *io.SectionReader) ([]byte, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err == nil && n != r.Size() {
		err = fmt.Errorf("%d bytes are missing: %w", r.Size()-n, io.ErrUnexpectedEOF)
	}
	return h.Sum(nil), err
}

// sum computes a checksum as S3 tells it: of the whole, or, of a file put in
// parts, the checksum of the parts' checksums with their number: "abc=-3".
type sum struct {
	h, all hash.Hash
	part   int64 // 0 when it is of the whole
	left   int64 // of the part
	parts  int
}

// newSum is for a file of that size; want is what it will be compared with. It is nil
// when the two cannot be compared, as the file was put in other parts.
func newSum(size int64, want string) *sum {
	_, n, composite := strings.Cut(want, "-")
	switch {
	case want == "":
		return nil
	case !composite:
		return &sum{h: sha256.New()}
	case n != fmt.Sprint(parts(size)):
		return nil
	}
	return &sum{h: sha256.New(), all: sha256.New(), part: partSize(size), left: partSize(size)}
}

// Write adds bytes.
func (s *sum) Write(p []byte) (int, error) {
	n := len(p)
	for s.part > 0 && int64(len(p)) >= s.left {
		s.h.Write(p[:s.left])
		p, s.left = p[s.left:], s.part
		s.endPart()
	}
	s.h.Write(p)
	s.left -= int64(len(p))
	return n, nil
}

func (s *sum) endPart() {
	s.all.Write(s.h.Sum(nil))
	s.h.Reset()
	s.parts++
}

// String ends it.
func (s *sum) String() string {
	if s.part == 0 {
		return encode(s.h.Sum(nil))
	}
	if s.left < s.part {
		s.endPart()
	}
	return fmt.Sprintf("%s-%d", encode(s.all.Sum(nil)), s.parts)
}

func encode(digest []byte) string { return base64.StdEncoding.EncodeToString(digest) }
