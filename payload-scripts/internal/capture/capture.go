// Package capture has the kernel give new connections to a program of this host, whatever listens on the ports that they ask
// for, and takes that back. They may come from other machines or from this one; only sockets with a mark (SO_MARK of socket(7),
// which is root's to set) reach what listens. Connections that stand already are not touched.
//
// Only a connection's first packet (SYN) is given away, by TPROXY: of nftables where the kernel has it (4.19 and later), else
// of iptables. The sockets that come of it are found by their own addresses afterwards, so that the rules can go while these
// connections stay. While the program does not listen these packets are dropped, and a client's kernel repeats them: nobody is
// let in or turned away by a program that has died. The rules last until they are taken away, or to the next boot.
//
// NAT would do for new connections, but not let them go again: a connection that conntrack has rewritten once stays so.
package capture

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/thread"
)

// Capture is the ports whose clients are given to a program.
type Capture struct {
	Name  string   // of what is written to the kernel: letters, digits, "-", "_"
	Ports []uint16 // of TCP
	To    uint16   // where the program listens on 127.0.0.1 and, where the host has IPv6, ::1, with IP_TRANSPARENT

	Without string // "nftables": the kernel is taken for one without it
}

// Start begins to give new connections away. It may be called again.
func (c Capture) Start(ctx context.Context) error {
	err := c.startNFT()
	if err == nil {
		return nil
	}
	if ipErr := c.startIPTables(ctx); ipErr != nil {
		return errors.Join(fmt.Errorf("have the kernel keep clients: by nftables: %w", err), fmt.Errorf("by iptables: %w", ipErr), c.Stop(ctx))
	}
	return nil
}

// Stop ends it: new connections go to what listens on their ports. The program's own connections go on.
func (c Capture) Stop(ctx context.Context) error {
	return errors.Join(c.stopNFT(), c.stopIPTables(ctx))
}

// Active reports whether new connections are given away.
func (c Capture) Active(ctx context.Context) (bool, error) {
	there, err := c.hasTable()
	if err != nil || there {
		return there, err
	}
	return c.hasChain(ctx), nil
}

// Try reports why this host cannot capture clients, nil when it can. It tries it in a network namespace of its own, which
// goes with it: nothing of the host changes, but that the kernel may load modules.
func (c Capture) Try(ctx context.Context) error {
	if err := kernel(); err != nil {
		return err
	}
	var err error
	thread.Own(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("make a network namespace: %w", err)
			return
		}
		if err = loopbackUp(); err == nil {
			err = errors.Join(c.Route(), c.Start(ctx), c.Stop(ctx), c.Unroute())
		}
	})
	return err
}

// kernel reports a kernel that looks a half-open connection up at the listener of its port alone, where the third packet of one that
// was given away finds another or none (before Linux 4.4, tcp_v4_hnd_req): its client would be reset.
func kernel() error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("ask which kernel this is: %w", err)
	}
	return recent(unix.ByteSliceToString(name.Release[:]))
}

func recent(release string) error {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("which kernel %q is: %w", release, err)
	}
	if major < 4 || major == 4 && minor < 4 {
		return fmt.Errorf("the kernel is %s, and 4.4 is the first that can", release)
	}
	return nil
}

// mark is what every upgrade's own sockets have.
const mark = 0x6f6e6572

// Mark has a socket that is to be connected reach what listens. Without the right to do so nothing is changed.
func Mark(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark) }

// number is one of those that are this capture's own and no other's on the host: of a routing table.
func (c Capture) number() uint32 { return 0x6f000000 | crc32.ChecksumIEEE([]byte(c.Name))&0xffffff }

// chain is the name of iptables' chain, which has at most 28 characters.
func (c Capture) chain() string {
	name := strings.ToUpper(c.Name)
	if len(name) > 28 {
		name = fmt.Sprintf("%s-%06X", name[:21], c.number()&0xffffff)
	}
	return name
}

// sorted is the ports, each once.
func (c Capture) sorted() []uint16 { return slices.Compact(slices.Sorted(slices.Values(c.Ports))) }
