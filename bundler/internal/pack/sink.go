package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	sinkBuffers = 4
	sinkBuffer  = 1 << 20
)

// sink writes what it is given to w, from an offset on, and takes the SHA-256 of
// it. Both happen on another core than the caller's, in order.
type sink struct {
	w     io.WriterAt
	off   int64
	begun int64 // writeback was started up to here
	sum   hash.Hash
	buf   []byte
	full  chan []byte
	free  chan []byte
	dead  chan struct{} // closed when nothing is written any more
	err   error         // valid once dead is closed
}

func newSink(w io.WriterAt, off int64) *sink {
	s := &sink{
		w: w, off: off, begun: off, sum: sha256.New(), buf: make([]byte, 0, sinkBuffer),
		full: make(chan []byte, sinkBuffers), free: make(chan []byte, sinkBuffers), dead: make(chan struct{}),
	}
	for range sinkBuffers - 1 {
		s.free <- make([]byte, 0, sinkBuffer)
	}
	go s.run()
	return s
}

func (s *sink) run() {
	defer close(s.dead)
	for b := range s.full {
		s.sum.Write(b) // a hash never fails
		if _, err := s.w.WriteAt(b, s.off); err != nil {
			s.err = err
			return
		}
		s.off += int64(len(b))
		s.startWriteback()
		s.free <- b[:0]
	}
}

// startWriteback has the disk begin with what was written, while the next bytes
// are hashed; otherwise all of it waits for the sync at the end. It is a hint: errors come out there.
func (s *sink) startWriteback() {
	const every = 8 << 20
	if f, ok := s.w.(*os.File); ok && s.off-s.begun >= every {
		_ = unix.SyncFileRange(int(f.Fd()), s.begun, s.off-s.begun, unix.SYNC_FILE_RANGE_WRITE)
		s.begun = s.off
	}
}

// Write hands p on. The error may be that of an earlier Write.
func (s *sink) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(len(p), cap(s.buf)-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
		if len(s.buf) == cap(s.buf) {
			if err := s.flush(); err != nil {
				return total - len(p), err
			}
		}
	}
	return total, nil
}

func (s *sink) flush() error {
	select {
	case s.full <- s.buf:
	case <-s.dead:
		return s.err
	}
	select {
	case s.buf = <-s.free:
		return nil
	case <-s.dead:
		return s.err
	}
}

// Close waits for all to be written. It must be called once, also after an error.
func (s *sink) Close() error {
	if len(s.buf) > 0 {
		select {
		case s.full <- s.buf:
		case <-s.dead:
		}
	}
	close(s.full)
	<-s.dead
	return s.err
}

// Sum returns the SHA-256 of all that was written, in hexadecimal, after Close.
func (s *sink) Sum() string { return hex.EncodeToString(s.sum.Sum(nil)) }
