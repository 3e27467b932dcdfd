package envsyntax

import (
	"errors"
	"fmt"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// WriteLine writes an assignment in the way of the one near it, nil for none. What the
// release exports is exported: a shell passes nothing else on.
func WriteLine(w, near *syntax.Entry) (string, error) {
	if w.Value.Kind == syntax.Line {
		return w.Value.Text, nil
	}
	style, sep, export, section := syntax.Plain, "=", "", ""
	if near != nil {
		section = near.Value.Section
	}
	if near != nil && near.Value.Kind != syntax.Line {
		style, sep = near.Value.Style, near.Value.Sep
	}
	if w.Value.Exported || near != nil && near.Value.Exported {
		export = "export "
	}
	if w.Value.Sep != "" {
		sep = w.Value.Sep
	}
	if w.Value.Style == syntax.Plain && style != syntax.Double {
		style = syntax.Plain
	}
	text, err := WriteValue(w.Value, style, export != "")
	if err != nil {
		return "", err
	}
	key := strings.TrimPrefix(w.Key, section)
	line := export + key + sep + text
	if m := assignment.FindStringSubmatch(line); m == nil || m[2] != key {
		return "", fmt.Errorf("%q cannot be a key of this file", w.Key)
	}
	return line, nil
}

// WriteOver writes a value in the place of an entry's.
func WriteOver(v *syntax.Node, old *syntax.Entry) (string, error) {
	return WriteValue(v, old.Value.Style, old.Value.Exported)
}

// WriteValue writes a value in the style of the one it replaces if that can hold it;
// shell reports whether a shell reads its line, or else maybe systemd.
func WriteValue(v *syntax.Node, s syntax.Style, shell bool) (string, error) {
	if v.Kind == syntax.List || v.Kind == syntax.Mapping || v.Kind == syntax.Reference {
		return "", errors.New("a list or mapping cannot be a value of an env file")
	}
	t := v.Text
	if v.Kind == syntax.Null {
		t = ""
	}
	if strings.ContainsRune(t, '\r') {
		return "", errors.New("a carriage return cannot be in a value of an env file")
	}
	bare := !strings.ContainsAny(t, "\"'`$\\#;&|<>()*?[]~! \t\n")
	switch {
	case bare && s == syntax.Plain:
		return t, nil
	case writtenAs(v, t, shell) && (!bare || v.Style == s): // as the release wrote it
		return v.Raw, nil
	case !shell && s == syntax.Plain && v.Style == syntax.Plain && v.Raw != "" && !strings.ContainsAny(t, "\"'`$\\#\n") && t == strings.TrimSpace(t):
		return t, nil // as systemd reads it, and the release writes it
	case !v.Expands && s != syntax.Double && !strings.Contains(t, "'"):
		return "'" + t + "'", nil
	}
	special := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	if !v.Expands {
		special = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`)
	}
	return `"` + special.Replace(t) + `"`, nil
}

// writtenAs reports whether the bytes that n was read from still say t, and say it there.
func writtenAs(n *syntax.Node, t string, shell bool) bool {
	if n.Raw == "" {
		return false
	}
	again, err := readValue(n.Raw, 0, shell)
	return err == nil && again.End == len(n.Raw) && again.Text == t && again.Expands == n.Expands
}
