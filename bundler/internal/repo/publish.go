package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/store"
)

// Result is what became of a bundle.
type Result struct {
	Channel string   `json:"channel"`
	Already bool     `json:"already"` // the very same was there before, and nothing had to be done
	Bundle  Bundle   `json:"bundle"`
	Details *Details `json:"details"`
	URL     string   `json:"url"`                // of the bundle under its own name
	Short   string   `json:"shortURL,omitempty"` // of its short name, when it has that: it is in stable, and the newest revision there
	Base    string   `json:"base"`               // under which customers read the store
}

// Publish puts a bundle into a channel. The very same bundle being there already is a quiet success. Another bundle
// of its NEVRA, in whichever channel, also a withdrawn one, is exit.Refused, and then nothing has changed; the same one
// that was withdrawn is too, unless l.Reinstate. A store in which an older state was put back is exit.Published. It may be
// called again after whatever error; killed at any moment it leaves what the next one repairs.
func (r *Repo) Publish(ctx context.Context, l *Local, channel string) (Result, error) {
	res, err := r.publish(ctx, l, channel)
	if err != nil {
		return Result{}, fmt.Errorf("publish %s in %s: %w", l.Bundle.NEVRA, r.store, err)
	}
	return res, nil
}

func (r *Repo) publish(ctx context.Context, l *Local, channel string) (Result, error) {
	res := Result{Channel: channel}
	if err := r.send(ctx, l, channel); err != nil {
		return res, err
	}
	changed, err := r.putInto(ctx, l, channel)
	if exit.Code(err) == exit.Refused {
		return res, errors.Join(err, r.Forget(ctx, l))
	}
	delete(r.sent, l)
	if err != nil {
		return res, err
	}
	res.Already = !changed
	front, err := r.derive(ctx, l.Bundle.Short)
	if err != nil {
		return res, err
	}
	if res.Bundle, err = arrived(front.Channels[channel], l); err != nil {
		return res, err
	}
	if res.Details, err = r.details(ctx, &res.Bundle); err != nil {
		return res, err
	}
	res.Base, res.URL = front.Base, under(front.Base, l.Bundle.File)
	if front.newest()[l.Bundle.Short].SHA256 == l.Bundle.SHA256 {
		res.Short = under(front.Base, l.Bundle.Short)
	}
	return res, r.sweep(ctx)
}

// Upload stores the files of a bundle, where nothing names them yet, and finds out meanwhile whether the bundle is whole: if not
// it is exit.BadBundle, and nothing of it stays. Publish does so first. Who has several bundles uploads all of them before the
// first is published, and has those that were uploaded forgotten when one fails.
func (r *Repo) Upload(ctx context.Context, l *Local, channel string) error {
	if err := r.send(ctx, l, channel); err != nil {
		return fmt.Errorf("publish %s in %s: %w", l.Bundle.NEVRA, r.store, err)
	}
	return nil
}

// Forget removes what Upload stored of a bundle that is not to be published after all.
func (r *Repo) Forget(ctx context.Context, l *Local) error {
	mine := r.sent[l]
	delete(r.sent, l)
	return r.takeBack(ctx, l, mine)
}

func (r *Repo) send(ctx context.Context, l *Local, channel string) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	if _, done := r.sent[l]; done {
		return nil
	}
	if err := r.takes(ctx, l, channel); err != nil { // before anything is sent
		return err
	}
	if err := l.describe(); err != nil {
		return err
	}
	mine, err := r.putBundle(ctx, l)
	if exit.Code(err) == exit.BadBundle {
		return errors.Join(err, r.takeBack(ctx, l, mine))
	}
	if err == nil {
		r.sent[l] = mine
	}
	return err
}

// arrived returns the bundle as a channel has it at the end. Whatever the store answered, a bundle that nobody
// finds there is not published.
func arrived(x *Index, l *Local) (Bundle, error) {
	if x != nil {
		if b := x.Bundle(l.Bundle.NEVRA); b != nil && b.SHA256 == l.Bundle.SHA256 {
			return *b, nil
		}
		if w := x.withdrawn(l.Bundle.NEVRA); w != nil {
			return Bundle{}, exit.Errorf(exit.Refused, "", "it was withdrawn meanwhile: %s", w.Reason)
		}
	}
	return Bundle{}, exit.Errorf(exit.Published, "find out who changed the store, or whether it keeps its promises (docs/publishing.md, What a store must do); then publish it again",
		"it was put there, and is not there any more: the store went back to an older state")
}

