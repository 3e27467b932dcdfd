// Package shown is how values of a configuration file are shown to people: bounded, and without secrets.
package shown

import (
	"strings"
	"unicode/utf8"

	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/redact"
)

// Absent is the value of a key or file that is not there, where one has to be shown.
const Absent = "(absent)"

// most bounds a value in a report, in bytes.
const most = 200

// Value returns the value at a key as reports may have it; Absent for nil.
func Value(path string, n *syntax.Node) string {
	switch {
	case n == nil:
		return Absent
	case n.Secret:
		return redact.Hidden
	}
	return shorten(display(path, n))
}

// display writes n for people, secrets within hidden. Whether a switch is on is no secret.
func display(path string, n *syntax.Node) string {
	switch n.Kind {
	case syntax.Null:
		return "null"
	case syntax.Bool:
		return n.Text
	case syntax.List:
		parts := make([]string, len(n.Items))
		for i, v := range n.Items {
			parts[i] = display(path, v)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case syntax.Mapping:
		parts := make([]string, len(n.Keys))
		for i, e := range n.Keys {
			parts[i] = e.Key + ": " + display(syntax.Join(path, e.Key), e.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case syntax.Line:
		return redact.Lines([]string{n.Text})[0]
	}
	text := redact.Hidden
	if !n.Secret && !redact.Secret(path, n.Text) {
		text = redact.Value(n.Text)
	}
	if n.Kind == syntax.String && text != redact.Hidden {
		return `"` + text + `"`
	}
	return text
}

// Lines returns lines, whose secrets are hidden already, as reports may have them; Absent for none.
func Lines(lines []string) string {
	if len(lines) == 0 {
		return Absent
	}
	return shorten(strings.ToValidUTF8(strings.Join(lines, "\n"), "?"))
}

func shorten(s string) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
