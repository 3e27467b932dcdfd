// Package rpmpkg is an RPM file as the bundler sees it: the guard first, then the libraries.
//
// The guard, rpmfile.Read, takes foreign bytes: it checks structure, types and bounds, and returns an error or a
// header in memory. Only that goes on to cavaliergopher/rpm, which says what the package is: it indexes
// lists without looking, and panics where one is missing. What rpm may leave out or write in an older form is therefore
// completed first. docs/libraries.md lists what the library does otherwise than rpm, and who answers there.
package rpmpkg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cavaliergopher/rpm"

	"onerpm/internal/rpmfile"
)

// Package is what an RPM file says before its payload.
type Package struct {
	*rpmfile.Header // the guard's: identity, scriptlets, triggers, signatures, and the bytes themselves

	Lib *rpm.Package // the library's, complete: but for Supplements none of its methods panics
}

// Read reads a package up to its payload and leaves r there. Errors are those of rpmfile.Read; a
// header of too many values is a *rpmfile.FormatError.
func Read(r io.Reader) (*Package, error) {
	h, err := rpmfile.Read(r)
	if err != nil {
		return nil, err
	}
	return New(h)
}

// MaxValues bounds the values of a header: the library holds each by itself, in up to 16 times the room that
// it has in the file. As many files as rpmfile.MaxData has room for have fewer.
const MaxValues = 4 << 20

// New hands a header that the guard has read to the library.
func New(h *rpmfile.Header) (*Package, error) {
	if n := values(h.Signature) + values(h.Main); n > MaxValues {
		return nil, &rpmfile.FormatError{Part: "header", Err: fmt.Errorf("%d values, more than %d are not read", n, MaxValues)}
	}
	lib, err := rpm.Read(bytes.NewReader(headers(h)))
	if err != nil {
		return nil, &rpmfile.FormatError{Part: "header", Err: err}
	}
	header{lib.Header}.complete()
	return &Package{h, lib}, nil
}

// values counts the values of a header's entries, where they are more than bytes.
func values(t *rpmfile.Tags) int {
	index := t.Raw()[16:] // lines of tag, type, offset and count
	n := 0
	for range binary.BigEndian.Uint32(t.Raw()[8:]) {
		if binary.BigEndian.Uint32(index[4:]) != rpmfile.TypeBin {
			n += int(binary.BigEndian.Uint32(index[12:]))
		}
		index = index[16:]
	}
	return n
}

// headers are the bytes before the payload: a lead, of which readers want no more than
// that it is one, and both headers as they lie in the file.
func headers(h *rpmfile.Header) []byte {
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00")
	if h.Source {
		lead[7] = 1
	}
	lead[79] = 5 // the signature is a header
	signature := h.Signature.Raw()
	return bytes.Join([][]byte{lead, signature, make([]byte, -len(signature)&7), h.Main.Raw()}, nil)
}

// Ints returns the numbers of a tag of the main header, nil when it has none.
func (p *Package) Ints(tag rpmfile.Tag) []int64 { return p.Lib.Header.GetTag(int(tag)).Int64Slice() }

// Strings returns the strings of a tag of the main header, nil when it has none.
func (p *Package) Strings(tag rpmfile.Tag) []string {
	return p.Lib.Header.GetTag(int(tag)).StringSlice()
}

// Text returns a text of the main header, "" when it has none. Of a translated one it is the
// original; the library's own Summary and Description join all translations.
func (p *Package) Text(tag rpmfile.Tag) string { return p.Lib.Header.GetTag(int(tag)).String() }

// InstalledSize returns the bytes that the package's files take on a host, 0 when the header does not say.
func (p *Package) InstalledSize() int64 { return int64(p.Lib.Size()) } // the guard refuses what has more than 63 bits
