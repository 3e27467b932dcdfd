// Package rpmfile reads the two headers of RPM package files: the guard in front of everything that
// believes what a header says, in the engine and in the bundler.
//
// It promises to be safe on untrusted bytes. Whatever the input is, it returns an
// error or a Header whose every method works: counts, offsets, types, lengths and
// path sizes are checked once, in Read, before anything is handed out; memory is
// bounded by the Max constants; nothing panics. It is at least as strict as rpm
// itself, so a structure that passes here does not surprise rpm later.
//
// What only one of the two programs asks a header is there, with the checks that it relies on: files in the
// engine's pkgfile; digests, relations, scriptlets and triggers in the bundler's rpmpkg.
package rpmfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"onerpm/internal/nevra"
)

// Limits of what Read accepts.
const (
	MaxEntries   = 1 << 16   // index entries of one header; rpm's own limit
	MaxData      = 32 << 20  // bytes of one header's data; rpm's is 256 MiB
	MaxPath      = 4096      // bytes of one file's path; Linux's PATH_MAX
	MaxPathBytes = 128 << 20 // bytes of all paths of one package together
)

// ErrNotRPM is wrapped by the error for a file that does not begin like an RPM.
var ErrNotRPM = errors.New("not an rpm file")

// FormatError says that a file is damaged, or built in a way that rpm would not accept either.
type FormatError struct {
	Part string // "lead", "signature header" or "header"
	Err  error
}

// Error says which part of the file is wrong, and how.
func (e *FormatError) Error() string { return "damaged rpm: " + e.Part + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

// Header is everything an RPM file says before its payload.
type Header struct {
	nevra.ID
	Source bool // a source package, which is not installable

	Signature *Tags // the signature header: digests and signatures
	Main      *Tags // the header proper; Main.Raw is what signatures sign

	PayloadOffset int64 // bytes before the payload: lead, both headers, padding
}

const leadSize = 96

// Read reads the lead and both headers and leaves r at the first byte of the
// payload; it never reads beyond. It checks the structure, not the digests. Errors are
// *FormatError, or what r returned.
func Read(r io.Reader) (*Header, error) {
	h := &Header{}
	if err := h.readLead(r); err != nil {
		return nil, &FormatError{"lead", err}
	}
	var err error
	if h.Signature, err = readTags(r, tagHeaderSignatures); err != nil {
		return nil, &FormatError{"signature header", err}
	}
	pad := int64(-len(h.Signature.raw) & 7)
	if _, err := io.CopyN(io.Discard, r, pad); err != nil {
		return nil, &FormatError{"signature header", truncated(err)}
	}
	if h.Main, err = readTags(r, tagHeaderImmutable); err != nil {
		return nil, &FormatError{"header", err}
	}
	h.PayloadOffset = leadSize + int64(len(h.Signature.raw)) + pad + int64(len(h.Main.raw))
	if err := h.check(); err != nil {
		return nil, &FormatError{"header", err}
	}
	return h, nil
}

func (h *Header) readLead(r io.Reader) error {
	var lead [leadSize]byte
	n, err := io.ReadFull(r, lead[:])
	if !bytes.HasPrefix(lead[:n], []byte("\xed\xab\xee\xdb")) {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		return ErrNotRPM
	}
	if err != nil {
		return truncated(err)
	}
	if major := lead[4]; major != 3 && major != 4 {
		return fmt.Errorf("package format %d is not known", major)
	}
	if lead[78] != 0 || lead[79] != 5 {
		return errors.New("the signature is not of the header kind")
	}
	h.Source = lead[6] == 0 && lead[7] == 1
	return nil
}

func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends too early: %w", io.ErrUnexpectedEOF)
	}
	return err
}
