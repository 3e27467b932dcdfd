package config

import (
	"regexp"
	"slices"
	"strings"
)

var placeholder = regexp.MustCompile(`<<([A-Za-z_][A-Za-z0-9_.-]*)>>`)

// template is a text with placeholders: lits[0] names[0] lits[1] ... lits[n].
type template struct {
	lits  []string
	names []string
}

func parseTemplate(s string) template {
	var t template
	end := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(s, -1) {
		t.lits = append(t.lits, s[end:m[0]])
		t.names = append(t.names, s[m[2]:m[3]])
		end = m[1]
	}
	t.lits = append(t.lits, s[end:])
	return t
}

// hasPlaceholder tells whether s holds one.
func hasPlaceholder(s string) bool { return strings.Contains(s, "<<") && placeholder.MatchString(s) }

// canonical returns s with the names of its placeholders left out, so that
// texts that differ only there are equal.
func canonical(s string) string {
	if !strings.Contains(s, "<<") {
		return s
	}
	return placeholder.ReplaceAllLiteralString(s, "<<>>")
}

// whole tells whether the template is one placeholder and nothing else.
func (t template) whole() bool { return len(t.names) == 1 && t.lits[0] == "" && t.lits[1] == "" }

// weight is how much of the template is fixed, in bytes.
func (t template) weight() int {
	n := 0
	for _, l := range t.lits {
		n += len(l)
	}
	return n
}

// match tells whether s has the template's shape, and what stands for each name.
// A name whose part of s can be cut in more than one way gets no value.
func (t template) match(s string) (map[string]string, bool) {
	if len(t.names) == 0 {
		return nil, s == t.lits[0]
	}
	early, ok := t.cut(s, true)
	if !ok {
		return nil, false
	}
	late, _ := t.cut(s, false)
	found := map[string]string{}
	var unsure []string
	for i, name := range t.names {
		v, again := found[name]
		if early[i] != late[i] || again && v != early[i] {
			unsure = append(unsure, name)
		}
		found[name] = early[i]
	}
	for _, name := range unsure {
		delete(found, name)
	}
	return found, true
}

// cut splits s at the literals, each as early or as late as possible.
func (t template) cut(s string, early bool) ([]string, bool) {
	n := len(t.names)
	first, last := t.lits[0], t.lits[n]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return nil, false
	}
	rest := s[len(first) : len(s)-len(last)]
	parts := make([]string, 0, n)
	if early {
		for _, lit := range t.lits[1:n] {
			i := strings.Index(rest, lit)
			if i < 0 {
				return nil, false
			}
			parts = append(parts, rest[:i])
			rest = rest[i+len(lit):]
		}
		return append(parts, rest), true
	}
	for k := n - 1; k >= 1; k-- {
		i := strings.LastIndex(rest, t.lits[k])
		if i < 0 {
			return nil, false
		}
		parts = append(parts, rest[i+len(t.lits[k]):])
		rest = rest[:i]
	}
	parts = append(parts, rest)
	slices.Reverse(parts)
	return parts, true
}

// fill puts values in; missing are the names that value does not know.
func (t template) fill(value func(name string) (string, bool)) (s string, missing []string) {
	var b strings.Builder
	for i, name := range t.names {
		b.WriteString(t.lits[i])
		v, ok := value(name)
		if !ok {
			missing = append(missing, name)
		}
		b.WriteString(v)
	}
	b.WriteString(t.lits[len(t.names)])
	return b.String(), missing
}

// captures are the host's values behind placeholders.
type captures map[string][]*node

func (c captures) add(name string, n *node) {
	if !slices.ContainsFunc(c[name], func(o *node) bool { return equal(o, n) }) {
		c[name] = append(c[name], n)
	}
}

// get returns the one value that stands behind name; false when there is none or more than one.
func (c captures) get(name string) (*node, bool) {
	if v := c[name]; len(v) == 1 {
		return v[0], true
	}
	return nil, false
}
