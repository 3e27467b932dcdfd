package fetch

import (
	"context"
	"errors"
	"fmt"

	"onerpm/bundler/internal/exit"
)

// download fetches an item into the cache. A part that an earlier run left is
// continued; when the whole then is not right, it is fetched once more from its beginning, for nobody
// knows which of the pieces was wrong.
func (f *fetcher) download(ctx context.Context, it Item, t target) (File, error) {
	p, err := f.cache.open(ctx, it, t.place)
	if err != nil {
		return File{}, err
	}
	if p == nil { // another process was faster
		file, ok, err := f.fromCache(ctx, it)
		if err == nil && !ok {
			err = exit.Errorf(exit.Output, "run the same command again", "the cache was changed by somebody else meanwhile")
		}
		return file, err
	}
	if it.SHA256 == "" || p.have > it.Size {
		if err := p.empty(); err != nil {
			return File{}, errors.Join(err, p.discard())
		}
	}
	got, err := f.fill(ctx, it, t, p)
	if err != nil {
		err = explain(t.place, err)
		if it.SHA256 == "" || isMismatch(err) {
			return File{}, errors.Join(err, p.discard())
		}
		return File{}, errors.Join(err, p.file.Close()) // to be continued
	}
	wrong := got.checkPackage(it, f.o.Keyring, p.file)
	if wrong != nil {
		wrong = fmt.Errorf("%s: %w", t.place, wrong)
	}
	if wrong != nil && it.SHA256 == "" {
		return File{}, errors.Join(wrong, p.discard())
	}
	path, err := p.commit(got.sha256) // the bytes are right: they need not come again once the release is
	if err := errors.Join(err, wrong); err != nil {
		return File{}, err
	}
	return got.file(it, path, false), nil
}

// fill reads the item until its bytes are right, twice at most, and more often only when a file of
// unknown digest was cut.
func (f *fetcher) fill(ctx context.Context, it Item, t target, p *part) (found, error) {
	for try := 1; ; try++ {
		s := f.stream(ctx, t.place, total(it))
		s.part, s.have, s.event.Item = p.file, p.have, it
		got, err := examine(s, t.sum, it.SHA256 != "")
		s.close()
		if err == nil {
			err = got.checkBytes(it, t.sum)
		}
		again := isMismatch(err) && (s.have > 0 || s.pieces > 1) && try == 1 || errors.Is(err, errChanged) && try <= f.o.Retries
		if !again {
			if isMismatch(err) {
				err = exit.With(exit.Mismatch, err, "the file there is not the one that the release was locked with: ask who changed it; if it is right, run bundler lock RELEASE --update and review the change")
			}
			return got, err
		}
		if errors.Is(err, errChanged) {
			if err := sleep(ctx, f.o.delay(try, err)); err != nil {
				return got, err
			}
		}
		if err := p.empty(); err != nil {
			return got, err
		}
	}
}
