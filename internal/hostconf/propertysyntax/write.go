package propertysyntax

import (
	"errors"
	"fmt"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// WriteOver writes a value in the place of an entry's.
func WriteOver(v *syntax.Node, old *syntax.Entry) (string, error) {
	sep := old.Value.Sep
	if strings.Contains(sep, "\n") { // the sign and the value are on two lines
		sep = sep[strings.LastIndexByte(sep, '\n')+1:]
		if strings.ContainsAny(old.Value.Sep, "=:") {
			sep = "=" + sep
		}
	}
	add := ""
	if sep == "" && v.Text != "" { // a key alone
		sep, add = "=", "="
	}
	text, err := value(v, "k"+sep)
	return add + text, err
}

// WriteLine writes a key in the way of the one near it, nil for none.
func WriteLine(w, near *syntax.Entry) (string, error) {
	sep := w.Value.Sep
	if near != nil {
		sep = near.Value.Sep
	}
	switch {
	case strings.Contains(sep, "\n") && strings.HasPrefix(sep, " "):
		sep = " = "
	case sep == "" || strings.Contains(sep, "\n"):
		sep = "="
	}
	before := escaped(w.Key, true) + sep
	text, err := value(w.Value, before)
	if err != nil {
		return "", err
	}
	if n, err := Parse([]byte(before + text)); err != nil || n.Get(w.Key) == nil {
		return "", fmt.Errorf("%q cannot be a key of this file", w.Key)
	}
	return before + text, nil
}

// value writes a value as the file had it that it is from, if that says the same behind what stands before it here; or else with escapes.
func value(v *syntax.Node, before string) (string, error) {
	if v.Kind == syntax.List || v.Kind == syntax.Mapping || v.Kind == syntax.Reference {
		return "", errors.New("a list or mapping cannot be a value of a .properties file")
	}
	t := v.Text
	if v.Kind == syntax.Null {
		t = ""
	}
	if raw := strings.ReplaceAll(v.Raw, "\r\n", "\n"); raw != "" && plain(raw) && says(before+raw, t) {
		return raw, nil
	}
	text := escaped(t, false)
	if !says(before+text, t) { // blanks alone part it from its key, and it begins with a sign that would do so too
		text = `\` + text
	}
	if !says(before+text, t) {
		return "", errors.New("a value would be read as something else")
	}
	return text, nil
}

// plain reports whether a text reads alike in every encoding.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

// says reports whether a line of one key has a value.
func says(line, want string) bool {
	n, err := Parse([]byte(line))
	return err == nil && len(n.Keys) == 1 && n.Keys[0].Value.Text == want
}
