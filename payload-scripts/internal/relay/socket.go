package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dialWait  = 10 * time.Second
	dialTries = 20
	dialPause = 100 * time.Millisecond
)

// listen opens a listener that may take connections to addresses that are not its own (IP_TRANSPARENT of ip(7),
// IPV6_TRANSPARENT).
func listen(address net.IP, port uint16) (*net.TCPListener, error) {
	network := "tcp4"
	if address.To4() == nil {
		network = "tcp6"
	}
	config := net.ListenConfig{Control: control(shared)}
	config.SetMultipathTCP(false)
	l, err := config.Listen(context.Background(), network, net.JoinHostPort(address.String(), strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("listen for clients that are to wait: %w", err)
	}
	return l.(*net.TCPListener), nil
}

// noIPv6 reports whether an error says that the host has no IPv6.
func noIPv6(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)
}

func control(set func(fd int, network string) error) func(network, address string, raw syscall.RawConn) error {
	return func(network, _ string, raw syscall.RawConn) error {
		var failed error
		if err := raw.Control(func(fd uintptr) { failed = set(int(fd), network) }); err != nil {
			return err
		}
		return failed
	}
}

// shared is a transparent listener that shares its port.
func shared(fd int, network string) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	return transparent(fd, network)
}

func transparent(fd int, network string) error {
	if network == "tcp6" {
		return unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
	}
	return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
}

// dialer returns what connects to what listens on the port that the client has asked for: on loopback, with the client's address.
// A server that does not listen there is asked on the address that the client has asked for, and so is each where loopback has
// one of its own.
func dialer(mark func(fd int)) func(ctx context.Context, client *net.TCPConn) (*net.TCPConn, error) {
	var private private
	return func(ctx context.Context, client *net.TCPConn) (*net.TCPConn, error) {
		return dial(ctx, client, mark, &private)
	}
}

func dial(ctx context.Context, client *net.TCPConn, mark func(fd int), private *private) (*net.TCPConn, error) {
	asked, from := addrPort(client.LocalAddr()), addrPort(client.RemoteAddr())
	network, loopback := "tcp4", netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if asked.Addr().Is6() {
		network, loopback = "tcp6", netip.IPv6Loopback()
	}
	config := net.Dialer{Timeout: dialWait, Control: control(func(fd int, _ string) error {
		mark(fd)
		return nil
	})}
	config.SetMultipathTCP(false)
	as := config
	as.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from.Addr(), 0))
	as.Control = control(func(fd int, network string) error {
		mark(fd)
		// The kernel chooses the port at the connect, so that many clients behind one address have room (ip(7)).
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		return transparent(fd, network)
	})
	for try := 1; ; try++ {
		var conn net.Conn
		at := netip.AddrPortFrom(loopback, asked.Port())
		apart, err := private.has(at)
		if err == nil && !apart {
			conn, err = as.DialContext(ctx, network, at.String())
		}
		if err != nil || apart {
			conn, err = config.DialContext(ctx, network, asked.String())
		}
		if err == nil {
			return conn.(*net.TCPConn), nil
		}
		if try == dialTries || ctx.Err() != nil {
			return nil, err
		}
		time.Sleep(dialPause)
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	at := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(at.Addr().Zone()), at.Port())
}

// gone reports whether a client has closed its end.
func gone(conn *net.TCPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, pollErr := unix.Poll(look, 0)
		closed = pollErr == nil && n > 0 && look[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return err != nil || closed
}

// temporary reports whether accepting failed for a reason that passes.
func temporary(err error) bool {
	for _, is := range []error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED, unix.EPROTO, unix.EAGAIN} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// asks reports whether a client has sent something.
func asks(conn *net.TCPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	err = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) }) // tcp(7)
	return err == nil && n > 0
}
