package command

import (
	"context"
	"fmt"
	"time"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/layout"
)

const (
	idleLook  = 2 * time.Second // between two questions to systemd
	idleLimit = 6 * time.Second // for so long nothing may work on an attempt: a start and an end take a moment
)

// idle finds out that nothing works on an attempt any more, so that nobody waits for ever.
type idle struct {
	stalled func(context.Context) string // why nothing works on it, "" when something does

	asked, since time.Time
}

func newIdle(p layout.Places) *idle {
	return &idle{stalled: func(ctx context.Context) string { return attempt.Stalled(ctx, p) }}
}

// why tells why nothing has worked on the attempt for a while, "" when something may.
func (i *idle) why(ctx context.Context, now time.Time) string {
	if now.Sub(i.asked) < idleLook {
		return ""
	}
	i.asked = now
	why := i.stalled(ctx)
	if why == "" || ctx.Err() != nil {
		i.since = time.Time{}
		return ""
	}
	if i.since.IsZero() {
		i.since = now
	}
	if now.Sub(i.since) < idleLimit {
		return ""
	}
	return why
}

func stalledTodo(prefix, why string) string {
	return fmt.Sprintf("Nothing works on the upgrade: %s.\nRemove the cause, then run `%s start`: it resumes the attempt.", why, prefix)
}
