package hostcheck

import (
	"context"

	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
)

// Merge makes the new release's configuration files of this host ready in a
// folder, as an upgrade would now, and returns what it decided. Nothing outside
// of the folder is written.
func Merge(ctx context.Context, b *layout.Bundle, folder string) ([]files.FileChange, error) {
	set, s := packages.New(b.Manifest, b.Dir, "", ""), files.New(b.Manifest, b.Dir, folder)
	var err error
	if set.Had, err = set.Optional(ctx); err != nil {
		return nil, err
	}
	if err := AddPackaged(s, b, set); err != nil {
		return nil, err
	}
	if err := s.Prepare(ctx); err != nil {
		return nil, err
	}
	return s.Changes()
}
