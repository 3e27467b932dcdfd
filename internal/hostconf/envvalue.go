package hostconf

import (
	"errors"
	"strings"
)

var errOpenQuote = errors.New("a quote that is not closed")

// envValue reads the value that starts at start: as a shell does on a line with
// export, otherwise as systemd does, which knows quotes only where a value starts. A
// comment behind quotes is one for both. What even so is no one value is marked as unclear
// and taken as it stands on its line.
func envValue(text string, start int, exported bool) (*Node, error) {
	n := &Node{Kind: String, start: start, Style: Plain}
	if start < len(text) {
		switch text[start] {
		case '\'':
			n.Style = Single
		case '"':
			n.Style = Double
		}
	}
	r := envReader{text: text, pos: start, eol: lineEnd(text, start), shell: exported}
	for !r.ended && r.pos < r.eol {
		if err := r.part(); err != nil {
			return nil, err
		}
	}
	if r.unclear {
		n.Style, n.end = Plain, start+len(strings.TrimRight(text[start:lineEnd(text, start)], " \t"))
		n.Text = text[start:n.end]
	} else {
		n.end, n.expands = max(start, r.end), r.expands
		n.Text = r.out.String()[:r.out.Len()-r.gap]
	}
	n.raw, n.unclear = text[start:n.end], r.unclear
	return n, nil
}

// envReader takes a value apart.
type envReader struct {
	text    string
	pos     int
	eol     int // of the line that pos is in
	shell   bool
	out     strings.Builder
	end     int  // behind the last byte that belongs to the value
	gap     int  // blanks outside of quotes that were read last
	quoted  bool // a part in quotes was read
	plain   bool // a character outside of quotes was read
	expands bool // a shell would put something in
	unclear bool
	ended   bool
}

// part reads one character or one part in quotes.
func (r *envReader) part() error {
	c := r.text[r.pos]
	switch {
	case c == ' ' || c == '\t':
		r.out.WriteByte(c)
		r.gap++
		r.pos++
		return nil
	case c == '#' && r.gap > 0 && (r.shell || r.quoted):
		r.ended = true
		return nil
	case r.gap > 0 && (r.shell || r.quoted): // the next word
		r.unclear, r.ended = true, true
		return nil
	}
	r.gap = 0
	switch quotes := r.shell || !r.plain; {
	case c == '\'' && quotes:
		return r.single()
	case c == '"' && quotes:
		return r.double()
	case c == '\\':
		r.plain = true
		r.escaped("")
		return nil
	case c == '$' || c == '`':
		r.expands = true
	}
	r.out.WriteByte(c)
	r.pos++
	r.end, r.plain = r.pos, true
	return nil
}

// escaped reads a backslash and what follows it: a line break goes, one of only
// (any, when that is empty) stands for itself.
func (r *envReader) escaped(only string) {
	r.pos++
	rest := r.text[r.pos:]
	switch {
	case strings.HasPrefix(rest, "\n"):
		r.pos++
	case strings.HasPrefix(rest, "\r\n"):
		r.pos += 2
	case rest == "" || only != "" && !strings.Contains(only, rest[:1]):
		r.out.WriteByte('\\')
	default:
		r.out.WriteByte(rest[0])
		r.pos++
	}
	r.end = r.pos
	r.line()
}

// line finds the end of the line again when a part went over it.
func (r *envReader) line() {
	if r.pos > r.eol {
		r.eol = lineEnd(r.text, r.pos)
	}
}

func (r *envReader) single() error {
	i := strings.IndexByte(r.text[r.pos+1:], '\'')
	if i < 0 {
		return errOpenQuote
	}
	r.out.WriteString(r.text[r.pos+1 : r.pos+1+i])
	r.pos += i + 2
	r.end, r.quoted = r.pos, true
	r.line()
	return nil
}

func (r *envReader) double() error {
	r.pos++
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case '"':
			r.pos++
			r.end, r.quoted = r.pos, true
			r.line()
			return nil
		case '\\':
			r.escaped("\"\\`$")
			continue
		case '$', '`':
			r.expands = true
			fallthrough
		default:
			r.out.WriteByte(c)
			r.pos++
		}
	}
	return errOpenQuote
}

// envLine writes an assignment in the way of the one near it, nil for none.
func envLine(w, near *Entry) (string, error) {
	if w.Value.Kind == Line {
		return w.Value.Text, nil
	}
	style, sep, export := Plain, "=", ""
	if near != nil && near.Value.Kind != Line {
		style, sep = near.Value.Style, near.Value.sep
		if near.Value.exported {
			export = "export "
		}
	}
	if w.Value.sep != "" {
		sep = w.Value.sep
	}
	if w.Value.Style == Plain && style != Double {
		style = Plain
	}
	text, err := renderEnv(w.Value, style, export != "")
	if err != nil {
		return "", err
	}
	key := strings.TrimPrefix(w.Key, w.Value.section)
	line := export + key + sep + text
	if m := assignment.FindStringSubmatch(line); m == nil || m[2] != key {
		return "", errKey(w.Key)
	}
	return line, nil
}

// renderEnv writes a value in the style of the one it replaces if that can hold it;
// shell tells whether a shell reads its line, or else maybe systemd.
func renderEnv(v *Node, s Style, shell bool) (string, error) {
	if v.Kind == List || v.Kind == Mapping || v.Kind == Reference {
		return "", errors.New("a list or mapping cannot be a value of an env file")
	}
	t := v.Text
	if v.Kind == Null {
		t = ""
	}
	if strings.ContainsRune(t, '\r') {
		return "", errors.New("a carriage return cannot be in a value of an env file")
	}
	bare := !strings.ContainsAny(t, "\"'`$\\#;&|<>()*?[]~! \t\n")
	switch {
	case bare && s == Plain:
		return t, nil
	case v.writtenAs(t, shell) && (!bare || v.Style == s): // as the release wrote it
		return v.raw, nil
	case !shell && s == Plain && v.Style == Plain && v.raw != "" && !strings.ContainsAny(t, "\"'`$\\#\n") && t == strings.TrimSpace(t):
		return t, nil // as systemd reads it, and the release writes it
	case !v.expands && s != Double && !strings.Contains(t, "'"):
		return "'" + t + "'", nil
	}
	special := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	if !v.expands {
		special = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`)
	}
	return `"` + special.Replace(t) + `"`, nil
}

// writtenAs tells whether the bytes that n was read from still say t, and say it there.
func (n *Node) writtenAs(t string, shell bool) bool {
	if n.raw == "" {
		return false
	}
	again, err := envValue(n.raw, 0, shell)
	return err == nil && again.end == len(n.raw) && again.Text == t && again.expands == n.expands
}
