package repodata

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/exit"
)

// level of gzip: a higher one costs several times the time for a few hundredths of the size.
const level = 6

// Write makes the next generation in dir, a folder that is there: the previous one's
// lists (nil: none) with entries added and packages, by their SHA-256, dropped. A package added that is there
// already, or dropped that is not, is an error. Equal arguments give equal bytes.
//
// revision is in seconds since 1970. It is raised to follow the previous one's:
// yum on EL7 does not take metadata that looks older than what it has.
//
// On an error nothing that Write made is left in dir; repomd.xml is written last.
func Write(ctx context.Context, dir string, previous *Set, add []Entry, drop []string, revision int64) (*Set, error) {
	set, err := write(ctx, dir, previous, add, drop, revision)
	if err != nil {
		return nil, coded(fmt.Errorf("write repository metadata: %w", err))
	}
	return set, nil
}

// coded gives an error its exit code.
func coded(err error) error {
	var format *FormatError
	var path *fs.PathError
	switch {
	case errors.As(err, &format):
		return exit.With(exit.Published, err, "run bundler verify to see everything that is wrong")
	case errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist):
		return exit.With(exit.Output, err, "free disk space in the folder for temporary files, or name another one in TMPDIR")
	}
	return err
}

func write(ctx context.Context, dir string, previous *Set, add []Entry, drop []string, revision int64) (*Set, error) {
	if previous != nil {
		if err := previous.check(); err != nil {
			return nil, err
		}
		revision = max(revision, previous.Revision+1)
	}
	e, err := newEdit(add, drop)
	if err != nil {
		return nil, err
	}
	lists := make([]*list, len(kinds))
	defer func() {
		for _, l := range lists {
			l.remove()
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	for i := range kinds {
		g.Go(func() (err error) {
			lists[i], err = writeList(dir, i, func(w io.Writer, note func(id string)) error {
				if previous == nil {
					return splice(ctx, w, nil, i, e, note)
				}
				return readList(previous.Files[i], func(r io.Reader) error { return splice(ctx, w, r, i, e, note) })
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	set := &Set{Revision: revision}
	for i, l := range lists {
		if l.ids != lists[0].ids {
			return nil, malformed(kinds[i].name, "it lists other packages than %s does", kinds[0].name)
		}
		if err := l.keep(dir); err != nil {
			return nil, err
		}
		set.Files = append(set.Files, l.File)
	}
	if set.Repomd, err = repomd(set.Files, revision); err != nil {
		return nil, err
	}
	return set, writeRepomd(dir, set.Repomd)
}

// writeRepomd replaces repomd.xml at once: a reader of dir sees the old one or the new one.
func writeRepomd(dir string, b []byte) error {
	tmp, err := os.CreateTemp(dir, ".repomd-")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, "repomd.xml"))
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the error above is the one to tell
	}
	return err
}

// list is a list that is being written.
type list struct {
	File
	ids string // digest of the packages' ids, in order
}

// writeList writes list i to a temporary file. fill writes it, and notes each package's id.
func writeList(dir string, i int, fill func(w io.Writer, note func(id string)) error) (_ *list, err error) {
	tmp, err := os.CreateTemp(dir, "."+kinds[i].name+"-")
	if err != nil {
		return nil, err
	}
	l := &list{File: File{Type: kinds[i].name, Path: tmp.Name()}}
	defer func() {
		if err = errors.Join(err, tmp.Close()); err != nil {
			l.remove()
		}
	}()
	ids := sha256.New()
	outer := newSummed(tmp)
	z, err := gzip.NewWriterLevel(outer, level)
	if err != nil {
		return nil, err
	}
	inner := newSummed(z)
	buffered := bufio.NewWriterSize(inner, 64<<10)
	err = fill(buffered, func(id string) { _, _ = io.WriteString(ids, id) }) // a hash takes everything
	if err = errors.Join(err, buffered.Flush(), z.Close()); err != nil {
		return nil, err
	}
	l.SHA256, l.Size, l.OpenSHA256, l.OpenSize = outer.sum(), outer.n, inner.sum(), inner.n
	l.ids = hex.EncodeToString(ids.Sum(nil))
	if l.OpenSize > maxList {
		return nil, fmt.Errorf("%s has more than %d bytes", l.Type, int64(maxList))
	}
	return l, nil
}

// keep gives the list its name.
func (l *list) keep(dir string) error {
	l.Name = fileName(kind{name: l.Type}, l.SHA256)
	path := filepath.Join(dir, l.Name)
	if err := os.Rename(l.Path, path); err != nil {
		return err
	}
	l.Path = path
	return nil
}

// remove removes a list that was not kept.
func (l *list) remove() {
	if l != nil && l.Name == "" {
		_ = os.Remove(l.Path) // a leftover begins with a dot, and does no harm
	}
}

// summed counts and hashes what is written through it.
type summed struct {
	w io.Writer
	h hash.Hash
	n int64
}

func newSummed(w io.Writer) *summed { return &summed{w: w, h: sha256.New()} }

// Write writes to the writer below.
func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	_, _ = s.h.Write(p[:n]) // never fails
	s.n += int64(n)
	return n, err
}

func (s *summed) sum() string { return hex.EncodeToString(s.h.Sum(nil)) }
