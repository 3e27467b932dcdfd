package attempt

import (
	"context"
	"slices"
	"strings"

	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/rpm"
)

// Unowned takes those kept folders out of leftovers that a package of the host has again.
func Unowned(ctx context.Context, p layout.Places, all []Leftover) ([]Leftover, error) {
	host := rpm.Host{Root: p.Root}
	for i, l := range all {
		var kept []string
		for _, path := range l.Kept {
			kept = append(kept, strings.TrimPrefix(path, p.Root))
		}
		free, err := host.DB().Unowned(ctx, kept)
		if err != nil {
			return nil, err
		}
		all[i].Paths = slices.DeleteFunc(l.Paths, func(path string) bool {
			return slices.Contains(l.Kept, path) && !slices.Contains(free, strings.TrimPrefix(path, p.Root))
		})
	}
	return slices.DeleteFunc(all, func(l Leftover) bool { return len(l.Paths) == 0 }), nil
}
