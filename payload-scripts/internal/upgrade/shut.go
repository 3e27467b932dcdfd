package upgrade

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"onerpm/payload-scripts/internal/drain"
)

const (
	// firstWait is how long, behind the shut door, the end of work is waited for that was taken up while it was being shut. It
	// is doubled with each try: where clients keep a worker busy all the time, only the shut door brings quiet.
	firstWait = 500 * time.Millisecond
	longest   = 10 * time.Second
)

// shut shuts the door at a moment in which no work is under way. What a client began just before is seen once the door is
// shut: then the door is opened again at once, and another moment is waited for, so that no work's time is added to the window.
func (u *Upgrade) shut(ctx context.Context) error {
	for wait := firstWait; ; wait *= 2 {
		if err := u.door.Shut(ctx); err != nil {
			return err
		}
		err := u.drain.BehindTheDoor(ctx, min(wait, longest))
		if !errors.Is(err, drain.ErrUnderWay) {
			return err
		}
		if wait >= longest {
			return u.drain.GiveUp(err)
		}
		slog.Info("the door is opened again", "because", err)
		if err := u.door.Reopen(ctx); err != nil {
			return err
		}
		if err := u.units.StartDependents(ctx); err != nil { // which went with the door, and may have to serve for long
			return err
		}
		if err := u.drain.WhileServing(ctx); err != nil {
			return err
		}
	}
}
