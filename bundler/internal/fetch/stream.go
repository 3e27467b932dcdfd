package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// errChanged says that a file whose digest is not known was cut, and cannot be continued.
var errChanged = errors.New("the file was cut or changed while it was read")

// maxUnknown bounds a file whose size is not known, in bytes.
const maxUnknown = 16 << 30

// stream reads a file from its first to its last byte as if nothing ever broke:
// bytes that are in the part come from there, the others from the place, which is asked
// again from where it was cut. It writes what arrives to the part.
type stream struct {
	f     *fetcher
	ctx   context.Context
	place place
	size  int64    // that the file must have, -1 when it is not known
	part  *os.File // nil when nothing is kept
	have  int64    // bytes of the part to begin with

	pos     int64 // of the next byte
	body    *content
	err     error  // that ended body, still to be dealt with
	over    error  // that Read ended with
	tag     string // version of the file, when there is one and its size is not known
	told    int64  // size of the whole file by the last answer, -1 for none
	tries   int    // since bytes last came
	whole   bool   // the server cannot give a part: take all and skip
	pieces  int    // how often the place, or the part from an earlier run, was asked
	event   Event
	toldPos int64
}

func (f *fetcher) stream(ctx context.Context, p place, size int64) *stream {
	return &stream{f: f, ctx: ctx, place: p, size: size, told: -1, event: Event{State: Fetching, Total: size}}
}

// Read gives the file's next bytes, from the part or the place.
func (s *stream) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	if s.over != nil {
		return 0, s.over
	}
	if s.pos < s.have {
		n, err := s.part.ReadAt(p[:min(int64(len(p)), s.have-s.pos)], s.pos)
		s.advance(n)
		if n > 0 {
			s.pieces = 1
			return n, nil
		}
		if errors.Is(err, io.EOF) { // somebody made the part shorter meanwhile
			err = io.ErrUnexpectedEOF
		}
		return 0, unwritable(fmt.Errorf("read what has arrived: %w", err))
	}
	for {
		n, err := s.fromPlace(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (s *stream) advance(n int) {
	s.pos += int64(n)
	if s.toldPos == 0 || s.pos-s.toldPos >= tellEvery {
		s.toldPos, s.event.Bytes = s.pos, s.pos
		s.f.notify(s.event)
	}
}

// fromPlace reads once. Nothing read and no error mean: once more.
func (s *stream) fromPlace(p []byte) (int, error) {
	if s.body == nil && s.err == nil {
		if s.pos == s.size && s.pieces > 0 {
			return 0, io.EOF
		}
		s.err = s.connect()
	}
	if err := s.err; err != nil {
		s.err = nil
		s.over = s.ended(err)
		return 0, s.over
	}
	n, err := s.body.body.Read(p)
	s.err = err
	if n == 0 {
		return 0, nil
	}
	s.tries = 0
	if limit := s.limit(); s.pos+int64(n) > limit {
		return 0, s.tooLong(limit)
	}
	if s.part != nil {
		if _, err := s.part.WriteAt(p[:n], s.pos); err != nil {
			return 0, unwritable(err)
		}
	}
	s.advance(n)
	return n, nil
}

func (s *stream) limit() int64 {
	if s.size >= 0 {
		return s.size
	}
	return maxUnknown
}

func (s *stream) tooLong(limit int64) error {
	return &MismatchError{What: "size", Got: fmt.Sprintf("more than %d", limit), Want: fmt.Sprintf("%d at most", limit), By: "the release"}
}

// connect asks for the bytes from pos on.
func (s *stream) connect() error {
	if err := s.f.down.get(s.place.host()); err != nil {
		return &givenUp{err}
	}
	offset := s.pos
	if s.whole {
		offset = 0
	}
	if s.size < 0 && s.pos > 0 && (s.tag == "" || s.whole) {
		return errChanged // nothing would tell whether the rest belongs to the beginning
	}
	s.pieces++
	body, err := s.place.open(s.ctx, offset, s.tag)
	if err != nil {
		return err
	}
	if s.size >= 0 && body.size >= 0 && body.size != s.size {
		_ = body.body.Close()
		return sizeMismatch(body.size, s.size)
	}
	if s.size < 0 {
		if s.pos > 0 && (body.start != s.pos || body.tag != s.tag) {
			_ = body.body.Close()
			return errChanged
		}
		s.tag, s.event.Total = body.tag, body.size
	}
	s.body, s.told = body, body.size
	if _, err := io.CopyN(io.Discard, body.body, s.pos-body.start); err != nil {
		return err
	}
	return nil
}

// ended deals with the end of an answer: the file's end, a failure that passes (nil), or one that does not.
func (s *stream) ended(err error) error {
	s.close()
	want := max(s.size, s.told)
	if errors.Is(err, io.EOF) {
		if s.pos >= want { // without any size told, the end is the end
			return io.EOF
		}
		err = io.ErrUnexpectedEOF
	}
	var status *statusError
	switch {
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case errors.Is(err, errRange) && !s.whole:
		s.whole = true
		return nil
	case errors.As(err, &status) && status.code == http.StatusRequestedRangeNotSatisfiable && s.pos > 0:
		return io.EOF // there is nothing behind pos: the size will tell
	case errors.As(err, &status) && status.code == http.StatusPreconditionFailed && s.pos > 0:
		return errChanged
	}
	var final *givenUp
	if errors.As(err, &final) {
		return final.err
	}
	if errors.Is(err, errChanged) || !passing(err) {
		return err
	}
	if s.tries++; s.tries > s.f.o.Retries {
		s.f.down.note(s.place.host(), err)
		return fmt.Errorf("tried %d times: %w", s.tries, err)
	}
	s.event.State, s.event.Note, s.event.Bytes = Waiting, err.Error(), s.pos
	s.f.notify(s.event)
	s.event.State, s.event.Note = Fetching, ""
	return sleep(s.ctx, s.f.o.delay(s.tries, err))
}

// givenUp is the failure of a host that others have waited for already.
type givenUp struct{ err error }

func (e *givenUp) Error() string { return e.err.Error() }

func (s *stream) close() {
	if s.body != nil {
		_ = s.body.body.Close()
		s.body = nil
	}
}
