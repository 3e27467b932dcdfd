package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
)

// Findings tells what stands in the way of the merge and of saving the state. It
// writes nothing.
func (s *Set) Findings(ctx context.Context) []finding.Finding {
	var out []finding.Finding
	for _, c := range s.m.Config {
		if ctx.Err() != nil {
			return out
		}
		if !c.InPackage() {
			out = append(out, s.configFindings(c, func(mine []byte) (config.Result, error) { return s.merge(c, mine, nil) })...)
		}
	}
	for _, p := range s.Packaged {
		if ctx.Err() != nil {
			return out
		}
		out = append(out, s.configFindings(p.Config, func(mine []byte) (config.Result, error) { return s.mergePackaged(ctx, p, mine, nil) })...)
	}
	out = append(out, s.mountFindings()...)
	return append(out, s.state().Findings(ctx, s.saveFolder())...)
}

func refuse(id, what, do string) finding.Finding {
	return finding.Finding{ID: id, Level: finding.Refuse, What: what, Do: do}
}

func (s *Set) configFindings(c manifest.Config, merge func(mine []byte) (config.Result, error)) []finding.Finding {
	now, err := s.inspect(c.Target)
	if err != nil {
		return []finding.Finding{lookFinding(c.Target, err)}
	}
	result, err := merge(now.data)
	if err != nil {
		return []finding.Finding{s.mergeFinding(c, err)}
	}
	var out []finding.Finding
	for _, x := range result.Conflicts {
		out = append(out, s.conflictFinding(c, x))
	}
	if result.Unmerged != "" {
		out = append(out, s.unmergedFinding(c, result))
	}
	if s.Tell != nil {
		out = append(out, s.Tell(c.Target, result.Changes)...)
	}
	for _, ch := range result.Changes {
		if ch.From == config.EditedFile {
			becomes := "does not have it: it is removed"
			if ch.Kind == config.Changed {
				becomes = "has it, but not as configuration: it is replaced"
			}
			out = append(out, finding.Finding{ID: "config-edited-file-goes", Level: finding.Warn,
				What: fmt.Sprintf("%s was changed on this host, and %s %s", c.Target, s.m.To, becomes),
				Do:   "a copy is kept in the attempt's backup; move to its successor what you still need of it"})
		}
	}
	if f, is := s.ownerLacks(c, now.file == nil && !result.Gone); is {
		out = append(out, f)
	}
	if f, is := s.readOnly(c.Target, now.real); is && (now.file != nil || !result.Gone) {
		out = append(out, f)
	}
	return out
}

// mountFindings is about configuration files that are mounts of their own. Those
// that neither rpm nor the new release takes away are written in place.
func (s *Set) mountFindings() []finding.Finding {
	all, err := paths.Mounts()
	if err != nil {
		return []finding.Finding{refuse("config-mount", fmt.Sprintf("what is mounted on this host is not known: %v", err), "look at /proc/self/mountinfo")}
	}
	fixed := map[string]string{}
	for _, c := range s.m.Config {
		if c.New == "" && !c.InPackage() {
			fixed[c.Target] = s.m.To + " does not have it, and it cannot be removed"
		}
	}
	for _, p := range s.Packaged {
		fixed[p.Target] = "rpm cannot replace it"
	}
	var out []finding.Finding
	for _, target := range slices.Sorted(maps.Keys(fixed)) {
		real, _, err := s.paths().Resolve(target)
		if err == nil && slices.ContainsFunc(all, func(m paths.Mount) bool { return m.Point == real }) {
			out = append(out, refuse("config-mount", fmt.Sprintf("%s is a mount of its own: %s", target, fixed[target]),
				"put the file itself in its place: copy it, umount "+real+", move the copy there"))
		}
	}
	return out
}

func lookFinding(target string, err error) finding.Finding {
	if l := (*host.LinkError)(nil); errors.As(err, &l) {
		return refuse("config-link", fmt.Sprintf("%s: %v", target, err), l.Remedy())
	}
	return refuse("config-unreadable", fmt.Sprintf("%s cannot be read: %v", target, err), "make it a regular file that root can read")
}

