package plan

import (
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// fired is a trigger that the jump's transaction can fire.
type fired struct {
	of   *rpmpkg.Package
	when string
	rpmpkg.Scriptlet
}

// triggers returns the triggers of both releases that the transaction can fire, those of
// packages that stay too: they fire when another package comes or goes. A trigger
// of a package that moves also fires for packages that are on the host already,
// so one that waits for a package of the base system counts too.
func (c *checker) triggers() []fired {
	coming, going := c.moving(c.headers.New, Added, Changed), c.moving(c.headers.Old, Removed, Changed)
	var out []fired
	look := func(h *rpmpkg.Package, moves bool) {
		for _, t := range h.Triggers() {
			others := coming
			if strings.HasSuffix(t.Kind, "un") {
				others = going
			}
			if hit := c.fires(t, h, others, moves); hit != "" {
				out = append(out, fired{h, "runs when " + hit, t.Scriptlet})
			}
		}
	}
	for _, change := range c.plan.Changes {
		if h := c.headers.Old[change.Name]; h != nil {
			look(h, change.Kind != Unchanged)
		}
		if h := c.headers.New[change.Name]; h != nil && change.Kind != Unchanged {
			look(h, true)
		}
	}
	return out
}

// fires says what fires a trigger of a package, "" when nothing of this jump does.
func (c *checker) fires(t rpmpkg.Trigger, of *rpmpkg.Package, others []*rpmpkg.Package, moves bool) string {
	verb := " comes"
	if strings.HasSuffix(t.Kind, "un") {
		verb = " goes"
	}
	onFiles := !strings.HasPrefix(t.Kind, "trigger")
	for _, target := range t.Targets {
		for _, h := range others {
			switch {
			case !onFiles && rpmcheck.Overlap(target, rpmcheck.Self(h)):
				return h.NVR() + verb
			case onFiles && slices.ContainsFunc(h.Files(), func(f rpmfile.FileInfo) bool { return strings.HasPrefix(f.Path, target.Name) }):
				return "a file below " + target.Name + verb
			}
		}
	}
	if !moves || t.Kind == "triggerpostun" {
		return "" // %triggerpostun alone waits for nothing that is there already
	}
	for _, target := range t.Targets {
		ours := c.headers.Old[target.Name] != nil || c.headers.New[target.Name] != nil
		if onFiles || !ours {
			return of.NVR() + verb + " and the host has " + target.String()
		}
	}
	return ""
}
