package repodata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Relative writes to dir, a folder that is there, what metadata is for a copy of the repository under any address: primary
// without the base that each package's place has, and a repomd.xml that names it and the other two lists of
// set, whose files stay where they are. Every place of set must have that base. Equal arguments give equal bytes.
func Relative(ctx context.Context, dir string, set *Set, base string) (*Set, error) {
	out, err := relative(ctx, dir, set, base)
	if err != nil {
		return nil, coded(fmt.Errorf("write repository metadata for copies: %w", err))
	}
	return out, nil
}

func relative(ctx context.Context, dir string, set *Set, base string) (*Set, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	var w writer
	w.tag(1, "location", []string{"xml:base", base})
	if w.err != nil {
		return nil, w.err
	}
	l, err := writeList(dir, 0, func(out io.Writer, note func(id string)) error {
		return readList(set.Files[0], func(in io.Reader) error { return withoutBase(ctx, out, in, w.b, note) })
	})
	if err != nil {
		return nil, err
	}
	if err := l.keep(dir); err != nil {
		l.remove()
		return nil, err
	}
	next := &Set{Revision: set.Revision, Files: append([]File{l.File}, set.Files[1:]...)}
	if next.Repomd, err = repomd(next.Files, next.Revision); err != nil {
		return nil, err
	}
	return next, writeRepomd(dir, next.Repomd)
}

// withoutBase copies primary, and takes the base out of each package's place, which begins with begin.
func withoutBase(ctx context.Context, out io.Writer, in io.Reader, begin []byte, note func(id string)) error {
	k := kinds[0]
	s, err := newScanner(in, k)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, k.header(s.count)); err != nil {
		return err
	}
	from, to := append([]byte("\n"), begin...), []byte("\n  <location") // text has no bare "<" in it
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, id, err := s.next()
		if errors.Is(err, io.EOF) {
			_, err = io.WriteString(out, k.footer())
			return err
		}
		if err != nil {
			return err
		}
		if bytes.Count(entry, from) != 1 {
			return malformed(k.name, "package %s does not lie under %s", id, begin)
		}
		note(id)
		if _, err := out.Write(bytes.Replace(entry, from, to, 1)); err != nil {
			return err
		}
	}
}
