package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// private knows who listens on loopback's own addresses: what serves other machines by another address of the same port is
// another server, and its clients are not to reach this one.
type private struct {
	mu   sync.Mutex
	seen time.Time
	all  string // local addresses and states of all sockets, as the kernel writes them
}

// privateFor is how long what was seen counts: the table is long where there are many clients.
const privateFor = time.Second

// has reports whether a server listens on this very address.
func (p *private) has(at netip.AddrPort) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.seen) > privateFor {
		var all strings.Builder
		for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
			f, err := os.Open(file)
			if errors.Is(err, os.ErrNotExist) { // a kernel without IPv6
				continue
			}
			if err != nil {
				return false, err
			}
			lines := bufio.NewScanner(f)
			for lines.Scan() {
				if fields := strings.Fields(lines.Text()); len(fields) > 3 && fields[3] == "0A" { // TCP_LISTEN
					fmt.Fprintln(&all, fields[1])
				}
			}
			_ = f.Close()
			if err := lines.Err(); err != nil {
				return false, err
			}
		}
		p.seen, p.all = time.Now(), "\n"+all.String()
	}
	return strings.Contains(p.all, "\n"+inTable(at)+"\n"), nil
}

// inTable is an address as in /proc/net/tcp: words of 32 bits in the order of the machine, and the port.
func inTable(at netip.AddrPort) string {
	var out strings.Builder
	for b := at.Addr().AsSlice(); len(b) > 0; b = b[4:] {
		fmt.Fprintf(&out, "%08X", binary.NativeEndian.Uint32(b))
	}
	return fmt.Sprintf("%s:%04X", &out, at.Port())
}
