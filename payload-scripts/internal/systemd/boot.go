package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
)

// bootLimit is how long a boot is waited for. One that takes longer is stuck, and what it has not started is reported as it is.
const bootLimit = 5 * time.Minute

// AwaitBoot waits until the host's systemd has started what the boot starts, by a connection of its own: before
// that, what is about to run looks like what was stopped.
func AwaitBoot(ctx context.Context) error {
	return once(ctx, func(c *Conn) error { return c.awaitBoot(ctx, bootLimit) })
}

func (c *Conn) awaitBoot(ctx context.Context, limit time.Duration) error {
	for began := time.Now(); ; {
		var state string
		err := c.do(ctx, "SystemState", func(ctx context.Context, conn *sd.Conn) error {
			is, err := conn.SystemStateContext(ctx)
			if err == nil {
				state, _ = is.Value.Value().(string)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("ask systemd whether the boot is over: %w", err)
		}
		if !slices.Contains([]string{"initializing", "starting"}, state) {
			return nil
		}
		if time.Since(began) > limit {
			slog.Warn("the boot does not come to its end; see systemctl list-jobs", "after", limit)
			return nil
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}
