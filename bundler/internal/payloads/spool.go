package payloads

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/rpmpkg"
)

// spool is a payload, uncompressed, in a file.
type spool struct {
	f      *os.File
	size   int64
	sha256 string
	spans  []span
	head   pack.File // the bytes before the payload, in a file of the folder
}

func (s *spool) drop() {
	_ = s.f.Close()
	_ = os.Remove(s.f.Name())
}

// maxSpans bounds the files of an archive that are told apart; cpio.MaxEntries for those with names.
const maxSpans = 1 << 20

// unpack writes a package's payload and its head into files of dir, and compares the package with what the release says. It
// returns nil for a payload that cannot be read.
func unpack(ctx context.Context, p Package, dir string, i int) (_ *spool, err error) {
	from, err := os.Open(p.Component.Path)
	if err != nil {
		return nil, exit.With(exit.Missing, fmt.Errorf("read %s: %w", p.NEVRA(), err), "")
	}
	defer from.Close() //nolint:errcheck // only read
	in := &counter{ctx: ctx, r: bufio.NewReaderSize(from, 256<<10), sum: sha256.New()}
	s := &spool{}
	if err := s.takeHead(in, p, filepath.Join(dir, strconv.Itoa(i)+".head")); err != nil {
		return nil, err
	}
	if s.f, err = os.Create(filepath.Join(dir, strconv.Itoa(i)+".payload")); err != nil {
		return nil, unwritable(err)
	}
	unread := s.fill(in, p)
	if _, err := io.Copy(io.Discard, in); err != nil {
		s.drop()
		return nil, exit.With(exit.Missing, fmt.Errorf("read %s: %w", p.NEVRA(), err), "")
	}
	if err := in.compare(p); err != nil {
		s.drop()
		return nil, err
	}
	if unread == nil {
		return s, nil
	}
	s.drop()
	if failed := (*writeError)(nil); errors.As(unread, &failed) {
		return nil, unwritable(failed.error)
	}
	return nil, nil //nolint:nilerr // it travels as it is
}

// takeHead copies what stands before the payload.
func (s *spool) takeHead(in *counter, p Package, name string) error {
	size := p.Header.PayloadOffset
	f, err := os.Create(name)
	if err != nil {
		return unwritable(err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(in, size))
	if err = errors.Join(err, f.Close()); err != nil {
		return unwritable(err)
	}
	got := hex.EncodeToString(sum.Sum(nil))
	if want := p.Component.Head; n != size || want.Size == size && want.SHA256 != got {
		return mismatch(p, "its headers changed since the plan was made of them")
	}
	s.head = pack.File{From: name}
	s.head.Path, s.head.Size, s.head.SHA256, s.head.Mode = p.File+".head", n, got, 0o644
	return nil
}

// fill writes the payload, uncompressed, and notes where its files are.
func (s *spool) fill(in io.Reader, p Package) error {
	z, err := p.Header.Payload(in)
	if err != nil {
		return err
	}
	defer z.Close() //nolint:errcheck // only read
	w := &writer{f: bufio.NewWriterSize(s.f, 256<<10), sum: sha256.New()}
	raw := io.TeeReader(z, w)
	if s.spans, err = spans(p.Header, raw, w); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return err
	}
	if err := w.f.Flush(); err != nil {
		return &writeError{err}
	}
	s.size, s.sha256 = w.n, hex.EncodeToString(w.sum.Sum(nil))
	if s.size == 0 {
		return errors.New("there is no payload")
	}
	if len(s.spans) == 0 { // a package without files: the end of the archive is there all the same
		s.spans = []span{{}}
	}
	s.spans[len(s.spans)-1].to = s.size
	return nil
}

// spans reads an archive, and notes where each file of it begins and ends. w counts what is read.
func spans(h *rpmpkg.Package, raw io.Reader, w *writer) ([]span, error) {
	digests := map[string]string{}
	for _, f := range h.Files() {
		digests[path.Clean(f.Path)] = f.Digest
	}
	var list []span
	a := rpmpkg.NewArchive(h.Files(), raw)
	for {
		m, err := a.Next()
		// The head of the next file has been read with this one's end: it counts as its part, which does no harm.
		if n := len(list); n > 0 {
			list[n-1].to = w.n
		}
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if len(list) == maxSpans {
			return nil, fmt.Errorf("more than %d files", maxSpans)
		}
		name := path.Join("/", m.Name)
		s := span{path: name, from: w.n}
		if len(list) == 0 {
			s.from = 0
		}
		if m.Size > 0 {
			s.digest = digests[name]
		}
		list = append(list, s)
	}
}

// writer writes a payload and counts it.
type writer struct {
	f   *bufio.Writer
	sum hash.Hash
	n   int64
}

// writeError is that of the spool's own file.
type writeError struct{ error }

func (w *writer) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	w.sum.Write(p) // a hash never fails
	n, err := w.f.Write(p)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// counter reads a package's file, and takes its SHA-256.
type counter struct {
	ctx context.Context
	r   io.Reader
	sum hash.Hash
	n   int64
}

func (c *counter) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(p)
	c.sum.Write(p[:n]) // a hash never fails
	c.n += int64(n)
	return n, err
}

func (c *counter) compare(p Package) error {
	if c.n != p.Size {
		return mismatch(p, fmt.Sprintf("it has %d bytes, %d are expected", c.n, p.Size))
	}
	if got := hex.EncodeToString(c.sum.Sum(nil)); got != p.SHA256 {
		return mismatch(p, fmt.Sprintf("its sha256 is %s, %s is expected", got, p.SHA256))
	}
	return nil
}

func mismatch(p Package, what string) error {
	return pack.Mismatch(p.File, p.Component.Path, what)
}
