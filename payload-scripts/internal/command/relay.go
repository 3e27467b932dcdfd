package command

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"onerpm/payload-scripts/internal/hold"
)

func relayFlags(set *flag.FlagSet, o *options) {
	set.UintVar(&o.port, "port", 0, "port of loopback that clients are handed to")
	set.StringVar(&o.ports, "ports", "", "whose clients wait, with commas in between")
	set.BoolVar(&o.ended, "ended", false, "take away what a relay that was killed has left")
}

// runRelay is the process that keeps clients waiting while the door is shut.
func runRelay(ctx context.Context, e *env, o options) int {
	h := hold.Of(e.bundle.Manifest, e.bundle.Places(), nil)
	if o.ended {
		if err := h.Ended(); err != nil {
			return e.fail(err, exitFailed)
		}
		return exitDone
	}
	h.Ports = nil
	for port := range strings.SplitSeq(o.ports, ",") {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || o.port == 0 || o.port > 65535 {
			return e.fail(fmt.Errorf("ports %q, port %d: a number from 1 to 65535 each", o.ports, o.port), exitUsage)
		}
		h.Ports = append(h.Ports, uint16(n))
	}
	slog.Info("clients wait", "ports", h.Ports)
	if err := h.Serve(ctx, uint16(o.port)); err != nil {
		return e.fail(err, exitFailed)
	}
	return exitDone
}
