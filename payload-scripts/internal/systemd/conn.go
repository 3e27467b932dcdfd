// Package systemd is the one place of the engine that talks to systemd: units by
// their names, their states, jobs, their place in the boot, drop-ins.
//
// A connection that is lost (dbus restarted, systemd re-executed) is made again, and what was
// asked is asked again: every call here may be made twice. A job's end is known by its
// signal, or, when that was lost, by a look at the unit.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	// answerWait is how long one call may take, with the connection for it: systemd needs some seconds to read
	// thousands of units again, and answers nobody meanwhile.
	answerWait = 90 * time.Second

	// reachWait is how long systemd may be out of reach before a call fails.
	reachWait = 2 * time.Minute

	// retryPause lies between two tries to reach it.
	retryPause = 100 * time.Millisecond
)

// Dial makes one connection to a bus that systemd is on, ready for calls.
type Dial func(ctx context.Context) (*dbus.Conn, error)

// Conn talks to systemd. Its methods may be called from several goroutines.
type Conn struct {
	dial  Dial
	reach time.Duration // see reachWait
	ctx   context.Context
	end   context.CancelFunc

	mu   sync.Mutex
	conn *sd.Conn // nil after a loss
}

// Connect opens a connection to the host's systemd. Root talks to systemd itself, so that
// nothing depends on a message bus; where that is not possible, the bus is used.
func Connect(ctx context.Context) (*Conn, error) {
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return nil, errors.New("talk to systemd: it does not run this host")
	}
	return New(ctx, func(ctx context.Context) (*dbus.Conn, error) {
		conn, err := direct(ctx)
		if err == nil {
			return conn, nil
		}
		if conn, busErr := dbus.ConnectSystemBus(dbus.WithContext(ctx)); busErr == nil {
			return conn, nil
		}
		return nil, err
	})
}

func direct(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.Dial("unix:path=/run/systemd/private", dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// New opens a connection by dial. The context bounds this call only.
func New(ctx context.Context, dial Dial) (*Conn, error) {
	c := &Conn{dial: dial, reach: reachWait}
	c.ctx, c.end = context.WithCancel(context.Background())
	if err := c.do(ctx, "connect", func(context.Context, *sd.Conn) error { return nil }); err != nil {
		c.end()
		return nil, fmt.Errorf("talk to systemd: %w", err)
	}
	return c, nil
}

// Close ends the connection.
func (c *Conn) Close() { c.end() }

// current returns the connection, made again when it was lost. The context bounds the making.
func (c *Conn) current(ctx context.Context) (*sd.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if c.conn != nil && c.conn.Connected() {
		return c.conn, nil
	}
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	// The library's connections live as long as the context that they were made with. A systemd that
	// has crashed takes connections, and answers none of them.
	life, end := context.WithCancel(c.ctx)
	made := context.AfterFunc(ctx, end)
	conn, err := sd.NewConnection(func() (*dbus.Conn, error) { return c.dial(life) })
	if err != nil {
		end()
		return nil, &lostError{err}
	}
	if !made() {
		conn.Close()
		return nil, &lostError{ctx.Err()}
	}
	c.conn = conn
	return conn, nil
}

// drop gives a connection up whose answer never came.
func (c *Conn) drop(conn *sd.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn && conn != nil {
		conn.Close()
		c.conn = nil
	}
}

// do makes a call, again when the connection was lost with it, until systemd has been out
// of reach for too long.
func (c *Conn) do(ctx context.Context, what string, call func(context.Context, *sd.Conn) error) error {
	var since time.Time // of the first loss
	for {
		limited, cancel := context.WithTimeout(ctx, answerWait)
		conn, err := c.current(limited)
		if err == nil {
			err = call(limited, conn)
		}
		cancel()
		if err == nil || ctx.Err() != nil || c.ctx.Err() != nil || !lost(err) {
			return err
		}
		if since.IsZero() {
			since = time.Now()
			slog.Warn("the connection to systemd is lost; making it again", "call", what, "error", err)
		}
		c.drop(conn)
		if time.Since(since) > c.reach {
			return fmt.Errorf("systemd could not be reached for %s: %w", c.reach, err)
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

// lostError is a connection that could not be made.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// lost reports whether a call's error says that nobody answered it, rather than how.
func lost(err error) bool {
	if out := (*lostError)(nil); errors.As(err, &out) {
		return true
	}
	if broken := (net.Error)(nil); errors.As(err, &broken) {
		return true
	}
	for _, is := range []error{dbus.ErrClosed, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, is) {
			return true
		}
	}
	switch errorName(err) {
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected", "org.freedesktop.DBus.Error.Timeout",
		"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.NoServer":
		return true
	}
	return false
}

// errorName is that of a D-Bus error, "" for another one.
func errorName(err error) string {
	if said := (dbus.Error{}); errors.As(err, &said) {
		return said.Name
	}
	if said := (*dbus.Error)(nil); errors.As(err, &said) {
		return said.Name
	}
	return ""
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
