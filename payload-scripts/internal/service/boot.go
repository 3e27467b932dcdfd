package service

import (
	"context"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/systemd"
)

// DisableUnits disables the units that the side does not have, with all that their [Install] sections name besides. Their
// files may be gone already: systemd, once it has read its unit files again, knows nothing of such a unit any more, but the links
// that started it are still there. So what is left of links goes too; an admin's mask stays.
func (s *Services) DisableUnits(ctx context.Context, side manifest.Side, before journal.Services) error {
	var names []string
	for _, u := range s.units {
		if on(u, side) {
			continue
		}
		names = append(names, u.Unit)
		state, err := s.systemd.FileState(ctx, u.Unit)
		if err != nil {
			return err
		}
		if !inBoot(state) {
			continue
		}
		if err := s.systemd.Disable(ctx, u.Unit, isRuntime(state)); err != nil {
			return err
		}
	}
	left, err := systemd.LinksOf(s.places.Root, names)
	if err != nil {
		return err
	}
	masks := slices.DeleteFunc(left, func(l systemd.Link) bool { return l.Target != "/dev/null" })
	if err := systemd.SetLinks(s.places.Root, names, masks, before.Folders); err != nil {
		return err
	}
	return host.SyncFS(s.places.Root + "/etc/systemd/system")
}

// Adopt puts the side's units into the boot, after their files came. For the old release
// that is every link as it was. For the new one it is what was in the boot before, until
// the next one only if it was so, and the units that only this release has. A unit that
// is masked stays so. systemd reads all unit files again; the new links of the boot it reads
// with [Services.Unmark], after the window.
func (s *Services) Adopt(ctx context.Context, side manifest.Side, before journal.Services) error {
	if side == manifest.Old {
		var want []systemd.Link
		for _, l := range before.Links {
			want = append(want, systemd.Link(l))
		}
		if err := systemd.SetLinks(s.places.Root, s.names(before), want, before.Folders); err != nil {
			return err
		}
		return s.Reload(ctx)
	}
	if err := s.Reload(ctx); err != nil { // what a new file's state is, systemd tells only then
		return err
	}
	for _, u := range s.units {
		if !on(u, side) {
			continue
		}
		if err := s.enable(ctx, u.Unit, before.Boot[u.Unit], u.Only == manifest.New); err != nil {
			return err
		}
		for _, name := range slices.Concat(before.Instances[u.Unit], before.Triggers[u.Unit]) {
			if err := s.enable(ctx, name, before.Boot[name], false); err != nil {
				return err
			}
		}
	}
	return host.SyncFS(s.places.Root + "/etc/systemd/system")
}

// enable puts a unit into the boot that was in it, or that must be there because it is new. Of
// the others, which the manifest does not name, the release may have one no more.
func (s *Services) enable(ctx context.Context, name, was string, isNew bool) error {
	if !inBoot(was) && !isNew {
		return nil
	}
	state, err := s.systemd.FileState(ctx, name)
	if err != nil || inBoot(state) || strings.HasPrefix(state, "masked") || state == "" && !s.isNamed(unit.Name(name)) {
		return err
	}
	return s.systemd.Enable(ctx, name, isRuntime(was))
}

// inBoot reports whether a unit in that state was enabled, for good or until the next boot.
func inBoot(fileState string) bool { return strings.HasPrefix(fileState, "enabled") }

func isRuntime(fileState string) bool { return strings.HasSuffix(fileState, "-runtime") }