func (s *Set) mergeFinding(c manifest.Config, err error) finding.Finding {
	unknown, parse, form := (*config.UnknownValueError)(nil), (*config.ParseError)(nil), (*config.FormError)(nil)
	whole := fmt.Sprintf("decide it as a whole in /etc/%[1]s/upgrade.conf: \"conflict %[3]s %[2]s = old\" leaves it as it is, without what %[3]s brings, \"= new\" takes that of %[3]s (%[1]s help settings)",
		s.m.Prefix, c.Target, s.m.To)
	switch {
	case errors.As(err, &unknown):
		return refuse("config-value-unknown",
			fmt.Sprintf("%s of %s wants values that nobody knows on this host: %s", c.Target, s.m.To, strings.Join(unknown.Keys, ", ")),
			"this is a mistake in the bundle: ask for one whose spec sets them")
	case errors.As(err, &parse) && parse.File == "mine":
		return refuse("config-unparsable", fmt.Sprintf("%s is no %s that can be merged: %v", c.Target, c.Format, parse.Err),
			"correct the file where it is wrong; or, where the product reads it as it is, "+whole)
	case errors.As(err, &form):
		plainer := "write it in a plainer form"
		if c.Format == "yaml" {
			plainer += ", without anchors and tags"
		}
		return refuse("config-form", fmt.Sprintf("%s cannot be merged in the form it has on this host: %v", c.Target, form.Err), plainer+"; or "+whole)
	case errors.Is(err, exec.ErrNotFound):
		return refuse("config-merge", fmt.Sprintf("%s cannot be merged: %v", c.Target, err), "install the missing program; rpm2cpio comes with rpm")
	}
	return refuse("config-merge", fmt.Sprintf("%s cannot be merged: %v", c.Target, err), "this is a mistake in the bundle: take a fresh copy of it, or ask for a corrected one")
}

// unmergedFinding says that the admin's decision is about more than a conflict.
func (s *Set) unmergedFinding(c manifest.Config, r config.Result) finding.Finding {
	becomes := "stays as it is, without what " + s.m.To + " brings"
	if r.Changes[0].Kind == config.Changed {
		becomes = "becomes that of " + s.m.To
	}
	return finding.Finding{ID: "config-not-merged", Level: finding.Warn,
		What: fmt.Sprintf("%s cannot be merged (%s) and, as was decided, %s", c.Target, r.Unmerged, becomes),
		Do:   "compare it with the new release's after the upgrade; a copy of what was here is kept in the attempt's backup"}
}

func (s *Set) conflictFinding(c manifest.Config, x config.Conflict) finding.Finding {
	if x.Key == "" && x.Mine == config.Absent {
		return refuse("config-missing", fmt.Sprintf("%s is not there, and it differs between %s and %s", c.Target, s.m.From, s.m.To),
			fmt.Sprintf("put the file back as %[1]s has it, or decide it in /etc/%[2]s/upgrade.conf: \"conflict %[4]s %[3]s = old\" leaves it away, \"= new\" takes that of %[4]s",
				s.m.From, s.m.Prefix, c.Target, s.m.To))
	}
	where := x.Key
	if where == "" {
		where = "the whole file"
	}
	return refuse("config-conflict",
		fmt.Sprintf("%s, %s: changed on this host and by %s, differently\n%s: %s\n%s: %s\nhere: %s", c.Target, where, s.m.To, s.m.From, x.Base, s.m.To, x.Theirs, x.Mine),
		fmt.Sprintf("decide it in /etc/%[1]s/upgrade.conf: \"conflict %[3]s %[2]s = old\" keeps what is here, \"= new\" takes that of %[3]s (%[1]s help settings)",
			s.m.Prefix, decides(c, x.Key), s.m.To))
}

// decides is how the admin's settings name a conflict. A text file is decided as a whole.
func decides(c manifest.Config, key string) string {
	if key == "" || key == config.OtherLines || c.Format == "text" {
		return c.Target
	}
	return c.Target + ":" + key
}

// ownerLacks reports whether a new file is to belong to somebody who is not there (yet).
func (s *Set) ownerLacks(c manifest.Config, isNew bool) (finding.Finding, bool) {
	if !isNew {
		return finding.Finding{}, false
	}
	_, err := (&record{New: &file{}, Owner: c.Owner, Group: c.Group}).wanted()
	if err == nil {
		return finding.Finding{}, false
	}
	return finding.Finding{ID: "config-owner-lacks", Level: finding.Warn,
		What: fmt.Sprintf("%s is to belong to somebody who is not on this host: %v", c.Target, err),
		Do:   "nothing if a package of " + s.m.To + " makes that user; otherwise the upgrade goes back by itself"}, true
}

// readOnly reports whether a configuration file lies where nothing can be written.
func (s *Set) readOnly(target, real string) (finding.Finding, bool) {
	for _, at := range []string{paths.Existing(filepath.Dir(s.onHost(target))), paths.Existing(real)} {
		var st unix.Statfs_t
		if err := unix.Statfs(at, &st); err == nil && st.Flags&unix.ST_RDONLY != 0 {
			return refuse("read-only", at+" is read-only, and "+target+" must be written", "mount that file system writable"), true
		}
	}
	return finding.Finding{}, false
}
