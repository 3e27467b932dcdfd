package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/programs"
)

// LastLines is what a unit itself said last, as text to add to an error; "" when nothing is known. What it said before
// since is left out: of a start that failed, the lines of that start alone are wanted. A zero since leaves nothing out.
func LastLines(ctx context.Context, name string, since time.Time) string {
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Timeout: 20 * time.Second, Args: lastLines(name, since)})
	said := strings.TrimSpace(res.Stdout)
	if err != nil || said == "" {
		return ""
	}
	return "\nlast lines of " + name + ":\n  " + strings.ReplaceAll(said, "\n", "\n  ")
}

func lastLines(name string, since time.Time) []string {
	args := []string{"--unit", unit.Name(name), "--lines", "12", "--no-pager", "--output", "short-iso", "--quiet"}
	if !since.IsZero() {
		args = append(args, fmt.Sprintf("--since=@%d.%06d", since.Unix(), since.Nanosecond()/1000)) // systemd.time(7)
	}
	return args
}
