// Package placeholder knows the placeholders <<name>> of a release's files: each stands for
// a value of the host's own.
package placeholder

import (
	"regexp"
	"slices"
	"strings"
)

var form = regexp.MustCompile(`<<([A-Za-z_][A-Za-z0-9_.-]*)>>`)

// Template is a text with placeholders: lits[0] Names[0] lits[1] ... lits[n].
type Template struct {
	Names []string
	lits  []string
}

// Parse cuts a text at its placeholders.
func Parse(s string) Template {
	var t Template
	end := 0
	for _, m := range form.FindAllStringSubmatchIndex(s, -1) {
		t.lits = append(t.lits, s[end:m[0]])
		t.Names = append(t.Names, s[m[2]:m[3]])
		end = m[1]
	}
	t.lits = append(t.lits, s[end:])
	return t
}

// In reports whether s holds a placeholder.
func In(s string) bool { return strings.Contains(s, "<<") && form.MatchString(s) }

// Canonical returns s with the names of its placeholders left out, so that
// texts that differ only there are equal.
func Canonical(s string) string {
	if !strings.Contains(s, "<<") {
		return s
	}
	return form.ReplaceAllLiteralString(s, "<<>>")
}

// Whole reports whether the template is one placeholder and nothing else.
func (t Template) Whole() bool { return len(t.Names) == 1 && t.lits[0] == "" && t.lits[1] == "" }

// Weight is how much of the template is fixed, in bytes.
func (t Template) Weight() int {
	n := 0
	for _, l := range t.lits {
		n += len(l)
	}
	return n
}

// Match reports whether s has the template's shape, and what stands for each name.
// A name whose part of s can be cut in more than one way gets no value.
func (t Template) Match(s string) (map[string]string, bool) {
	if len(t.Names) == 0 {
		return nil, s == t.lits[0]
	}
	early, ok := t.cut(s, true)
	if !ok {
		return nil, false
	}
	late, _ := t.cut(s, false)
	found := map[string]string{}
	var unsure []string
	for i, name := range t.Names {
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
func (t Template) cut(s string, early bool) ([]string, bool) {
	n := len(t.Names)
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

// Fill puts values in; missing are the names that value does not know.
func (t Template) Fill(value func(name string) (string, bool)) (s string, missing []string) {
	var b strings.Builder
	for i, name := range t.Names {
		b.WriteString(t.lits[i])
		v, ok := value(name)
		if !ok {
			missing = append(missing, name)
		}
		b.WriteString(v)
	}
	b.WriteString(t.lits[len(t.Names)])
	return b.String(), missing
}
