// Package pack writes bundles: one rpm that holds what a jump needs.
//
// It promises that equal inputs give equal bytes, that a component is read once
// and checked as it is, that memory does not grow with the size, and that a bundle past what an rpm can
// hold is refused before a byte is written.
package pack

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/bundler/internal/exit"
	"onerpm/internal/manifest"
	"onerpm/internal/stored"
)

// File is a file of a bundle and where its bytes come from.
type File struct {
	manifest.File        // Path is below the bundle's folder; size and SHA-256 are what the bytes must have
	From          string // path on this machine
	Body          []byte // the bytes themselves when From is ""
	Head          Head   // zero when nothing was made of the file's first bytes
}

// Head is the beginning of a file of which something was made before: the plan, of a component's headers. It must be the same
// when the file is packed.
type Head struct {
	Size   int64 // bytes
	SHA256 string
}

// MismatchError says that a file is not what it should be, or was while the plan was made.
type MismatchError struct {
	Path string // in the bundle
	From string // on this machine, "" for none
	What string // is wrong
}

// Error says which file, and what is wrong.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("pack %s: %s is not what it should be: %s", e.Path, cmp.Or(e.From, e.Path), e.What)
}

// write writes the rpm of entries to w. Each file is read once: it is checked
// against its size and SHA-256 as it goes by, and the payload's own digest is
// taken on the way. The headers, whose length is known from the start, are written last.
// What was written is worth nothing when there is an error.
func write(ctx context.Context, w io.WriterAt, meta Meta, entries []entry, signer Signer, progress func(bytes int64)) error {
	a := archive{entries, meta.Large}
	unpacked := a.size()
	p := payload{sha256: strings.Repeat("0", 2*sha256.Size), size: stored.Size("gzip", unpacked), unpacked: unpacked}
	blank, err := header(meta, entries, p, nil)
	if err != nil {
		return err
	}
	if err := reserve(w, int64(len(blank))+p.size); err != nil {
		return err
	}
	if p.sha256, err = writePayload(ctx, w, int64(len(blank)), a, progress); err != nil {
		return err
	}
	head, err := header(meta, entries, p, signer)
	if err != nil {
		return err
	}
	if len(head) != len(blank) {
		return fmt.Errorf("the header of %s has %d bytes instead of %d", meta.Name, len(head), len(blank))
	}
	_, err = w.WriteAt(head, 0)
	return unwritable(err)
}

// reserve takes the space on the disk before anything is written, where the file system can.
func reserve(w io.WriterAt, size int64) error {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return unwritable(fmt.Errorf("reserve %d bytes: %w", size, err))
	}
	return nil
}

func unwritable(err error) error {
	return exit.With(exit.Output, err, "free disk space, or choose another folder with --output")
}

// writePayload writes the payload from an offset on and returns its SHA-256.
func writePayload(ctx context.Context, w io.WriterAt, off int64, a archive, progress func(int64)) (string, error) {
	s := newSink(w, off)
	err := writeArchive(ctx, s, a, progress)
	if closeErr := s.Close(); closeErr != nil {
		err = unwritable(closeErr) // the cause of what writeArchive says
	}
	return s.Sum(), err
}

// A payload is gzip that is not compressed: what is in it is compressed already, every rpm reads gzip, and the size is known before a byte is
// written.
func writeArchive(ctx context.Context, w io.Writer, a archive, progress func(int64)) error {
	z, err := stored.NewWriter("gzip", w, a.size())
	if err != nil {
		return err
	}
	if err := a.write(ctx, z, progress); err != nil {
		return err
	}
	return z.Close()
}

// copyContent copies a file's bytes, and fails unless they are what its size and SHA-256 say.
func copyContent(ctx context.Context, w io.Writer, f File, buf []byte, progress func(int64)) error {
	r, err := f.open()
	if err != nil {
		return exit.With(exit.Missing, fmt.Errorf("pack %s: %w", f.Path, err), "")
	}
	defer r.Close() //nolint:errcheck // only read
	sum := newChecked(f)
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, context.Cause(ctx))
		}
		n, err := r.Read(buf)
		if err := sum.add(buf[:n]); err != nil {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		progress(int64(n))
		if errors.Is(err, io.EOF) {
			return sum.end()
		}
		if err != nil {
			return exit.With(exit.Missing, fmt.Errorf("pack %s: %w", f.Path, err), "")
		}
	}
}

// checked compares a file's bytes, as they go by, with what they must be.
type checked struct {
	f   File
	n   int64 // bytes so far
	sum hash.Hash
}

func newChecked(f File) *checked { return &checked{f: f, sum: sha256.New()} }

func (c *checked) add(p []byte) error {
	if head := c.f.Head; c.n < head.Size && c.n+int64(len(p)) >= head.Size {
		rest := head.Size - c.n
		c.sum.Write(p[:rest]) // a hash never fails
		p, c.n = p[rest:], head.Size
		if got := c.got(); got != head.SHA256 {
			return mismatch(c.f, "its headers changed since the plan was made of them")
		}
	}
	c.sum.Write(p)
	if c.n += int64(len(p)); c.n > c.f.Size {
		return mismatch(c.f, "it is larger than %d bytes", c.f.Size)
	}
	return nil
}

// got returns the SHA-256 so far.
func (c *checked) got() string { return hex.EncodeToString(c.sum.Sum(nil)) }

func (c *checked) end() error {
	if c.n < c.f.Size {
		return mismatch(c.f, "it has %d bytes, %d are expected", c.n, c.f.Size)
	}
	if got := c.got(); got != c.f.SHA256 {
		return mismatch(c.f, "its sha256 is %s, %s is expected", got, c.f.SHA256)
	}
	return nil
}

func (f File) open() (io.ReadCloser, error) {
	if f.From == "" {
		return io.NopCloser(bytes.NewReader(f.Body)), nil
	}
	return os.Open(f.From)
}

func mismatch(f File, format string, a ...any) error {
	return Mismatch(f.Path, f.From, fmt.Sprintf(format, a...))
}

// Mismatch is the error for a file that is not what it should be: a *MismatchError with its exit code.
func Mismatch(path, from, what string) error {
	return exit.With(exit.Mismatch, &MismatchError{Path: path, From: from, What: what},
		"fetch it again, or bundler lock the release when it changed on purpose")
}
