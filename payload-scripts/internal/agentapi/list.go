package agentapi

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
)

const (
	maxItems = 5000000 // of a list, so that reading one ends
	// Readings are how often a list is read that changes while it is read.
	Readings = 3
	beyond   = 1 << 30 // an offset at which no list has an item
)

// listError says that a list cannot be read as the spec has it: asking again would not help.
type listError struct{ what string }

func (e *listError) Error() string {
	return e.what + "; agents.lists of the bundle's spec does not fit this product: tell who made the bundle"
}

// ShortError says that a list is not shown whole.
type ShortError struct {
	path         string
	items, total int
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("GET %s: the product says that there are %d and shows %d; see in its log why", e.path, e.total, e.items)
}

// errChanged says that a list was another one when it was read to its end.
var errChanged = errors.New("it changes while it is read")

// ReadWhole has a list read until it did not change meanwhile. Of one that always changes, the readings together are what there is.
func ReadWhole(read func() error) error {
	for n := 1; ; n++ {
		err := read()
		_, short := errors.AsType[*ShortError](err)
		switch {
		case !short && !errors.Is(err, errChanged):
			return err
		case n == Readings && short:
			return err
		case n == Readings:
			return nil
		}
		slog.Warn("agents: a list is read again", "error", err)
	}
}

// List reads a list page by page and hands on what stands at the keys of each item. The first of them is that of the
// item's id, or "": an item that comes twice is handed on once. It ends at an empty page or, where the product
// states a total, when a page beyond it brings nothing new, whatever the size of the pages, and after one page where there
// are no others. After errChanged and ShortError items may be missing; those that there were have been handed on.
func (a *API) List(ctx context.Context, tenant, path string, keys []string, take func([]string) error) error {
	l := listing{api: a, tenant: tenant, path: path, keys: keys, total: unknown, seen: map[uint64]bool{}, seed: maphash.MakeSeed()}
	for {
		p, err := l.page(ctx, l.offset, PageSize)
		if whole := l.offset > 0 && l.offset >= l.total && l.total != unknown; whole && Refused(err) && !Locked(err) {
			return l.end()
		}
		if err != nil {
			return err
		}
		more, err := l.keep(ctx, p, take)
		if err != nil {
			return err
		}
		if !more {
			return l.end()
		}
	}
}

// listing is one reading of a list.
type listing struct {
	api          *API
	tenant, path string
	keys         []string

	offset  int             // of the next page
	total   int             // as the last page states it
	seen    map[uint64]bool // ids, as hashes
	items   int             // that were handed on
	changed bool
	stale   int    // pages, one after the other, that had nothing new
	last    uint64 // what was on the last page, as a hash
	obeyed  bool   // the product is known to obey an offset
	seed    maphash.Seed
}

// keep hands on what is new on a page, and tells whether there may be more.
func (l *listing) keep(ctx context.Context, p listPage, take func([]string) error) (more bool, err error) {
	whole := l.total != unknown && l.offset >= l.total
	if p.total != unknown && (len(p.items) > 0 || l.offset == 0) {
		l.changed = l.changed || l.total != unknown && l.total != p.total
		l.total = p.total
	}
	if len(p.items) == 0 {
		return false, nil
	}
	repeats, err := l.repeats(ctx, p)
	if err != nil {
		return false, err
	}
	fresh, changed := 0, l.changed
	if !repeats {
		if fresh, err = l.take(p, take); err != nil {
			return false, err
		}
	}
	if fresh == 0 && len(p.items) == l.offset { // all that there was, once more
		unpaged, err := l.unpaged(ctx, l.offset)
		if unpaged || err != nil {
			l.changed = changed
			return false, err
		}
	}
	l.offset += len(p.items)
	if l.stale++; fresh > 0 {
		l.stale = 0
	}
	switch {
	case fresh == 0 && whole:
		return false, nil
	case repeats, l.stale > 1: // one page may have nothing new: what came or went moves the items
		return false, &listError{fmt.Sprintf("GET %s: after %d items the pages bring nothing new, as the product does not obey %q", l.path, l.items, l.api.Spec.Lists.Offset)}
	case l.items > maxItems:
		return false, &listError{fmt.Sprintf("GET %s has no end after %d items", l.path, l.items)}
	}
	return true, nil
}

// take hands on the items that have not come before.
func (l *listing) take(p listPage, take func([]string) error) (fresh int, err error) {
	for _, item := range p.items {
		if item[0] != "" {
			id := maphash.String(l.seed, item[0])
			if l.seen[id] {
				l.changed = true
				continue
			}
			l.seen[id] = true
		}
		if err := take(item); err != nil {
			return fresh, err
		}
		fresh++
	}
	l.items += fresh
	return fresh, nil
}

// repeats tells whether a page without ids is the one before, because the product does not obey an offset. Pages of things that are
// alike are the same too.
func (l *listing) repeats(ctx context.Context, p listPage) (bool, error) {
	var all maphash.Hash
	all.SetSeed(l.seed)
	for _, item := range p.items {
		for _, value := range item {
			maphash.WriteComparable(&all, value)
		}
	}
	same := all.Sum64() == l.last
	l.last = all.Sum64()
	if !same || l.obeyed || len(l.seen) > 0 {
		return false, nil
	}
	far, err := l.page(ctx, beyond, 1)
	if Refused(err) && !Locked(err) {
		err = nil // it is too far
	}
	l.obeyed = err == nil && len(far.items) == 0
	return !l.obeyed, err
}

// unpaged tells whether the product has no pages of the list: then n items are all, whatever number is asked for.
func (l *listing) unpaged(ctx context.Context, n int) (bool, error) {
	p, err := l.page(ctx, 0, max(1, n-1))
	return err == nil && len(p.items) >= n, err
}

func (l *listing) end() error {
	switch {
	case l.changed:
		return errChanged
	case l.total != unknown && l.items < l.total:
		return &ShortError{l.path, l.items, l.total}
	}
	return nil
}
