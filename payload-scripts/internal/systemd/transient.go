package systemd

import (
	"context"
	"fmt"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"onerpm/internal/unit"
)

// Run has systemd run a program once, as a unit of that name, and returns the status it ended
// with; 203 is systemd's own, of a program that it could not run (EXIT_EXEC of systemd.exec(5)).
func (c *Conn) Run(ctx context.Context, name string, command ...string) (status int, err error) {
	full := unit.Name(name)
	err = c.job(ctx, "run", full, "TimeoutStartUSec", func(ctx context.Context, conn *sd.Conn, full string, done chan<- string) error {
		_, err := conn.StartTransientUnitContext(ctx, full, "replace",
			// The flag is "ignore a failure", as "-" before a command is, whatever the library calls it.
			[]sd.Property{sd.PropType("oneshot"), sd.PropExecStart(command, false)}, done)
		if errorName(err) == "org.freedesktop.systemd1.UnitExists" { // by a call whose answer was lost
			return nil
		}
		return err
	})
	state, askErr := c.Active(ctx, full)
	switch {
	case askErr != nil:
		return 0, askErr
	case state != "failed":
		return 0, err // one that has ended well is forgotten at once
	}
	err = c.do(ctx, "ExecMainStatus", func(ctx context.Context, conn *sd.Conn) error {
		p, err := conn.GetServicePropertyContext(ctx, full, "ExecMainStatus")
		if err == nil {
			code, _ := p.Value.Value().(int32)
			status = int(code)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask systemd how %s ended: %w", full, err)
	}
	c.resetFailed(ctx, full)
	return status, nil
}
