package hold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/sockets"
)

// Listening returns those of the ports on which somebody listens. Clients of the others are turned away now, and are to be in
// the window.
func Listening(ports []uint16) ([]uint16, error) {
	all, err := sockets.In(sockets.Listens)
	if err != nil {
		return nil, fmt.Errorf("see who listens: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(ports), func(p uint16) bool {
		return !slices.ContainsFunc(all, func(s sockets.Socket) bool { return s.Local.Port() == p })
	}), nil
}

// Connections is how many connections to the ports stand.
func Connections(ports []uint16) (int, error) {
	all, err := onPorts(sockets.Established, ports)
	if err != nil {
		return 0, fmt.Errorf("see who is connected: %w", err)
	}
	return len(all), nil
}

// Cut is how many connections to the door stand: without those of the relay, which have the same ports.
func (h Hold) Cut() (int, error) {
	n, err := Connections(h.Ports)
	if s, askErr := h.Status(); err == nil && askErr == nil {
		n = max(0, n-s.Waiting-s.Passing)
	}
	return n, err
}

// onPorts returns the sockets of a state whose own port is one of these.
func onPorts(state sockets.State, ports []uint16) ([]sockets.Socket, error) {
	all, err := sockets.In(state)
	return slices.DeleteFunc(all, func(s sockets.Socket) bool { return !slices.Contains(ports, s.Local.Port()) }), err
}

// handshakeWait is how long handshakes are waited for that began with the door: two round trips to the other end of the world. A
// client that never sends its third packet costs the window as much.
const handshakeWait = 300 * time.Millisecond

// AwaitHandshakes waits, after Begin, until the door has accepted the clients whose first packet it has answered: when it stops
// before, they get a reset. What the relay has is not told apart, and as good as accepted.
func (h Hold) AwaitHandshakes(ctx context.Context) error {
	begun, err := onPorts(sockets.Handshake, h.Ports)
	for deadline := time.Now().Add(handshakeWait); ; {
		now, nowErr := onPorts(sockets.Handshake, h.Ports)
		queued, queueErr := unaccepted(h.Ports)
		if err = errors.Join(err, nowErr, queueErr); err != nil {
			return fmt.Errorf("see who is connecting: %w", err)
		}
		begun = slices.DeleteFunc(begun, func(s sockets.Socket) bool { return !slices.Contains(now, s) })
		if len(begun) == 0 && !queued || time.Now().After(deadline) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// unaccepted reports whether a connection to the ports waits for its server to accept it.
func unaccepted(ports []uint16) (bool, error) {
	all, err := onPorts(sockets.Listens, ports)
	return slices.ContainsFunc(all, func(s sockets.Socket) bool { return s.Queue > 0 }), err
}
