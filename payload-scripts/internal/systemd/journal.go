package systemd

import (
	"context"
	"strings"
	"time"

	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/programs"
)

// LastLines is what a unit itself said last, as text to add to an error; "" when nothing is known.
func LastLines(ctx context.Context, name string) string {
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Timeout: 20 * time.Second,
		Args: []string{"--unit", unit.Name(name), "--lines", "12", "--no-pager", "--output", "short-iso", "--quiet"}})
	said := strings.TrimSpace(res.Stdout)
	if err != nil || said == "" {
		return ""
	}
	return "\nlast lines of " + name + ":\n  " + strings.ReplaceAll(said, "\n", "\n  ")
}
