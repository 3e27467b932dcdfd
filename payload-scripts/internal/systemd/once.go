package systemd

import (
	"context"
	"fmt"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"onerpm/internal/unit"
)

// Reload makes the host's systemd read its unit files again, by a connection of its own.
func Reload(ctx context.Context) error {
	return once(ctx, func(c *Conn) error { return c.Reload(ctx) })
}

// Begin has the host's systemd start a unit and does not wait for that, by a connection of its own.
// A unit that systemd has given up on is tried again.
func Begin(ctx context.Context, name string) error {
	return once(ctx, func(c *Conn) error { return c.begin(ctx, name) })
}

func once(ctx context.Context, work func(*Conn) error) error {
	c, err := Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return work(c)
}

func (c *Conn) begin(ctx context.Context, name string) error {
	full := unit.Name(name)
	c.resetFailed(ctx, full)
	err := c.do(ctx, "start", func(ctx context.Context, conn *sd.Conn) error {
		_, err := conn.StartUnitContext(ctx, full, "replace", nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", full, err)
	}
	return nil
}

// resetFailed forgets a unit's failures: a start limit reached earlier must not refuse a start.
func (c *Conn) resetFailed(ctx context.Context, full string) {
	_ = c.do(ctx, "ResetFailedUnit", func(ctx context.Context, conn *sd.Conn) error {
		return conn.ResetFailedUnitContext(ctx, full)
	})
}
