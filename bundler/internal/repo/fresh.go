package repo

import (
	"context"
	"fmt"
	"time"
)

// A signature says that a generation is the publisher's, and not that it is the newest: who answers for the store may hand out
// an old one, without the bundles that came since and with those that were withdrawn. So the signatures that dnf reads can have an end. Somebody who publishes, or
// refreshes, has to renew them in time; an old generation is refused by customers once its own end has come.

// refreshHint is what to do about a store that customers refuse.
const refreshHint = "bundler verify --refresh renews what the store says"

// lifetime is how long a generation is believed from when it was made, 0 for ever.
func (x *Index) lifetime() time.Duration {
	created, err1 := time.Parse(time.RFC3339, x.Created)
	until, err2 := time.Parse(time.RFC3339, x.Until)
	if err1 != nil || err2 != nil { // there is no end: both were checked when it was read
		return 0
	}
	return until.Sub(created)
}

// fresh is how long the generation after x is to be believed.
func (r *Repo) fresh(x *Index) time.Duration {
	switch {
	case r.o.Fresh != nil:
		return *r.o.Fresh
	case x != nil:
		return x.lifetime()
	}
	return 0
}

// until is when the generation after x, made now, is to be refused; the zero time for never.
func (r *Repo) until(x *Index, now time.Time) time.Time {
	if d := r.fresh(x); d > 0 {
		return now.Add(d)
	}
	return time.Time{}
}

// ages says whether a channel is to be written anew for its age alone: half of its time is over, or it is to have another.
func (r *Repo) ages(x *Index) bool {
	d := r.fresh(x)
	if d != x.lifetime() {
		return true
	}
	until, err := time.Parse(time.RFC3339, x.Until)
	return err == nil && !r.now().Before(until.Add(-d/2))
}

// earlier returns the end of a channel when it comes before another, "" for none. They are of one form and length.
func earlier(until string, x *Index) string {
	if x != nil && x.Until != "" && (until == "" || x.Until < until) {
		return x.Until
	}
	return until
}

// stale says whether customers refuse a channel by now.
func (r *Repo) stale(x *Index) bool {
	until, err := time.Parse(time.RFC3339, x.Until)
	return err == nil && !r.now().Before(until)
}

// Refresh writes every channel anew that customers would refuse after a time, with all that is in it: they believe it for as long again. It
// returns the channels, and when they begin to refuse the first of all, "" for never. Killed at any moment it leaves what the next one repairs.
func (r *Repo) Refresh(ctx context.Context) (channels []string, until string, err error) {
	channels, until, err = r.refresh(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("refresh %s: %w", r.store, err)
	}
	return channels, until, nil
}

func (r *Repo) refresh(ctx context.Context) (channels []string, until string, err error) {
	if err := r.prepareWrite(ctx); err != nil {
		return nil, "", err
	}
	for _, c := range Channels {
		changed, err := r.advance(ctx, c, func(x *Index) (*edit, error) {
			if x == nil || r.until(x, r.now()).IsZero() && x.Until == "" {
				return nil, nil
			}
			return &edit{next: *x}, nil
		})
		if err != nil {
			return nil, "", err
		}
		if changed {
			channels = append(channels, c)
		}
	}
	front, err := r.updateFront(ctx, "")
	if err != nil {
		return nil, "", err
	}
	for _, x := range front.Channels {
		until = earlier(until, x)
	}
	return channels, until, r.sweep(ctx)
}
