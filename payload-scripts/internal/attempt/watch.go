package attempt

import (
	"context"
	"time"

	"onerpm/payload-scripts/internal/layout"
)

const (
	lookEvery  = 2 * time.Second // between two questions to systemd
	stallLimit = 6 * time.Second // for so long nothing may work on an attempt: a start and an end take a moment
)

// Watch finds out that nothing works on an attempt any more, so that nobody waits for ever.
type Watch struct {
	stalled func(context.Context) string // why nothing works on it, "" when something does

	asked, since time.Time
}

// NewWatch watches the host's attempt.
func NewWatch(p layout.Places) *Watch {
	return &Watch{stalled: func(ctx context.Context) string { return Stalled(ctx, p) }}
}

// Why tells why nothing has worked on the attempt for a while, "" when something may.
func (w *Watch) Why(ctx context.Context, now time.Time) string {
	if now.Sub(w.asked) < lookEvery {
		return ""
	}
	w.asked = now
	why := w.stalled(ctx)
	if why == "" || ctx.Err() != nil {
		w.since = time.Time{}
		return ""
	}
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) < stallLimit {
		return ""
	}
	return why
}
