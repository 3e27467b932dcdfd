package rpmpkg

import (
	"bytes"
	"errors"
	"io"

	rpmcpio "github.com/sassoftware/go-rpmutils/cpio"

	"onerpm/internal/cpio"
	"onerpm/internal/rpmfile"
)

// Archive reads the cpio archive of a payload, by go-rpmutils behind a guard of its own: the library
// allocates what an entry's head asks for, panics at a negative length, and takes a cut-off file for a short one. An archive
// without names is read here.
type Archive struct {
	lib      *rpmcpio.Reader
	numbered *numbered // nil for an archive with names
	open     bool      // there is an entry whose content can be read
}

// NewArchive reads the archive that r begins with, uncompressed, and nothing behind it. files are those of the package, which an
// archive without names means by their numbers.
func NewArchive(files []rpmfile.FileInfo, r io.Reader) *Archive {
	magic := make([]byte, len(numberedMagic))
	n, _ := io.ReadFull(r, magic) // the error comes again, to Next
	r = io.MultiReader(bytes.NewReader(magic[:n]), r)
	if string(magic) == numberedMagic {
		return &Archive{numbered: newNumbered(r, files)}
	}
	c := &checked{}
	c.guard = cpio.NewReader(io.TeeReader(r, &c.passed))
	return &Archive{lib: rpmcpio.NewReader(c)}
}

// Next goes to the next entry; io.EOF tells the end of the archive. The error for a damaged one wraps cpio.ErrDamaged.
func (a *Archive) Next() (cpio.Member, error) {
	if a.numbered != nil {
		return a.numbered.next()
	}
	if a.open { // what was not read is skipped here: the library would hold all of it
		if _, err := io.Copy(io.Discard, a.lib); err != nil {
			return cpio.Member{}, err
		}
	}
	head, err := a.lib.Next()
	if a.open = err == nil; !a.open {
		return cpio.Member{}, err
	}
	return cpio.Member{Name: head.Filename(), Mode: uint32(head.Mode()), Size: head.Filesize64()}, nil // 32 bits, by the guard
}

// Read reads the content of the entry that Next returned.
func (a *Archive) Read(p []byte) (int, error) {
	if a.numbered != nil {
		return a.numbered.Read(p)
	}
	return a.lib.Read(p)
}

// checked passes an archive on, the head of each entry only after the guard has read it without an error.
type checked struct {
	guard  *cpio.Reader
	passed bytes.Buffer // what the guard has read of heads and padding
	err    error        // that comes behind it
}

// Read reads what the guard has passed.
func (c *checked) Read(p []byte) (int, error) {
	for c.passed.Len() == 0 {
		if c.err != nil {
			return 0, c.err
		}
		n, err := c.guard.Read(p)
		if err == nil || n > 0 {
			c.passed.Reset() // it is in p
			return n, nil    // the error comes again
		}
		if errors.Is(err, io.EOF) { // the end of a content
			_, err = c.guard.Next()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			c.passed.Reset() // it is damaged
		}
		c.err = err
	}
	return c.passed.Read(p)
}
