package settings

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// Conflict decides a key of a configuration file that both sides changed.
type Conflict struct {
	To     string        // the release that the upgrade leads to; "" where the line names none
	Target string        // absolute path
	Key    string        // a.b.c, or "*" for the whole file
	Side   manifest.Side // old keeps the host's value, new takes the release's
	Line   int
}

// Ended declares a document of a store ended whose work will never end by itself.
type Ended struct {
	To                string // the release that the upgrade leads to
	Store, Table, Key string // the key as check shows it
	Value             string // the final value it gets
	Line              int
}

// Accepted is a change for the worse that the admin accepts.
type Accepted struct {
	To, Name string // the release that the upgrade leads to, and what its bundle calls the change
	Line     int
}

// decisions are the words of the settings that decide something of one upgrade.
var decisions = []string{"conflict", "ended", "accept"}

// decide reads one line of them: what stands between its word and the last "=", and the value.
func (s *Settings) decide(word, what, value string, line int) error {
	switch word {
	case "conflict":
		c, err := conflict(what, value)
		if err != nil {
			return err
		}
		c.Line = line
		s.Conflicts = append(s.Conflicts, c)
	case "ended":
		e, err := ended(what, value)
		if err != nil {
			return err
		}
		e.Line = line
		s.Ended = append(s.Ended, e)
	default:
		to, name, _ := strings.Cut(what, " ")
		if to == "" || name == "" || value != "yes" {
			return fmt.Errorf("%s is not RELEASE NAME = yes, such as 2.0 roles = yes", short(what+" = "+value))
		}
		s.Accepted = append(s.Accepted, Accepted{To: to, Name: name, Line: line})
	}
	return nil
}

// conflict reads RELEASE FILE or RELEASE FILE:KEY. A line without the release is read too: its finding tells how to write it.
func conflict(what, value string) (Conflict, error) {
	c := Conflict{}
	if !strings.HasPrefix(what, "/") {
		c.To, what, _ = strings.Cut(what, " ")
	}
	target, key, more := strings.Cut(what, ":")
	if !more {
		key = "*"
	}
	if !strings.HasPrefix(target, "/") || key == "" {
		return c, fmt.Errorf("%s is not RELEASE FILE or RELEASE FILE:KEY, such as 2.0 /etc/product.conf:server.port", short(strings.TrimSpace(c.To+" "+what)))
	}
	c.Target, c.Key, c.Side = target, key, manifest.Side(value)
	if c.Side != manifest.Old && c.Side != manifest.New {
		return c, fmt.Errorf("%s is neither old (this host's value stays) nor new (the new release's is taken)", short(value))
	}
	return c, nil
}

// line is the line of the settings for an upgrade to a release.
func (c Conflict) line(to string) string {
	what := c.Target
	if c.Key != "*" {
		what += ":" + c.Key
	}
	return fmt.Sprintf("conflict %s %s = %s", to, what, c.Side)
}

func ended(what, value string) (Ended, error) {
	words := strings.SplitN(what, " ", 4)
	if len(words) < 4 || value == "" {
		return Ended{}, fmt.Errorf("%s is not RELEASE STORE TABLE KEY = VALUE, such as 2.0 storage executions 5e1f = failed", short(what+" = "+value))
	}
	return Ended{To: words[0], Store: words[1], Table: words[2], Key: words[3], Value: value}, nil
}

// edit is what the decision changes: a table of the manifest, nil when it has none such.
func (e Ended) edit(m *manifest.Manifest) (*manifest.StoreTable, manifest.StoreEdit, error) {
	for i := range m.Stores {
		for j := range m.Stores[i].Tables {
			if t := &m.Stores[i].Tables[j]; m.Stores[i].Name == e.Store && t.Table == e.Table {
				edit, err := t.EndedBy(e.Key, e.Value)
				return t, edit, err
			}
		}
	}
	return nil, manifest.StoreEdit{}, nil
}

// Apply has the upgrade of a manifest copy documents as the admin declared them.
func (s *Settings) Apply(m *manifest.Manifest) {
	for _, e := range s.Ended {
		if e.To != m.To {
			continue
		}
		if t, edit, err := e.edit(m); t != nil && err == nil {
			t.Edit = append(slices.Clip(t.Edit), edit)
		}
	}
}

// Accepts returns the line by which the admin accepts a change of the upgrade to a release, 0 for none.
func (s *Settings) Accepts(to, name string) int {
	for _, a := range s.Accepted {
		if a.To == to && a.Name == name {
			return a.Line
		}
	}
	return 0
}

// Decisions are what the admin decided about conflicts in the upgrade to a release: by file, then by key.
func (s *Settings) Decisions(to string) map[string]map[string]Conflict {
	all := map[string]map[string]Conflict{}
	for _, c := range s.Conflicts {
		if c.To != to {
			continue
		}
		if all[c.Target] == nil {
			all[c.Target] = map[string]Conflict{}
		}
		all[c.Target][c.Key] = c
	}
	return all
}