// putInto puts a stored bundle into a channel. Testing comes first, whatever the channel: see Testing.
func (r *Repo) putInto(ctx context.Context, l *Local, channel string) (changed bool, err error) {
	for _, c := range []string{Testing, Stable} {
		did, err := r.advance(ctx, c, func(x *Index) (*edit, error) {
			if err := x.accepts(l, c == Testing || c == channel); err != nil {
				return nil, err
			}
			if c == Stable && channel != Stable {
				return r.start(ctx, x, l.Product, l.Prefix)
			}
			return r.adding(ctx, x, l)
		})
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	return changed, r.settle(ctx, l)
}

// takes refuses a bundle of another product, one whose NEVRA other bytes have, and one that was withdrawn.
func (r *Repo) takes(ctx context.Context, l *Local, channel string) error {
	for _, c := range Channels {
		g, err := r.current(ctx, c)
		if err != nil {
			return err
		}
		if err := g.index.accepts(l, c == Testing || c == channel); err != nil {
			return err
		}
	}
	return nil
}

// accepts refuses a bundle that the store cannot have, or, when this channel is to get it, must not have again.
func (x *Index) accepts(l *Local, gets bool) error {
	if x == nil {
		return nil
	}
	if x.Prefix != l.Prefix {
		return exit.Errorf(exit.Refused, "a product has a store, or a prefix in a bucket, of its own", "the store has bundles of %s, not of %s", x.Prefix, l.Prefix)
	}
	const hint = "what is published never changes: raise the revision in upgrade.yaml, and build again"
	if b := x.Bundle(l.Bundle.NEVRA); b != nil && b.SHA256 != l.Bundle.SHA256 {
		return exit.Errorf(exit.Refused, hint, "%s has it with other content: sha256 %s, and this is %s", x.Channel, b.SHA256, l.Bundle.SHA256)
	}
	w := x.withdrawn(l.Bundle.NEVRA)
	switch {
	case w == nil:
	case w.SHA256 != l.Bundle.SHA256:
		return exit.Errorf(exit.Refused, hint, "%s had it with other content, sha256 %s, before it was withdrawn (%s)", x.Channel, w.SHA256, w.Reason)
	case gets && !l.Reinstate:
		return exit.Errorf(exit.Refused, "mend what was wrong, raise the revision in upgrade.yaml, and build again; when the withdrawal was the mistake: --reinstate",
			"it was withdrawn from %s on %s: %s", x.Channel, w.At, w.Reason)
	}
	return nil
}

// putBundle stores the bundle and its companions. It returns the names that were not there before, also with an error.
func (r *Repo) putBundle(ctx context.Context, l *Local) (mine []string, err error) {
	for name, b := range l.files() {
		if mine, err = r.missing(ctx, mine, name); err != nil {
			return mine, err
		}
		_, err := r.put(ctx, name, b, store.PutOptions{Immutable: true})
		if errors.Is(err, store.ErrConflict) {
			return mine, exit.Errorf(exit.Refused, "publish the file that was built with it", "%s is there with other content", name)
		}
		if err != nil {
			return mine, err
		}
	}
	if mine, err = r.missing(ctx, mine, l.Bundle.File); err != nil {
		return mine, err
	}
	check := func(content io.Reader) error { return l.check(ctx, content) }
	err = r.putFile(ctx, l.Bundle.File, l.Path, l.Bundle.Size, store.PutOptions{Immutable: true, Progress: r.o.Progress, Check: check})
	if errors.Is(err, store.ErrConflict) { // whose fault is it?
		err = l.checkFile(ctx)
		if err == nil {
			return mine, broken("%s is there with other content, which its name does not allow", l.Bundle.File)
		}
	}
	if err != nil {
		return mine, errors.Join(l.unchanged(), err)
	}
	return mine, nil
}

func (r *Repo) missing(ctx context.Context, names []string, name string) ([]string, error) {
	_, err := r.store.Stat(ctx, name)
	if errors.Is(err, store.ErrNotExist) {
		return append(names, name), nil
	}
	return names, err
}

// takeBack removes what this publisher put for a bundle that was refused, unless somebody needs it after all.
func (r *Repo) takeBack(ctx context.Context, l *Local, mine []string) error {
	used, err := r.references(ctx)
	if err != nil || used[l.Bundle.SHA256] {
		return err
	}
	for _, name := range mine {
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// references returns the digests of all bundles that a channel names, withdrawn ones among them.
func (r *Repo) references(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	for _, c := range Channels {
		g, err := r.current(ctx, c)
		if err != nil {
			return nil, err
		}
		if g.index == nil {
			continue
		}
		for _, b := range g.index.Bundles {
			used[b.SHA256] = true
		}
		for _, w := range g.index.Withdrawn {
			used[w.SHA256] = true
		}
	}
	return used, nil
}

// start makes a channel that is not there an empty one, for a client that has it in its settings would fail without
// it; and moves one to the URL that the store has now.
func (r *Repo) start(ctx context.Context, x *Index, product, prefix string) (*edit, error) {
	if x == nil {
		return &edit{next: Index{Product: product, Prefix: prefix, Base: r.base("")}}, nil
	}
	if r.base(x.Base) == x.Base {
		return nil, nil
	}
	return r.moved(ctx, x)
}

// moved makes all metadata of a channel anew: it has the URL of every package in it.
func (r *Repo) moved(ctx context.Context, x *Index) (*edit, error) {
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
			return nil, broken("%s: %w", b.File, err)
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

// adding says how a channel gets the bundle; nil when it has it.
func (r *Repo) adding(ctx context.Context, x *Index, l *Local) (*edit, error) {
	e, err := r.start(ctx, x, l.Product, l.Prefix)
	if err != nil {
		return nil, err
	}
	if x != nil && x.Bundle(l.Bundle.NEVRA) != nil {
		return r.again(ctx, x, e, l)
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

// again says how a channel that has the bundle takes in what is new about its certification.
func (r *Repo) again(ctx context.Context, x *Index, e *edit, l *Local) (*edit, error) {
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

// settle looks at the files once more, now that everybody sees the bundle: a sweep can have taken an old upload of it,
// which nothing named, a moment before something did.
func (r *Repo) settle(ctx context.Context, l *Local) error {
	gone, err := r.missing(ctx, nil, l.Bundle.File)
	for name := range l.files() {
		if err == nil {
			gone, err = r.missing(ctx, gone, name)
		}
	}
	if err == nil && gone != nil {
		_, err = r.putBundle(ctx, l)
	}
	return err
}

// without says how a channel loses bundles; nil when it has none of them.
func without(x *Index, gone func(Bundle) bool) *edit {
	if x == nil || !slices.ContainsFunc(x.Bundles, gone) {
		return nil
	}
	e := &edit{next: *x}
	e.next.Bundles = nil
	for _, b := range x.Bundles {
		if gone(b) {
			e.drop = append(e.drop, b.SHA256)
			continue
		}
		e.next.Bundles = append(e.next.Bundles, b)
	}
	return e
}

// Withdraw takes a bundle out of every channel, and out of the page. Its file stays under its digest, for who needs it for
// an investigation, and its NEVRA stays taken.
func (r *Repo) Withdraw(ctx context.Context, nevra, reason string) ([]string, error) {
	list, err := r.withdraw(ctx, nevra, reason)
	if err != nil {
		return nil, fmt.Errorf("withdraw %s from %s: %w", nevra, r.store, err)
	}
	return list, nil
}

func (r *Repo) withdraw(ctx context.Context, nevra, reason string) (channels []string, err error) {
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	short, known := "", false
	for _, c := range Channels {
		changed, err := r.advance(ctx, c, func(x *Index) (*edit, error) {
			if x == nil {
				return nil, nil
			}
			known = known || x.withdrawn(nevra) != nil
			e := without(x, func(b Bundle) bool { return b.NEVRA == nevra })
			if e == nil {
				return nil, nil
			}
			b := x.Bundle(nevra)
			short = b.Short
			e.next.Withdrawn = append(slices.Clone(x.Withdrawn), Withdrawn{NEVRA: nevra, SHA256: b.SHA256, File: b.File, Reason: reason, At: stamp(r.now())})
			slices.SortFunc(e.next.Withdrawn, func(a, b Withdrawn) int { return strings.Compare(a.NEVRA, b.NEVRA) })
			return e, nil
		})
		if err != nil {
			return nil, err
		}
		if changed {
			channels = append(channels, c)
		}
	}
	if channels == nil && !known {
		return nil, exit.Errorf(exit.Usage, "bundler list --from "+r.store.String()+" lists what there is", "it is not there")
	}
	if _, err := r.derive(ctx, short); err != nil {
		return nil, err
	}
	return channels, r.sweep(ctx)
}
