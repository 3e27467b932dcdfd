package hostcheck

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/hold"
	"onerpm/payload-scripts/internal/layout"
)

// holdFindings tells what becomes of clients in the window, where the bundle has them wait and this host cannot, and of those
// that are connected now.
func holdFindings(ctx context.Context, b *layout.Bundle) (out []finding.Finding) {
	h := hold.Of(b.Manifest, b.Places(), nil)
	if len(h.Ports) == 0 {
		return nil
	}
	if err := h.Possible(ctx); err != nil {
		out = append(out, finding.Finding{ID: "clients-turned-away", Level: finding.Warn,
			What: "clients that come in the window will be refused, as this machine cannot keep them waiting: " + err.Error(),
			Do:   "nothing if they try again; otherwise a kernel with TPROXY of nftables can (4.19 and later), or one from 4.4 on with iptables installed"})
	}
	n, err := hold.Connections(h.Ports)
	if err == nil && n > 0 {
		out = append(out, finding.Finding{ID: "clients-connected", Level: finding.Warn,
			What: fmt.Sprintf("%d connections to the product are open now; those that stand when the window begins are ended%s", n, after(b.Manifest.Services)),
			Do:   "nothing, unless there are uploads or long requests that must not be cut: let them end before you begin"})
	}
	return out
}

// after tells how long requests are given that are under way when the window begins.
func after(services []manifest.Service) string {
	longest := time.Duration(0)
	for _, s := range services {
		if s.Door && s.Grace == 0 {
			return " when their requests are, or when their unit's own limit is over"
		}
		longest = max(longest, s.Grace.D())
	}
	return fmt.Sprintf(" when their requests are, %s later at the latest", longest)
}
