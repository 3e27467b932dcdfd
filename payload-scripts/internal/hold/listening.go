package hold

import (
	"context"
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
	all, err := onPorts(ports, sockets.Established)
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

// onPorts returns the sockets of these states whose own port is one of these.
func onPorts(ports []uint16, states ...sockets.State) ([]sockets.Socket, error) {
	all, err := sockets.In(states...)
	return slices.DeleteFunc(all, func(s sockets.Socket) bool { return !slices.Contains(ports, s.Local.Port()) }), err
}

// handshakeWait is how long handshakes are waited for that began with the door: two round trips to the other end of the world. A
// client that never sends its third packet costs the window as much.
const handshakeWait = 300 * time.Millisecond

// AwaitHandshakes waits, after Begin, until the door has accepted the clients whose first packet it has answered: when it stops
// before, they get a reset. What the relay has is not told apart, and as good as accepted.
func (h Hold) AwaitHandshakes(ctx context.Context) error {
	return awaitHandshakes(ctx, func() ([]sockets.Socket, error) { return onPorts(h.Ports, sockets.Handshake, sockets.Listens) })
}

func awaitHandshakes(ctx context.Context, look func() ([]sockets.Socket, error)) error {
	var begun []sockets.Socket // when it was called
	first, over := true, false
	for deadline := time.Now().Add(handshakeWait); ; first = false {
		all, err := look()
		if err != nil {
			return fmt.Errorf("see who is connecting: %w", err)
		}
		unaccepted := slices.ContainsFunc(all, func(s sockets.Socket) bool { return s.State == sockets.Listens && s.Queue > 0 })
		now := slices.DeleteFunc(all, func(s sockets.Socket) bool { return s.State != sockets.Handshake })
		if first {
			begun = now
		}
		begun = slices.DeleteFunc(begun, func(s sockets.Socket) bool { return !slices.Contains(now, s) })
		if len(begun) == 0 && !unaccepted && over || time.Now().After(deadline) {
			return nil
		}
		// The table has those that listen first: a handshake that is over before the look comes to it is in neither, so that the
		// next look tells whether it was accepted.
		if over = len(begun) == 0; over && !unaccepted {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
