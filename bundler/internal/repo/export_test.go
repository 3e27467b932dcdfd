package repo

import (
	"context"
	"fmt"
	"strings"

	"onerpm/bundler/internal/store"
)

// Fill makes both channels and the front have n bundles, each of a jump of its own, that are like l in everything but their names. Only the last
// of them have details, and none has a file: enough for who publishes one more.
func (r *Repo) Fill(ctx context.Context, l *Local, n int) error {
	var e edit
	e.next = Index{Product: l.Product, Prefix: l.Prefix, Base: r.base("")}
	for i := range n {
		b, d := l.Bundle, l.Details
		b.From, b.To = fmt.Sprintf("1.%05d", i), fmt.Sprintf("1.%05d", i+1)
		name := l.Prefix + "-" + b.To
		b.NEVRA = fmt.Sprintf("%s-%s-%d.x86_64", name, b.To, b.Revision)
		b.Short = name + ".rpm"
		b.SHA256 = digest([]byte(b.NEVRA))
		b.File = packageName(b.SHA256, b.NEVRA)
		b.Published = stamp(r.now())
		b.Details = b.SHA256
		if i >= n-50 { // the page tells of them
			d.NEVRA, d.SHA256, d.Companions = b.NEVRA, b.SHA256, nil
			if err := r.putDetails(ctx, &b, &d); err != nil {
				return err
			}
		}
		e.next.Bundles = append(e.next.Bundles, b)
		entry, err := entryOf(l.header, &b, e.next.Base)
		if err != nil {
			return err
		}
		e.add = append(e.add, entry)
	}
	for _, c := range Channels {
		if _, err := r.advance(ctx, c, func(*Index) (*edit, error) { return &e, nil }); err != nil {
			return err
		}
	}
	all, err := r.states(ctx)
	if err != nil {
		return err
	}
	f, files, err := r.newFront(ctx, all)
	if err != nil {
		return err
	}
	return r.putFront(ctx, f, files, "")
}

// Generation returns the name of the folder that a channel's pointer names.
func (r *Repo) Generation(ctx context.Context, channel string) (string, error) {
	g, err := r.current(ctx, channel)
	return strings.TrimSuffix(generationName(channel, g.id), "/"), err
}

// ForgetPlain makes the store one that a bundler wrote which knew no metadata for copies.
func (r *Repo) ForgetPlain(ctx context.Context) error {
	g, err := r.current(ctx, Stable)
	if err != nil {
		return err
	}
	x := *g.index
	x.Plain = ""
	text, id, err := Encode(&x)
	if err != nil {
		return err
	}
	asc, err := r.sign(text)
	if err != nil {
		return err
	}
	at := generationName(Stable, id)
	for _, prefix := range []string{generationName(Stable, g.id) + topFolder, topFolder} {
		for info, err := range r.store.List(ctx, prefix) {
			if err == nil && prefix != topFolder {
				err = r.store.Copy(ctx, info.Name, at+topFolder+strings.TrimPrefix(info.Name, prefix))
			}
			if err == nil {
				err = r.store.Delete(ctx, info.Name)
			}
			if err != nil {
				return err
			}
		}
	}
	for name, b := range map[string][]byte{at + "index.json": text, at + "index.json.asc": asc, pointerName(Stable): []byte(pointerLine(Stable, id, x.Base))} {
		if _, err := r.put(ctx, name, b, store.PutOptions{}); err != nil {
			return err
		}
	}
	r.known = map[string]generation{}
	if err := r.remove(ctx, []string{publishedName(Stable, g.id)}); err != nil {
		return err
	}
	if err := r.notePublished(ctx, Stable, id, x.Base); err != nil {
		return err
	}
	all, err := r.states(ctx)
	if err != nil {
		return err
	}
	f, files, err := r.newFront(ctx, all)
	if err != nil {
		return err
	}
	_, tag, err := r.shorts(ctx)
	if err != nil {
		return err
	}
	return r.putFront(ctx, f, files, tag)
}
