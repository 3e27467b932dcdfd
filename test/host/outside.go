package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"onerpm/internal/thread"
)

// The addresses of a machine and of the clients beside it.
const (
	Address       = "10.77.0.1"
	Address6      = "fd77::1"
	ClientAddress = "10.77.0.2"
	clients6      = "fd77::2"
)

// Outside is a network of clients beside a machine's own, with one cable between them: what comes from
// there is for the machine what comes from other machines.
type Outside struct {
	m  *Machine
	ns *os.File
}

// Outside makes a network of clients and plugs the machine in, for a test.
func (m *Machine) Outside(t testing.TB) *Outside {
	t.Helper()
	o, err := m.MakeOutside()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

// MakeOutside makes a network of clients and plugs the machine in. Close gives it up.
func (m *Machine) MakeOutside() (*Outside, error) {
	var err error
	o := &Outside{m: m}
	thread.Own(func() { // which ends; the open file keeps its network
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			o.ns, err = os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("make a network of clients: %w", err)
	}
	return o, o.Plug()
}

// Close gives the network up.
func (o *Outside) Close() error { return o.ns.Close() }

// Plug plugs the cable in; a machine that was off has lost it.
func (o *Outside) Plug() error {
	pid, err := o.m.PID()
	if err != nil {
		return err
	}
	script := fmt.Sprintf(`set -e
clients="nsenter --net=/proc/%d/fd/%d" machine="nsenter --net=/proc/%d/ns/net"
$clients ip link set lo up
$clients ip link add eth0 type veth peer name eth0 netns %[3]d
$clients ip address add %[4]s/24 dev eth0
$clients ip address add %[5]s/64 dev eth0 nodad
$clients ip link set eth0 up
$machine ip address add %[6]s/24 dev eth0
$machine ip address add %[7]s/64 dev eth0 nodad || true # a machine without IPv6
$machine ip link set eth0 up
`, os.Getpid(), o.ns.Fd(), pid, ClientAddress, clients6, Address, Address6)
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		return fmt.Errorf("connect clients with the test machine: %w: %s", err, out)
	}
	return nil
}

// Tables are the names of the tables that the machine's kernel has in nftables: no machine has any of its own.
func (m *Machine) Tables() (names []string, err error) {
	err = m.InNetwork(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := conn.ListTables()
		for _, t := range tables {
			names = append(names, t.Name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the test machine's kernel for its tables: %w", err)
	}
	return names, nil
}

// Dial connects from the clients' network, as by [net.Dialer]; the address must be numeric.
func (o *Outside) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	thread.Own(func() {
		if err = unix.Setns(int(o.ns.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("connect from outside of the test machine: %w", err)
	}
	return conn, nil
}
