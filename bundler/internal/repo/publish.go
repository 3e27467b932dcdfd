package repo

import (
	"context"
	"errors"
	"fmt"

	"onerpm/bundler/internal/exit"
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
	front, err := r.updateFront(ctx, l.Bundle.Short)
	if err != nil {
		return res, err
	}
	if res.Bundle, err = confirmPublished(front.Channels[channel], l); err != nil {
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

// confirmPublished looks the bundle up in the channel at the end, and returns it as it stands there. Whatever the store answered, a bundle that nobody
// finds there is not published.
func confirmPublished(x *Index, l *Local) (Bundle, error) {
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
			if err := x.checkBundle(l, c == Testing || c == channel); err != nil {
				return nil, err
			}
			if c == Stable && channel != Stable {
				return r.start(ctx, x, l.Product, l.Prefix)
			}
			return r.addBundle(ctx, x, l)
		})
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	return changed, r.restoreSwept(ctx, l)
}

// checkAccepted refuses, before anything is sent, a bundle of another product, one whose NEVRA other bytes have, and one that was withdrawn.
func (r *Repo) checkAccepted(ctx context.Context, l *Local, channel string) error {
	for _, c := range Channels {
		g, err := r.current(ctx, c)
		if err != nil {
			return err
		}
		if err := g.index.checkBundle(l, c == Testing || c == channel); err != nil {
			return err
		}
	}
	return nil
}

// checkBundle refuses a bundle that the store cannot hold, or that this channel, when it is to get it, must not hold again.
func (x *Index) checkBundle(l *Local, gets bool) error {
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
