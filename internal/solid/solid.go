// Package solid is the form in which a bundle carries the payloads of packages that are alike: as one stream of zstd, cut in pieces and interleaved,
// so that what is alike in the old and the new package lies near one another. What the old one shares with the new one costs next to nothing then,
// and what is read is one stream, in order, with one window.
//
// A stream is made of records: the number of a payload (one byte, from 0), the bytes of a piece of it (four, the highest first), and the piece. The
// pieces of a payload come in its order. There is nothing else in it: how many payloads there are, and how large, is for others to say.
//
// It promises, whatever the bytes are that Unpack reads: memory is that of the window, no payload gets more bytes than it was said to have, and
// there is an error unless each got exactly as many. That they are the right ones is for the caller to prove, by a digest.
package solid

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// Window is how far back a match may be, in bytes: what an Unpack holds.
	Window = 32 << 20

	// MaxPayloads is how many there may be in one stream.
	MaxPayloads = 1 << 8

	recordHead = 5
)

// Writer writes a stream.
type Writer struct{ z *zstd.Encoder }

// NewWriter begins a stream. The same pieces give the same bytes, with the version of the library that go.mod pins.
func NewWriter(w io.Writer) (*Writer, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(Window), zstd.WithEncoderConcurrency(1))
	return &Writer{z}, err
}

// Piece writes the next n bytes of a payload, which it reads from r.
func (w *Writer) Piece(payload int, r io.Reader, n int64) error {
	if payload < 0 || payload >= MaxPayloads || n < 1 || n > 1<<32-1 {
		return fmt.Errorf("a piece of %d bytes of payload %d cannot be written", n, payload)
	}
	head := binary.BigEndian.AppendUint32([]byte{byte(payload)}, uint32(n))
	if _, err := w.z.Write(head); err != nil {
		return err
	}
	_, err := io.CopyN(w.z, r, n)
	return err
}

// Close ends the stream.
func (w *Writer) Close() error { return w.z.Close() }

// Payload is where one goes to.
type Payload struct {
	W    io.Writer
	Size int64 // bytes
}

// ErrDamaged is wrapped by every error of Unpack that is about the stream.
var ErrDamaged = errors.New("damaged stream of payloads")

// Unpack reads a stream to its end and writes its payloads. Errors wrap ErrDamaged, or are those of r, of a payload's writer or of ctx.
func Unpack(ctx context.Context, r io.Reader, payloads []Payload) error {
	in := &source{ctx: ctx, r: r}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(Window))
	if err != nil {
		return err
	}
	defer z.Close()
	return in.judge(records(z, payloads))
}

// source is what is read; its error is not the stream's.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		s.err = context.Cause(s.ctx)
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// judge tells whose fault an error is.
func (s *source) judge(err error) error {
	write := (*writeError)(nil)
	switch {
	case err == nil:
		return nil
	case s.err != nil:
		return s.err
	case errors.As(err, &write):
		return write.error
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// writeError is that of a payload's writer.
type writeError struct{ error }

// records copies pieces until each payload is whole and nothing more comes.
func records(z io.Reader, payloads []Payload) error {
	done := make([]int64, len(payloads))
	buf := make([]byte, 256<<10)
	for {
		var head [recordHead]byte
		n, err := io.ReadFull(z, head[:])
		if n == 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		i, size := int(head[0]), int64(binary.BigEndian.Uint32(head[1:]))
		if i >= len(payloads) || size < 1 || size > payloads[i].Size-done[i] {
			return fmt.Errorf("a piece of %d bytes of payload %d does not fit", size, i)
		}
		if err := piece(payloads[i].W, z, size, buf); err != nil {
			return err
		}
		done[i] += size
	}
	for i, p := range payloads {
		if done[i] != p.Size {
			return fmt.Errorf("payload %d has %d bytes, %d are expected", i, done[i], p.Size)
		}
	}
	return nil
}

func piece(w io.Writer, z io.Reader, size int64, buf []byte) error {
	for size > 0 {
		n, err := io.ReadFull(z, buf[:min(size, int64(len(buf)))])
		if err != nil {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return &writeError{err}
		}
		size -= int64(n)
	}
	return nil
}
