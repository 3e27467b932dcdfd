package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
)

// probeFolder has the files of Probe, each under a name of its own. Those of killed ones are removed by Tidy.
const probeFolder = "probe/"

// Probe holds a store to its promise before anything is built on it: a condition of Put that holds is met, one that does
// not hold is refused. S3-compatible servers exist that ignore conditions, with which publishers at the same time would lose each
// other's bundles, and such that refuse all. A folder keeps its promise by this package's own lock.
func Probe(ctx context.Context, s Store) (err error) {
	b, ok := s.(*bucket)
	if !ok {
		return nil
	}
	name := probeFolder + strings.ToLower(rand.Text())
	defer func() {
		if gone := b.Delete(ctx, name); err == nil {
			err = gone
		}
	}()
	first, err := b.probe(ctx, name, "1", Absent, true)
	if err != nil {
		return err
	}
	if _, err := b.probe(ctx, name, "2", Absent, false); err != nil {
		return err
	}
	// What is read tells the tag, as for whoever replaces a file.
	tag, err := b.probed(ctx, name, "1")
	if err != nil {
		return err
	}
	if _, err := b.probe(ctx, name, "3", IfTag(tag), true); err != nil {
		return err
	}
	if _, err := b.probe(ctx, name, "4", IfTag(first), false); err != nil {
		return err
	}
	if err := b.probeParts(ctx, name); err != nil {
		return err
	}
	_, err = b.probed(ctx, name, "3")
	return err
}

// probeParts puts a content where one is, in parts as a bundle is. The request that ends them has the condition, and some
// servers that keep that of a small file do not look at it there.
func (b *bucket) probeParts(ctx context.Context, name string) error {
	p := &put{b, name, bytes.NewReader([]byte("5")), PutOptions{When: Absent}, rand.Text()}
	_, err := p.inParts(ctx)
	switch {
	case err == nil:
		return b.unusableError("it ignores the condition of a write in parts (If-None-Match), as bundles are written: publishers at the same time would lose each other's bundles")
	case errors.Is(err, ErrConflict):
		return nil
	}
	return b.fail(ctx, "put", name, err)
}

// probe puts a content under a condition that holds or does not.
func (b *bucket) probe(ctx context.Context, name, content string, when Condition, holds bool) (string, error) {
	header := "If-Match"
	if when == Absent {
		header = "If-None-Match"
	}
	tag, err := b.Put(ctx, name, bytes.NewReader([]byte(content)), PutOptions{When: when})
	switch {
	case err == nil && !holds:
		return "", b.unusableError("it ignores the condition of a write (%s): publishers at the same time would lose each other's bundles", header)
	case errors.Is(err, ErrConflict) && holds:
		return "", b.unusableError("it refuses a write whose condition (%s) holds: nothing could ever be published", header)
	case errors.Is(err, ErrConflict):
		return "", nil
	}
	return tag, err
}

// probed reads back what was put.
func (b *bucket) probed(ctx context.Context, name, want string) (string, error) {
	r, info, err := b.Open(ctx, name)
	if errors.Is(err, ErrNotExist) {
		return "", b.unusableError("what was just written is not there")
	}
	if err != nil {
		return "", err
	}
	defer r.Close() //nolint:errcheck // only read
	got, err := io.ReadAll(r)
	if err == nil && string(got) != want {
		err = b.unusableError("of what was written before, something else is read: %q, not %q", got, want)
	}
	return info.Tag, err
}

// unusableError is an error for a store that cannot be published in.
func (b *bucket) unusableError(format string, args ...any) error {
	return exit.Errorf(exit.Store, "use a store with conditional writes: docs/publishing.md, What a store must do",
		"%s cannot be published in: %w", b, fmt.Errorf(format, args...))
}

// tidyProbes removes the files of probes that were killed before then.
func (b *bucket) tidyProbes(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for info, err := range b.List(ctx, probeFolder) {
		if err != nil {
			return n, err
		}
		if !info.Modified.Before(before) {
			continue
		}
		if err := b.Delete(ctx, info.Name); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
