package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/rpmpkg"
)

// start makes a channel that is not there an empty one, for a client that has it in its settings would fail without
// it; moves one to the URL that the store has now; gives stable the metadata for copies that an older bundler did not write; and
// writes anew what customers would soon refuse.
func (r *Repo) start(ctx context.Context, x *Index, product, prefix string) (*edit, error) {
	if x == nil {
		return &edit{next: Index{Product: product, Prefix: prefix, Base: r.base("")}}, nil
	}
	switch {
	case r.base(x.Base) != x.Base:
		return r.moveToBase(ctx, x)
	case x.Channel == Stable && x.Plain == "", r.ages(x):
		return &edit{next: *x}, nil
	}
	return nil, nil
}

// moveToBase writes all metadata of a channel anew: it has the URL of every package in it.
func (r *Repo) moveToBase(ctx context.Context, x *Index) (*edit, error) {
	e := &edit{next: *x, anew: true}
	e.next.Base = r.base(x.Base)
	r.o.Note("%s moves from %s to %s", x.Channel, x.Base, e.next.Base)
	for _, b := range x.Bundles {
		rc, _, err := r.store.Open(ctx, b.File)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", b.File, err)
		}
		h, err := rpmpkg.Read(rc)
		if err = errors.Join(err, rc.Close()); err != nil {
			return nil, damaged("%s: %w", b.File, err)
		}
		entry, err := entryOf(h, &b, e.next.Base)
		if err != nil {
			return nil, err
		}
		e.add = append(e.add, entry)
	}
	return e, nil
}

// entryOf describes a bundle for the metadata. The file's time there is the one at which the bundle says that it was built.
func entryOf(h *rpmpkg.Package, b *Bundle, base string) (repodata.Entry, error) {
	facts := repodata.FileFacts{SHA256: b.SHA256, Size: b.Size, Time: h.Lib.BuildTime().Unix()}
	return repodata.Describe(h, facts, repodata.Place{Base: base, Href: percent.Path(b.File)})
}

// addBundle is the edit that adds the bundle to a channel; nil when the channel has it.
func (r *Repo) addBundle(ctx context.Context, x *Index, l *Local) (*edit, error) {
	e, err := r.start(ctx, x, l.Product, l.Prefix)
	if err != nil {
		return nil, err
	}
	if x != nil && x.Bundle(l.Bundle.NEVRA) != nil {
		return r.updateCertification(ctx, x, e, l)
	}
	if e == nil {
		e = &edit{next: *x}
	}
	entry, err := entryOf(l.header, &l.Bundle, e.next.Base)
	if err != nil {
		return nil, err
	}
	b := l.Bundle
	b.Published = stamp(r.now())
	e.add = append(e.add, entry)
	e.next.Product = l.Product
	e.next.Bundles = append(slices.Clone(e.next.Bundles), b)
	slices.SortFunc(e.next.Bundles, func(a, b Bundle) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	e.next.Withdrawn = slices.DeleteFunc(slices.Clone(e.next.Withdrawn), func(w Withdrawn) bool { return w.NEVRA == b.NEVRA })
	return e, nil
}

// updateCertification is the edit of a channel that has the bundle already: what is new about its certification.
func (r *Repo) updateCertification(ctx context.Context, x *Index, e *edit, l *Local) (*edit, error) {
	b := *x.Bundle(l.Bundle.NEVRA)
	d, err := r.details(ctx, &b)
	if err != nil {
		return nil, err
	}
	if !l.recertified(&b, d) {
		return e, nil
	}
	if err := r.putDetails(ctx, &b, d); err != nil {
		return nil, err
	}
	if e == nil {
		e = &edit{next: *x}
	}
	e.next.Bundles = slices.Clone(e.next.Bundles)
	*e.next.Bundle(b.NEVRA) = b
	return e, nil
}
