// Package rpmpkg is an RPM file as the bundler sees it: the guard first, then the libraries.
//
// The guard takes untrusted bytes: rpmfile.Read checks structure and bounds, and what both programs read; check, here,
// what only the bundler reads. There is an error, or a header in memory. Only that goes on to cavaliergopher/rpm, which
// says what the package is: it indexes lists without looking, and panics where one is missing. What rpm may leave out or write in an older form is therefore
// completed first. docs/libraries.md lists what the library does otherwise than rpm, and who answers there.
package rpmpkg

import (
	"bytes"
	"io"

	"github.com/cavaliergopher/rpm"

	"onerpm/internal/rpmfile"
)

// Package is what an RPM file says before its payload.
type Package struct {
	*rpmfile.Header // the guard's: identity, signatures, and the bytes themselves

	Lib      *rpm.Package // the library's, complete: but for Supplements none of its methods panics
	Verified []string     // digests that Verify found right, e.g. "header SHA-256"; empty after Read
}

// Read reads a package up to its payload and leaves r there. Errors are those of rpmfile.Read; a
// header of too many values is a *rpmfile.FormatError.
func Read(r io.Reader) (*Package, error) {
	h, err := rpmfile.Read(r)
	if err != nil {
		return nil, err
	}
	return newPackage(h)
}

// newPackage checks the rest of a header that the guard has read, and hands it to the library.
func newPackage(h *rpmfile.Header) (*Package, error) {
	if err := check(h); err != nil {
		return nil, &rpmfile.FormatError{Part: "header", Err: err}
	}
	lib, err := rpm.Read(bytes.NewReader(headers(h)))
	if err != nil {
		return nil, &rpmfile.FormatError{Part: "header", Err: err}
	}
	header{lib.Header}.complete()
	return &Package{Header: h, Lib: lib}, nil
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
