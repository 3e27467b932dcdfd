package manifest

import (
	"fmt"
	"strings"
)

// Move gives files another place in the window, by renaming them; the way back renames them
// again. It is either from and to or each and into. What is not there need not be moved.
type Move struct {
	From string `json:"from,omitempty" yaml:"from"` // path of a file or folder on the host
	To   string `json:"to,omitempty" yaml:"to"`     // its new path, on the same file system
	Each string `json:"each,omitempty" yaml:"each"` // folder on the host: everything in it moves
	Into string `json:"into,omitempty" yaml:"into"` // folder that it moves into, under its own names; it is made, and may lie in each
}

// Owner gives files other owners in the window; the way back gives each its own again.
type Owner struct {
	Path  string `json:"path" yaml:"path"`             // path of a file, or of a folder with all that is in it when the services are stopped, as it is before any move
	User  string `json:"user" yaml:"user"`             // user who owns it then; may come with the new packages
	Group string `json:"group,omitempty" yaml:"group"` // group that it belongs to then; when absent, groups stay
}

// Source is what of the host moves: a file, or a folder with all that is in it.
func (m Move) Source() string { return m.From + m.Each }

// Target is where it moves to.
func (m Move) Target() string { return m.To + m.Into }

// Check says what makes a move unusable by itself, "" for nothing.
func (m Move) Check() string {
	switch {
	case (m.From != "") == (m.Each != "") || (m.From != "") != (m.To != "") || (m.Each != "") != (m.Into != ""):
		return "it has neither from and to nor each and into"
	case !cleanTarget(m.Source()):
		return fmt.Sprintf("%q is no clean absolute path", m.Source())
	case !cleanTarget(m.Target()):
		return fmt.Sprintf("%q is no clean absolute path", m.Target())
	case m.Source() == m.Target() || Within(m.Target(), m.From) || Within(m.Source(), m.Target()):
		return fmt.Sprintf("%s and %s lie in one another", m.Source(), m.Target())
	}
	return ""
}

// Within reports whether a path is that of a folder, or below it.
func Within(path, folder string) bool {
	return folder != "" && (path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/"))
}

// moves demands moves that can be done in any order, and undone.
func (v *validator) moves(m *Manifest) {
	for i, a := range m.Moves {
		if said := a.Check(); said != "" {
			v.add("move %d: %s", i, said)
		}
		for _, b := range m.Moves[:i] {
			if said := a.Meets(b); said != "" {
				v.add("move %d: %s", i, said)
			}
		}
	}
	for _, o := range m.Owners {
		if !cleanTarget(o.Path) || o.User == "" {
			v.add("owner of %q: no clean absolute path, or no user", o.Path)
		}
	}
}

// Meets says in what two moves meet, "" when they can be done in any order.
func (m Move) Meets(o Move) string {
	for _, a := range []string{m.Source(), m.Target()} {
		for _, b := range []string{o.Source(), o.Target()} {
			if Within(a, b) || Within(b, a) {
				return fmt.Sprintf("%s and %s of another move lie in one another", a, b)
			}
		}
	}
	return ""
}
