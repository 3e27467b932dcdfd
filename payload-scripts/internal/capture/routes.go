package capture

import (
	"errors"
	"fmt"
	"net"

	"github.com/jsimonetti/rtnetlink/v2"
	"golang.org/x/sys/unix"
)

// loopback is the index of the interface lo in every network namespace (LOOPBACK_IFINDEX of the kernel).
const loopback = 1

// rulePriority is before the rules that admins and distributions have for their routes (ip-rule(8)), and after that for the
// host's own addresses. It matches nothing but answers of a server on loopback to clients that are no addresses of this host.
const rulePriority = 10

// families are the ways to loopback: a connection from a client's address to loopback has its answers sent there too.
var families = []struct {
	family byte
	source net.IP
	bits   uint8
}{{unix.AF_INET, net.IPv4(127, 0, 0, 0).To4(), 8}, {unix.AF_INET6, net.IPv6loopback, 128}}

// Route has answers of loopback's servers to the program's clients go back to the program, which asks those servers with its
// clients' addresses. It does what these do, and may be called again:
//
//	ip rule add from 127.0.0.0/8 iif lo lookup NUMBER priority 10
//	ip route add local default dev lo table NUMBER
//	... and the same for ::1
func (c Capture) Route() error {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return fmt.Errorf("route clients to loopback: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing was kept back
	for i, f := range families {
		err := conn.Route.Replace(c.routeMessage(f.family))
		if err == nil {
			err = conn.Rule.Add(c.ruleMessage(f.family, f.source, f.bits))
		}
		if errors.Is(err, unix.EEXIST) || i > 0 && err != nil && !hasIPv6() {
			continue
		}
		if err != nil {
			return fmt.Errorf("route clients to loopback: %w", err)
		}
	}
	return nil
}

// Unroute takes that away, also where a kernel took the rule twice.
func (c Capture) Unroute() error {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return fmt.Errorf("take the routes to loopback away: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing was kept back
	var failed error
	for _, f := range families {
		for range 10 {
			if err = conn.Rule.Delete(c.ruleMessage(f.family, f.source, f.bits)); err != nil {
				break
			}
		}
		if err == nil || absent(err) {
			err = conn.Route.Delete(c.routeMessage(f.family))
		}
		if err != nil && !absent(err) {
			failed = errors.Join(failed, fmt.Errorf("take the routes to loopback away: %w", err))
		}
	}
	return failed
}

// absent reports whether a rule or route is not there, or the whole family.
func absent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP)
}

func (c Capture) ruleMessage(family byte, source net.IP, bits uint8) *rtnetlink.RuleMessage {
	table, priority, in := c.number(), uint32(rulePriority), "lo"
	return &rtnetlink.RuleMessage{
		Family: family, SrcLength: bits, Action: unix.FR_ACT_TO_TBL,
		Attributes: &rtnetlink.RuleAttributes{Src: &source, IIFName: &in, Priority: &priority, Table: &table},
	}
}

func (c Capture) routeMessage(family byte) *rtnetlink.RouteMessage {
	return &rtnetlink.RouteMessage{
		Family: family, Protocol: unix.RTPROT_STATIC, Scope: unix.RT_SCOPE_HOST, Type: unix.RTN_LOCAL,
		Attributes: rtnetlink.RouteAttributes{Table: c.number(), OutIface: loopback},
	}
}

// hasIPv6 reports whether loopback has its address of IPv6.
func hasIPv6() bool {
	lo, err := net.InterfaceByIndex(loopback)
	if err != nil {
		return false
	}
	addresses, err := lo.Addrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil {
			return true
		}
	}
	return err != nil
}

// loopbackUp switches lo on in a new network namespace.
func loopbackUp() error {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was kept back
	err = conn.Link.Set(&rtnetlink.LinkMessage{Family: unix.AF_UNSPEC, Index: loopback, Flags: unix.IFF_UP, Change: unix.IFF_UP})
	if err != nil {
		return fmt.Errorf("switch lo on: %w", err)
	}
	return nil
}
