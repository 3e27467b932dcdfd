// Package cpio reads the archive in an RPM's payload, from bytes that nobody
// vouches for. It promises that whatever the input is, it ends with an entry or
// an error, that one entry is held at a time, and that nothing panics.
package cpio

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits of what is read.
const (
	MaxEntries = 100_000
	MaxName    = 4096
	MaxTotal   = 8 << 30 // bytes of all contents: twice what an rpm of ours can hold
)

// The bits of a mode that tell a file's kind, as stat(2) has them.
const (
	KindMask = 0o170000
	KindDir  = 0o040000
	KindFile = 0o100000
)

// Member is one entry of a cpio archive of the "newc" form.
type Member struct {
	Name string // as it stands in the archive: "./path", "/path" or "path"
	Mode uint32 // with the bits of the kind
	Size int64  // bytes
}

// Reader reads a cpio archive.
type Reader struct {
	r       io.Reader
	left    int64 // of the content that is open
	padding int64 // behind it
	count   int
	total   int64
}

// ErrDamaged is wrapped by every error of a Reader.
var ErrDamaged = errors.New("damaged archive in the payload")

// NewReader reads the archive that r begins with.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next goes to the next entry; io.EOF tells the end of the archive.
func (a *Reader) Next() (Member, error) {
	if _, err := io.CopyN(io.Discard, a.r, a.left+a.padding); err != nil {
		return Member{}, short(err)
	}
	if a.count++; a.count > MaxEntries {
		return Member{}, fmt.Errorf("%w: more than %d entries", ErrDamaged, MaxEntries)
	}
	var head [110]byte
	if _, err := io.ReadFull(a.r, head[:]); err != nil {
		return Member{}, short(err)
	}
	if magic := string(head[:6]); magic != "070701" && magic != "070702" {
		return Member{}, fmt.Errorf("%w: entry %d begins with %q", ErrDamaged, a.count, magic)
	}
	number := func(i int) (int64, error) {
		field := head[6+8*i : 14+8*i]
		n, err := strconv.ParseUint(string(field), 16, 32)
		if err != nil {
			return 0, fmt.Errorf("%w: entry %d has a number %q", ErrDamaged, a.count, field)
		}
		return int64(n), nil // 32 bits
	}
	mode, err1 := number(1)
	size, err2 := number(6)
	length, err3 := number(11)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Member{}, err
	}
	if length < 2 || length > MaxName {
		return Member{}, fmt.Errorf("%w: entry %d has a name of %d bytes", ErrDamaged, a.count, length)
	}
	name := make([]byte, length+pad(110+length))
	if _, err := io.ReadFull(a.r, name); err != nil {
		return Member{}, short(err)
	}
	if name[length-1] != 0 {
		return Member{}, fmt.Errorf("%w: the name of entry %d has no end", ErrDamaged, a.count)
	}
	m := Member{Name: string(name[:length-1]), Mode: uint32(mode), Size: size} // 32 bits
	a.left, a.padding = size, pad(size)
	if a.total += size; a.total > MaxTotal {
		return Member{}, fmt.Errorf("%w: its files have more than %d bytes", ErrDamaged, int64(MaxTotal))
	}
	if m.Name == "TRAILER!!!" {
		return Member{}, io.EOF
	}
	return m, nil
}

// Read reads the content of the entry that Next returned.
func (a *Reader) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > a.left {
		p = p[:a.left]
	}
	n, err := a.r.Read(p)
	a.left -= int64(n)
	if err != nil && a.left > 0 {
		return n, short(err)
	}
	return n, nil
}

func pad(n int64) int64 { return -n & 3 }

// short names the end of the input where more was due.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
