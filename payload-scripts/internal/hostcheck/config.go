package hostcheck

import (
	"context"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/release"
)

// AddPackaged gives the files the packages' %config files, with what the spec and
// the admin decided about them.
func AddPackaged(to *files.Set, b *layout.Bundle, from *packages.Set) error {
	merged, others, err := from.ConfigFiles()
	if err != nil {
		return err
	}
	to.Extra, to.Packaged, to.Decided = others, nil, b.Settings.Decisions(b.Manifest.To)
	for _, f := range merged {
		to.Packaged = append(to.Packaged, files.Packaged{Config: rules(b, f.Path), Old: shipped(from, f.Old), New: shipped(from, f.New), Plain: f.Plain})
	}
	return nil
}

// rules are what the spec says of a file.
func rules(b *layout.Bundle, target string) manifest.Config {
	for _, c := range b.Manifest.Config {
		if c.Target == target {
			return c
		}
	}
	return manifest.Config{Target: target, Format: manifest.FormatOf(target)}
}

func shipped(set *packages.Set, f *release.Shipped) *files.Shipped {
	if f == nil {
		return nil
	}
	mark := "%config"
	if f.NoReplace {
		mark = "%config(noreplace)"
	}
	return &files.Shipped{
		Package: f.Package, Mark: mark, Mode: f.Mode, UID: f.UID, GID: f.GID, User: f.User, Group: f.Group,
		Content: func(ctx context.Context) ([]byte, error) { return set.Content(ctx, f) },
	}
}

// checkFiles looks for what stands in the way of the merge and of saving the state,
// and whether every decision of the admin is about a file that is merged.
func checkFiles(ctx context.Context, b *layout.Bundle) []finding.Finding {
	set, s := packages.New(b.Manifest, b.Dir, "", ""), files.New(b.Manifest, b.Dir, "")
	var err error
	if set.Had, err = set.Optional(ctx); err == nil {
		err = AddPackaged(s, b, set)
	}
	if err != nil {
		return []finding.Finding{{ID: "check-failed", Level: finding.Refuse,
			What: "could not find out which configuration files the packages have: " + err.Error(), Do: "remove the cause, then check again"}}
	}
	s.Tell = decisions{b.Manifest.To, &b.Settings}.notes
	targets := make([]string, len(s.Packaged))
	for i, p := range s.Packaged {
		targets[i] = p.Target
	}
	return append(b.Settings.Findings(b.Manifest, targets...), s.Findings(ctx)...)
}
