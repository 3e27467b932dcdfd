package inisyntax

import (
	"errors"
	"fmt"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// deeper is how much deeper than its key a value's further lines are indented.
const deeper = "    "

// WriteOver writes a value in the place of an entry's. Behind each line break stands what its line is indented deeper than the key's.
func WriteOver(v *syntax.Node, old *syntax.Entry) (string, error) {
	text, err := value(v)
	if old.Value.Start == old.Colon && strings.HasPrefix(old.Value.Sep, " ") && text != "" && text[0] != '\n' {
		text = " " + text // nothing stood behind the sign of "key ="
	}
	return text, err
}

// WriteLine writes a key in the way of the one near it, nil for none. Line breaks are as with WriteOver.
func WriteLine(w, near *syntax.Entry) (string, error) {
	text, err := value(w.Value)
	if err != nil {
		return "", err
	}
	sep := w.Value.Sep
	if near != nil {
		sep = near.Value.Sep
	}
	switch {
	case sep == "":
		sep = " = "
	case strings.HasPrefix(sep, " ") && strings.TrimRight(sep, " \t") == sep:
		sep += " "
	}
	if text == "" || text[0] == '\n' {
		sep = strings.TrimRight(sep, " \t")
	}
	line := w.Key + sep + text
	if n, err := Parse([]byte(line)); err != nil || len(n.Keys) != 1 || n.Keys[0].Key != w.Key {
		return "", fmt.Errorf("%q cannot be a key of this file", w.Key)
	}
	return line, nil
}

// WriteHeader writes the line of a section.
func WriteHeader(name string) (string, error) {
	line := "[" + name + "]"
	if n, err := Parse([]byte(line)); err != nil || n.Get(name) == nil {
		return "", fmt.Errorf("%q cannot be the name of a section", name)
	}
	return line, nil
}

// value writes a value. One that no file has yet must be read alike by all.
func value(v *syntax.Node) (string, error) {
	if v.Kind == syntax.List || v.Kind == syntax.Mapping || v.Kind == syntax.Reference {
		return "", errors.New("a list or mapping cannot be a value of an INI file")
	}
	t := v.Text
	if v.Kind == syntax.Null {
		t = ""
	}
	if doubt := unclear(t); doubt != "" && v.Raw == "" {
		return "", fmt.Errorf("a value that is set %s", doubt)
	}
	lines := strings.Split(t, "\n")
	for i, line := range lines {
		again := "k = " + line
		if i > 0 && line != "" {
			again = "k =\n " + line
			lines[i] = deeper + line
		}
		n, err := Parse([]byte(again))
		if err != nil || strings.TrimPrefix(n.Get("k").Text, "\n") != line || i > 0 && i == len(lines)-1 && line == "" {
			return "", fmt.Errorf("line %d of a value would be read as something else in an INI file", i+1)
		}
	}
	return strings.Join(lines, "\n"), nil
}
