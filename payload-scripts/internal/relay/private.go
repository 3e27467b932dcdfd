package relay

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"onerpm/payload-scripts/internal/sockets"
)

// private knows who listens on loopback's own addresses: what serves other machines by another address of the same port is
// another server, and its clients are not to reach this one.
type private struct {
	mu   sync.Mutex
	seen time.Time
	all  []sockets.Socket // that listen
}

// privateFor is how long what was seen counts: the table is long where there are many clients.
const privateFor = time.Second

// has reports whether a server listens on this very address.
func (p *private) has(at netip.AddrPort) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.seen) > privateFor {
		all, err := sockets.In(sockets.Listens)
		if err != nil {
			return false, err
		}
		p.seen, p.all = time.Now(), all
	}
	return slices.ContainsFunc(p.all, func(s sockets.Socket) bool { return s.Local == at }), nil
}
