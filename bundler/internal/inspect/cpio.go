package inspect

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits of what is read out of a payload.
const (
	maxEntries = 100_000
	maxName    = 4096
	maxTotal   = 8 << 30 // bytes of all contents: twice what an rpm of ours can hold
)

const (
	kindMask = 0o170000
	kindDir  = 0o040000
	kindFile = 0o100000
)

// member is one entry of a cpio archive of the "newc" form.
type member struct {
	name string
	mode uint32 // with the bits of the kind
	size int64
}

// archive reads a cpio archive from bytes that nobody vouches for: one entry is
// held at a time, and every number is checked before it is used.
type archive struct {
	r       io.Reader
	left    int64 // of the content that is open
	padding int64 // behind it
	count   int
	total   int64
}

var errArchive = errors.New("damaged archive in the payload")

// next goes to the next entry; io.EOF tells the end of the archive.
func (a *archive) next() (member, error) {
	if _, err := io.CopyN(io.Discard, a.r, a.left+a.padding); err != nil {
		return member{}, short(err)
	}
	if a.count++; a.count > maxEntries {
		return member{}, fmt.Errorf("%w: more than %d entries", errArchive, maxEntries)
	}
	var head [110]byte
	if _, err := io.ReadFull(a.r, head[:]); err != nil {
		return member{}, short(err)
	}
	if magic := string(head[:6]); magic != "070701" && magic != "070702" {
		return member{}, fmt.Errorf("%w: entry %d begins with %q", errArchive, a.count, magic)
	}
	number := func(i int) (int64, error) {
		field := head[6+8*i : 14+8*i]
		n, err := strconv.ParseUint(string(field), 16, 32)
		if err != nil {
			return 0, fmt.Errorf("%w: entry %d has a number %q", errArchive, a.count, field)
		}
		return int64(n), nil // 32 bits
	}
	mode, err1 := number(1)
	size, err2 := number(6)
	length, err3 := number(11)
	if err := errors.Join(err1, err2, err3); err != nil {
		return member{}, err
	}
	if length < 2 || length > maxName {
		return member{}, fmt.Errorf("%w: entry %d has a name of %d bytes", errArchive, a.count, length)
	}
	name := make([]byte, length+pad(110+length))
	if _, err := io.ReadFull(a.r, name); err != nil {
		return member{}, short(err)
	}
	if name[length-1] != 0 {
		return member{}, fmt.Errorf("%w: the name of entry %d has no end", errArchive, a.count)
	}
	m := member{name: string(name[:length-1]), mode: uint32(mode), size: size} // 32 bits
	a.left, a.padding = size, pad(size)
	if a.total += size; a.total > maxTotal {
		return member{}, fmt.Errorf("%w: its files have more than %d bytes", errArchive, int64(maxTotal))
	}
	if m.name == "TRAILER!!!" {
		return member{}, io.EOF
	}
	return m, nil
}

// Read reads the content of the entry that next returned.
func (a *archive) Read(p []byte) (int, error) {
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
		return fmt.Errorf("%w: it is cut off", errArchive)
	}
	return fmt.Errorf("%w: %w", errArchive, err)
}
