package repo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
)

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
	if err := r.prepareWrite(ctx); err != nil {
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
		return nil, exit.Errorf(exit.Usage, "run bundler list --from "+r.store.String()+" to see what there is", "it is not there")
	}
	if _, err := r.updateFront(ctx, short); err != nil {
		return nil, err
	}
	return channels, r.sweep(ctx)
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
