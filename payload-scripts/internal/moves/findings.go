package moves

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
)

// Findings tells what stands in the way. It writes nothing.
func (s *Set) Findings(ctx context.Context) []finding.Finding {
	if s.none() {
		return nil
	}
	mounts, err := paths.Mounts()
	if err != nil {
		return []finding.Finding{refuse("move-mount", fmt.Sprintf("what is mounted on this host is not known: %v", err), "look at /proc/self/mountinfo")}
	}
	var out []finding.Finding
	for _, m := range s.Moves {
		out = append(out, s.moveFindings(m, mounts)...)
	}
	for _, o := range s.Owners {
		if ctx.Err() != nil {
			return out
		}
		out = append(out, s.ownerFindings(ctx, o)...)
	}
	return out
}

func refuse(id, what, do string) finding.Finding {
	return finding.Finding{ID: id, Level: finding.Refuse, What: what, Do: do}
}

// unreachable is about a path that cannot be looked at, because of a link perhaps.
func unreachable(path string, err error) []finding.Finding {
	if l := (*host.LinkError)(nil); errors.As(err, &l) {
		return []finding.Finding{{ID: "move-link", Level: finding.Refuse, What: fmt.Sprintf("%s, which the upgrade moves or gives another owner: %v", path, err), Do: l.Remedy()}}
	}
	return []finding.Finding{refuse("check-failed", fmt.Sprintf("could not look at %s, which the upgrade moves or gives another owner: %v", path, err), "remove the cause, then check again")}
}

func (s *Set) moveFindings(m manifest.Move, mounts []paths.Mount) []finding.Finding {
	source, _, err := s.Host.Resolve(m.Source())
	if err != nil {
		return unreachable(m.Source(), err)
	}
	target, _, err := s.Host.Resolve(m.Target())
	if err != nil {
		return unreachable(m.Target(), err)
	}
	n, err := host.OpenPath(source)
	if absent(err) {
		return nil // nothing to move
	}
	if err != nil {
		return unreachable(m.Source(), err)
	}
	n.Close()
	if m.Each != "" && n.Stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return []finding.Finding{{ID: "move-kind", Level: finding.Refuse, What: m.Each + " is no folder: what is in it is to move into " + m.Into, Do: "look what it is, and move it away"}}
	}
	is, err := inodeAt(host.Name(target))
	if err != nil {
		return unreachable(m.Target(), err)
	}
	if is != 0 {
		return []finding.Finding{{ID: "move-target-there", Level: finding.Refuse, What: fmt.Sprintf("%s is there already, and the upgrade moves %s there", m.Target(), m.Source()),
			Do: "give it another name, by the product's own means if it is the product's, then check again"}}
	}
	from, to := source, existing(target) // the folders in which names change
	if m.From != "" {
		from = filepath.Dir(source)
	}
	var out []finding.Finding
	if a, b := mountOf(mounts, from), mountOf(mounts, to); a != b {
		out = append(out, refuse("move-mount", fmt.Sprintf("%s lies on another file system (%s) than %s (%s): it cannot be renamed to there", m.Source(), a, m.Target(), b),
			"put both on one file system, then check again"))
	}
	for _, mount := range mounts {
		if mount.Point != from && paths.Within(mount.Point, source) {
			out = append(out, refuse("move-mount", fmt.Sprintf("%s is a mount of its own below %s, which moves", mount.Point, m.Source()),
				"put the files themselves there (umount it, copy them to its place), then check again"))
		}
	}
	return out
}

// mountOf is where the file system of a path is mounted: of several at one point the last is seen.
func mountOf(all []paths.Mount, real string) string {
	point := ""
	for _, m := range all {
		if paths.Within(real, m.Point) && len(m.Point) >= len(point) {
			point = m.Point
		}
	}
	return point
}

func (s *Set) ownerFindings(ctx context.Context, o manifest.Owner) []finding.Finding {
	var out []finding.Finding
	err := s.walk(ctx, o, func(owned) error { return nil })
	linked := (*LinkedError)(nil)
	switch {
	case errors.As(err, &linked):
		out = append(out, refuse("owner-hard-link", fmt.Sprintf("below %s, whose files get another owner, %v", o.Path, err),
			"look whose they are (find / -xdev -samefile FILE), then remove the further names or copy the files"))
	case err != nil && !errors.Is(err, context.Canceled):
		out = append(out, unreachable(o.Path, err)...)
	}
	if _, err := lookUp(o); err != nil {
		name := strings.TrimSuffix(o.User+", "+o.Group, ", ")
		out = append(out, finding.Finding{ID: "owner-lacks", Level: finding.Warn,
			What: fmt.Sprintf("%s is to belong to somebody who is not on this host: %s", o.Path, name),
			Do:   "nothing if a package of the new release or the upgrade itself makes that user; otherwise the upgrade goes back by itself"})
	}
	return out
}
