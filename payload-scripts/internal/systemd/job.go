package systemd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sys/unix"

	"onerpm/internal/unit"
)

const (
	// relook is how often a unit is looked at beside the wait for its job's signal.
	relook = time.Second

	// tellEvery is how often a long wait is logged.
	tellEvery = time.Minute

	// noLimit bounds the wait for a unit that has no limit of its own
	// (TimeoutStartSec=infinity): otherwise systemd ends the job itself.
	noLimit = time.Hour

	// tries bounds how often a job that another one replaced is queued again.
	tries = 5
)

// Start starts a unit and waits for the end of its start job, for as long as the unit's
// own limits let it take. A unit that is active already, or whose conditions do not
// hold, is no error: see [Conn.Active].
func (c *Conn) Start(ctx context.Context, name string) error {
	c.resetFailed(ctx, unit.Name(name))
	return c.job(ctx, "start", name, "TimeoutStartUSec", func(ctx context.Context, conn *sd.Conn, full string, done chan<- string) error {
		_, err := conn.StartUnitContext(ctx, full, "replace", done)
		return err
	})
}

// StartAlone starts a unit without what it wants: of a target, only the target itself.
func (c *Conn) StartAlone(ctx context.Context, name string) error {
	return c.job(ctx, "start", name, "TimeoutStartUSec", func(ctx context.Context, conn *sd.Conn, full string, done chan<- string) error {
		_, err := conn.StartUnitContext(ctx, full, "ignore-dependencies", done)
		return err
	})
}

// Stop stops a unit and waits for the end of its stop job, for as long as the unit's own
// limits let it take. A unit that is down, or not there, is no error.
func (c *Conn) Stop(ctx context.Context, name string) error {
	return c.job(ctx, "stop", name, "TimeoutStopUSec", func(ctx context.Context, conn *sd.Conn, full string, done chan<- string) error {
		_, err := conn.StopUnitContext(ctx, full, "replace", done)
		if is := errorName(err); is == "org.freedesktop.systemd1.NoSuchUnit" || is == "org.freedesktop.systemd1.LoadFailed" {
			done <- "done"
			return nil
		}
		return err
	})
}

// StopWithin stops a unit as [Conn.Stop] does, and kills what of it is still running after the grace: then a slow client does
// not keep a unit running for as long as its own limit lets it.
//
// killing is called right before that; nil for nothing.
func (c *Conn) StopWithin(ctx context.Context, name string, grace time.Duration, killing func()) error {
	stopping, stopped := context.WithCancel(ctx)
	defer stopped()
	killed := make(chan error, 1)
	go func() {
		if pause(stopping, grace) != nil {
			killed <- nil
			return
		}
		if killing != nil {
			killing()
		}
		slog.Warn("it has not stopped in time, and is killed", "unit", name, "after", grace)
		killed <- c.kill(ctx, unit.Name(name))
	}()
	err := c.Stop(ctx, name)
	stopped()
	if killErr := <-killed; killErr != nil {
		return errors.Join(err, killErr)
	}
	c.resetFailed(ctx, unit.Name(name)) // one that was killed has failed, which nobody is to read as news
	return err
}

// kill kills all processes of a unit. One that has none, or is not there, is no error.
func (c *Conn) kill(ctx context.Context, full string) error {
	err := c.do(ctx, "kill", func(ctx context.Context, conn *sd.Conn) error {
		return conn.KillUnitWithTarget(ctx, full, sd.All, int32(unix.SIGKILL))
	})
	switch errorName(err) {
	case "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.NoSuchProcess":
		return nil
	}
	if err != nil {
		return fmt.Errorf("kill %s: %w", full, err)
	}
	return nil
}

type enqueue func(ctx context.Context, conn *sd.Conn, full string, done chan<- string) error

// job queues a job for a unit and waits for its end. One that somebody else's job replaced
// is queued again, a few times.
func (c *Conn) job(ctx context.Context, verb, name, limit string, queue enqueue) error {
	full := unit.Name(name)
	for try := 1; ; try++ {
		done := make(chan string, 1)
		err := c.do(ctx, verb, func(ctx context.Context, conn *sd.Conn) error { return queue(ctx, conn, full, done) })
		if err != nil {
			return fmt.Errorf("%s %s: %w", verb, full, err)
		}
		result, err := c.await(ctx, verb, full, limit, done)
		switch {
		case err != nil:
			return fmt.Errorf("%s %s: %w", verb, full, err)
		case result == "canceled" && try < tries:
			slog.Warn("another job came in between; queueing it again", "job", verb, "unit", full)
		case result == "done", result == "skipped", result == "":
			return nil
		default:
			return fmt.Errorf("%s %s: systemd says %q", verb, full, result)
		}
	}
}

// await waits for a job's end. The result is "" when its signal was lost.
func (c *Conn) await(ctx context.Context, verb, full, limit string, done <-chan string) (result string, err error) {
	began, told := time.Now(), time.Now()
	tick := time.NewTicker(relook)
	defer tick.Stop()
	for {
		select {
		case result := <-done:
			return result, nil
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
		ended, err := c.hasNoJob(ctx, full)
		if err != nil {
			return "", err
		}
		if ended {
			select { // the signal came before the look
			case result := <-done:
				return result, nil
			default:
				return "", nil
			}
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			slog.Info("waiting for systemd", "job", verb, "unit", full, "for", time.Since(began).Round(time.Second))
		}
		if time.Since(began) >= noLimit && c.endless(ctx, full, limit) {
			return "", fmt.Errorf("it has not ended after %s, and the unit sets no limit of its own", noLimit)
		}
	}
}

// hasNoJob reports whether no job is queued or running for a unit.
func (c *Conn) hasNoJob(ctx context.Context, full string) (bool, error) {
	v, err := c.property(ctx, full, "Job") // (uo): the job's number, 0 for none
	if err != nil {
		return false, err
	}
	fields, _ := v.([]any)
	if len(fields) == 0 {
		return false, fmt.Errorf("ask systemd for the job of %s: the answer is %v", full, v)
	}
	id, _ := fields[0].(uint32)
	return id == 0, nil
}

// endless reports whether a service has no limit of its own for its start or stop.
func (c *Conn) endless(ctx context.Context, full, limit string) bool {
	endless := true // other kinds have no such property
	err := c.do(ctx, limit, func(ctx context.Context, conn *sd.Conn) error {
		p, err := conn.GetServicePropertyContext(ctx, full, limit)
		if err == nil {
			usec, _ := p.Value.Value().(uint64)
			endless = usec == ^uint64(0)
		}
		return err
	})
	return err != nil || endless
}
