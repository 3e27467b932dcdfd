package machine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/thread"
)

// Dial connects to an address as seen from inside the machine, such as
// "127.0.0.1:80". The address must be numeric: there is no name service. It works over reboots.
func (m *Machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := m.InNetwork(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, numeric(address))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the test machine: %w", err)
	}
	return conn, nil
}

// Listen opens a port inside the machine's network that is served from out here: a package
// repository, say. It lasts as long as the machine is on.
func (m *Machine) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var l net.Listener
	err := m.InNetwork(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(ctx, network, numeric(address))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in the test machine: %w", err)
	}
	return l, nil
}

// HTTP returns a client whose requests go out inside the machine, with a new connection
// for each, and no longer than a minute each.
func (m *Machine) HTTP() *http.Client {
	return &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{DialContext: m.Dial, DisableKeepAlives: true},
	}
}

// numeric spares the name service, which would look on another thread.
func numeric(address string) string {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok {
		return "127.0.0.1:" + port
	}
	return address
}

// InNetwork runs f on a thread that is in the machine's network. A socket belongs to
// the network in which it was made, so that it can be used from any thread afterwards.
func (m *Machine) InNetwork(f func() error) error {
	pid, err := m.PID()
	if err != nil {
		return err
	}
	inside, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("open the machine's network: %w", err)
	}
	defer func() { _ = inside.Close() }()
	thread.Own(func() {
		if err = unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("enter the machine's network: %w", err)
			return
		}
		err = f()
	})
	return err
}
