package tomlsyntax

import (
	"errors"
	"regexp"
	"strings"

	"onerpm/internal/hostconf/jsonsyntax"
	"onerpm/internal/hostconf/syntax"
)

var bare = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// WriteKey writes one key.
func WriteKey(key string) string {
	if bare.MatchString(key) {
		return key
	}
	return double(key)
}

// IsBlock reports whether a value is written below lines [header] or [[header]].
func IsBlock(n *syntax.Node) bool {
	switch n.Kind {
	case syntax.Mapping:
		return n.Style == syntax.Block || n.Style == syntax.Plain // a mapping that no file has yet
	case syntax.List:
		return n.Style == syntax.Block && IsTables(n)
	}
	return false
}

// IsTables reports whether a list can be an array of tables.
func IsTables(n *syntax.Node) bool {
	for _, v := range n.Items {
		if v.Kind != syntax.Mapping {
			return false
		}
	}
	return n.Kind == syntax.List && len(n.Items) > 0
}

// WriteBlock writes a value below its header, whose keys, joined by dots, are path.
func WriteBlock(path string, n *syntax.Node) ([]string, error) {
	if n.Kind == syntax.Mapping {
		body, err := writeBody(path, n)
		return append([]string{"[" + path + "]"}, body...), err
	}
	var out []string
	for _, item := range n.Items {
		body, err := writeBody(path, item)
		if err != nil {
			return nil, err
		}
		out = append(append(out, "[["+path+"]]"), body...)
	}
	return out, nil
}

func writeBody(path string, n *syntax.Node) ([]string, error) {
	var own, below []string
	for _, k := range n.Keys {
		if IsBlock(k.Value) {
			block, err := WriteBlock(path+"."+WriteKey(k.Key), k.Value)
			if err != nil {
				return nil, err
			}
			below = append(below, block...)
			continue
		}
		lines, err := WriteLines("", k, " = ")
		if err != nil {
			return nil, err
		}
		own = append(own, lines...)
	}
	return append(own, below...), nil
}

// WriteLines writes a key with its value as lines, before is what stands before the key: one line, or one for each of the values below a
// mapping that is written with dots.
func WriteLines(before string, k *syntax.Entry, sep string) ([]string, error) {
	if v := k.Value; v.Kind == syntax.Mapping && v.Style == syntax.Dotted && len(v.Keys) > 0 {
		var out []string
		for _, b := range v.Keys {
			lines, err := WriteLines(before+WriteKey(k.Key)+".", b, sep)
			if err != nil {
				return nil, err
			}
			out = append(out, lines...)
		}
		return out, nil
	}
	value, err := WriteValue(k.Value, nil)
	return []string{before + WriteKey(k.Key) + sep + value}, err
}

// WriteValue writes a value on the line of its key: in the quotes of the one that it replaces, nil for none, if they can hold it.
func WriteValue(n, old *syntax.Node) (string, error) {
	if raw := strings.ReplaceAll(n.Raw, "\r\n", "\n"); raw != "" && (old == nil || n.Kind != syntax.String || n.Style == syntax.Block) && says(raw, n) {
		return raw, nil
	}
	switch n.Kind {
	case syntax.String:
		return quote(n, old), nil
	case syntax.Number, syntax.Bool, syntax.Time:
		return n.Text, nil
	case syntax.Mapping, syntax.List:
		return inBraces(n)
	}
	return "", errors.New("TOML has no value for nothing")
}

// says reports whether a text is a value.
func says(raw string, want *syntax.Node) bool {
	n, err := Parse([]byte("k = " + raw))
	return err == nil && len(n.Keys) == 1 && syntax.Equal(n.Keys[0].Value, want)
}

func inBraces(n *syntax.Node) (string, error) {
	var parts []string
	for _, v := range n.Items {
		text, err := WriteValue(v, nil)
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	if n.Kind == syntax.List {
		return "[" + strings.Join(parts, ", ") + "]", nil
	}
	for _, k := range n.Keys {
		lines, err := WriteLines("", k, " = ")
		if err != nil {
			return "", err
		}
		parts = append(parts, lines...)
	}
	if len(parts) == 0 {
		return "{}", nil
	}
	return "{ " + strings.Join(parts, ", ") + " }", nil
}

// quote writes a string in the quotes of another one if they can hold it.
func quote(n, old *syntax.Node) string {
	like, raw := n.Style, n.Raw
	if old != nil && old.Kind == syntax.String {
		like, raw = old.Style, old.Raw
	}
	literal := !strings.ContainsFunc(n.Text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f })
	lines := strings.Contains(n.Text, "\n")
	switch {
	case like == syntax.Single && literal && !lines && !strings.Contains(n.Text, "'"):
		return "'" + n.Text + "'"
	case like == syntax.Block && lines && literal && strings.HasPrefix(raw, "'") && !strings.Contains(n.Text, "''") && !strings.HasSuffix(n.Text, "'"):
		return "'''\n" + n.Text + "'''"
	case like == syntax.Block && lines:
		parts := strings.Split(n.Text, "\n")
		for i, p := range parts {
			inner := double(p)
			parts[i] = inner[1 : len(inner)-1]
		}
		return `"""` + "\n" + strings.Join(parts, "\n") + `"""`
	}
	return double(n.Text)
}

// double writes a string in double quotes; what JSON escapes, TOML reads.
func double(s string) string { return strings.ReplaceAll(jsonsyntax.Quote(s), "\x7f", `\u007F`) }
