package repo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
)

// Upload stores the files of a bundle, where nothing names them yet, and finds out meanwhile whether the bundle is whole: if not
// it is exit.BadBundle, and nothing of it stays, as of one that is refused. Publish does so first. Who has several bundles uploads all of them before the
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
	return r.removeUploads(ctx, l, mine)
}

func (r *Repo) send(ctx context.Context, l *Local, channel string) error {
	if err := r.prepareWrite(ctx); err != nil {
		return err
	}
	if _, done := r.sent[l]; done {
		return nil
	}
	if _, err := ChannelFor(l, channel); err != nil { // whoever calls: nothing comes into stable uncertified
		return err
	}
	if err := r.checkAccepted(ctx, l, channel); err != nil { // before anything is sent
		return err
	}
	if err := l.describe(); err != nil {
		return err
	}
	mine, err := r.putBundle(ctx, l)
	if code := exit.Code(err); code == exit.BadBundle || code == exit.Refused {
		return errors.Join(err, r.removeUploads(ctx, l, mine))
	}
	if err == nil {
		r.sent[l] = mine
	}
	return err
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
			return mine, damaged("%s is there with other content, which its name does not allow", l.Bundle.File)
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

// removeUploads removes what this publisher put for a bundle that was refused, unless somebody needs it after all.
func (r *Repo) removeUploads(ctx context.Context, l *Local, mine []string) error {
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

// restoreSwept uploads again what a sweep has removed of a bundle that is now published: a sweep may take an old upload of it,
// which nothing named, a moment before something did.
func (r *Repo) restoreSwept(ctx context.Context, l *Local) error {
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
