// Package hold keeps clients waiting from the moment that a product's door is shut until the release that serves is decided,
// instead of turning them away. From Begin on the kernel hands new connections to a relay, a process of its own that outlives
// the engine; Release lets them on to whatever listens then. While they are held nobody from outside reaches a door that is
// being tried, also when the relay has died: the rules are the kernel's, and drop what nobody takes.
//
// Everything is in memory, rules, unit and socket: after a loss of power nothing of it is left.
package hold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/capture"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/relay"
)

// Units is what a hold needs of systemd.
type Units interface {
	Reload(ctx context.Context) error
	Start(ctx context.Context, name string) error
	Stop(ctx context.Context, name string) error
}

// Hold is that of one product's doors.
type Hold struct {
	Places layout.Places
	Ports  []uint16
	Units  Units
	Shut   []uint16 // ports whose clients the relay turns away, as nobody listens there: the door that is tried may, and is not to be reached
	Answer []uint16 // those of the ports whose clients are told to come back instead
	Engine string   // the program that the relay's unit runs

	without string // what a test says that the kernel has not
}

// Of is the hold of a jump's doors; without ports when no client is to wait. A nil units is enough to look on and to release.
func Of(m *manifest.Manifest, p layout.Places, units Units) Hold {
	h := Hold{Places: p, Units: units, Engine: strings.TrimPrefix(p.Current(), p.Root) + "/bin/engine"}
	for _, s := range m.Services {
		for _, port := range s.Hold {
			h.Ports = append(h.Ports, uint16(port))
		}
		for _, port := range s.Answer {
			h.Answer = append(h.Answer, uint16(port))
		}
	}
	return h
}

// beginWait is how long the relay may take until it answers.
const beginWait = 5 * time.Second

func (h Hold) capture(to uint16) capture.Capture {
	return capture.Capture{Name: h.Places.Prefix + "-hold", Ports: h.Ports, To: to, Without: h.without}
}

// Dialer connects to what listens on a port, also while its clients are held.
var Dialer = &net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) { capture.Mark(int(fd)) })
}}

// Possible reports why this host cannot hold clients, nil when it can. Nothing of the host changes.
func (h Hold) Possible(ctx context.Context) error { return h.capture(1).Try(ctx) }

// Prepare writes the relay's unit, so that nothing but its start is left to do when the door is shut.
func (h Hold) Prepare(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(h.Places.HoldUnitFile()), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(h.Places.HoldSocket()), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(h.Places.HoldUnitFile(), []byte(h.unit(port)), 0o644); err != nil { // in memory: nothing to make durable
		return fmt.Errorf("write the unit that keeps clients waiting: %w", err)
	}
	if err := os.Chmod(h.Places.HoldUnitFile(), 0o644); err != nil { // whatever the engine's umask is; systemd complains of others
		return err
	}
	return h.Units.Reload(ctx)
}

// Begin holds new clients from its return on. What is connected already stays with the door.
func (h Hold) Begin(ctx context.Context) error {
	if err := os.Remove(h.Places.HoldReleased()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Lstat(h.Places.HoldUnitFile()); errors.Is(err, os.ErrNotExist) { // the relay of an attempt before has ended, and removed it
		if err := h.Prepare(ctx); err != nil {
			return err
		}
	}
	if err := h.Units.Start(ctx, h.Places.HoldUnit()); err != nil {
		return err
	}
	s, err := h.await(ctx)
	if err != nil {
		return fmt.Errorf("start to keep clients waiting: %w", err)
	}
	other := !slices.Equal(s.Ports, h.Ports) // one of another bundle
	if !other && s.Released {                // and still passes clients on
		if s, err = h.ask("hold"); err != nil {
			slog.Info("the relay of the time before ends; another one is started", "because", err)
		}
	}
	if other || err != nil {
		if s, err = h.startAnew(ctx); err != nil {
			return fmt.Errorf("start to keep clients waiting: %w", err)
		}
	}
	host.Point("hold clients", "")
	c := h.capture(s.Port)
	c.Ports = append(slices.Clone(h.Ports), h.Shut...)
	if err := c.Start(ctx); err != nil {
		return err
	}
	host.Point("clients are held", "")
	return nil
}

// startAnew ends the relay that runs, and starts another one.
func (h Hold) startAnew(ctx context.Context) (Status, error) {
	if err := h.Units.Stop(ctx, h.Places.HoldUnit()); err != nil {
		return Status{}, err
	}
	if err := h.Prepare(ctx); err != nil { // one that ends removes its unit
		return Status{}, err
	}
	if err := h.Units.Start(ctx, h.Places.HoldUnit()); err != nil {
		return Status{}, err
	}
	return h.await(ctx)
}

// await waits until the relay answers.
func (h Hold) await(ctx context.Context) (Status, error) {
	for deadline := time.Now().Add(beginWait); ; {
		s, err := h.Status()
		if err == nil || time.Now().After(deadline) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return Status{}, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Active reports whether clients are being held.
func (h Hold) Active(ctx context.Context) (bool, error) { return h.capture(0).Active(ctx) }

// ErrNoAnswer is wrapped by the error of a release whose relay does not answer: new clients are let on, and those that waited
// may have to wait until they are turned away.
var ErrNoAnswer = errors.New("the process that keeps clients waiting does not answer")

// Release lets clients on: new ones reach what listens, those that wait are passed on to it. It may be called again, and
// where nothing is held. It returns how the relay stands, nil when there is none (any more).
func (h Hold) Release(ctx context.Context) (*Status, error) {
	if _, err := os.Stat(h.Places.HoldUnitFile()); err == nil {
		// A relay that dies from now on is started as one that has released.
		if err := os.WriteFile(h.Places.HoldReleased(), nil, 0o600); err != nil {
			return nil, err
		}
	}
	host.Point("let clients on", "")
	if err := h.capture(0).Stop(ctx); err != nil {
		return nil, err
	}
	host.Point("new clients are let on", "")
	s, err := h.ask("release")
	switch {
	case err == nil:
		return &s, nil
	case notThere(err):
		return nil, h.Forget(ctx)
	}
	return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// Forget removes what Prepare wrote, and what a relay that was killed has left. One that runs does so itself at its end.
func (h Hold) Forget(ctx context.Context) error {
	if _, err := h.ask("status"); !notThere(err) {
		return nil
	}
	if _, err := os.Lstat(h.Places.HoldUnitFile()); err != nil {
		return nil //nolint:nilerr // never prepared, or forgotten
	}
	return errors.Join(h.Units.Stop(ctx, h.Places.HoldUnit()), h.removeFiles(), h.capture(0).Unroute())
}

// Status asks the relay how it stands.
func (h Hold) Status() (Status, error) { return h.ask("status") }

// freePort is one of loopback that nobody listens on, and outside of those that the kernel gives to connections
// (ip_local_port_range of ip(7)): one of these may be taken until the relay starts.
func freePort() (uint16, error) {
	low := 32768
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(data), &low)
	}
	var last error
	for port := min(low, 65536) - 1; port > 1024; port-- {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		_ = l.Close()
		return uint16(port), nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0") // where connections may have every port
	if err != nil {
		return 0, fmt.Errorf("find a port for the relay: %w", errors.Join(last, err))
	}
	defer l.Close() //nolint:errcheck // nothing was sent
	return uint16(l.Addr().(*net.TCPAddr).Port), nil
}

// Status is how the relay stands.
type Status struct {
	relay.Status
	Port  uint16   `json:"port"`  // of loopback that clients are handed to
	Ports []uint16 `json:"ports"` // whose clients it takes
}
