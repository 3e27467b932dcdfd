package command

import (
	"context"
	"flag"
	"log/slog"

	"onerpm/payload-scripts/internal/hold"
)

func relayFlags(set *flag.FlagSet, o *options) {
	set.UintVar(&o.port, "port", 0, "port of loopback that clients are handed to")
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
	if o.port == 0 || o.port > 65535 {
		return exitUsage
	}
	slog.Info("clients wait", "ports", h.Ports)
	if err := h.Serve(ctx, uint16(o.port)); err != nil {
		return e.fail(err, exitFailed)
	}
	return exitDone
}
