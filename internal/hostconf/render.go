package hostconf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// context is where a value is written.
type context struct {
	old    *Node  // the value it replaces, for its quotes; nil for none
	like   Style  // of strings nearby
	quoted Style  // of keys nearby
	indent string // of the line of its key
	unit   string // one more level
	block  bool   // YAML by indentation; otherwise within braces
	wide   bool   // in braces: each key on a line of its own
	tight  bool   // "a":1 without a blank
}

func errKey(key string) error { return fmt.Errorf("%q cannot be a key of this file", key) }

// contextOf describes the surroundings of an entry.
func (e *editor) contextOf(have *Node, h *Entry) context {
	c := context{unit: e.unit(), block: have.Style == Block}
	start, _ := e.lineStart(h.start)
	c.indent = e.text[start:h.start]
	c.indent = c.indent[:len(c.indent)-len(strings.TrimLeft(c.indent, " \t"))]
	c.wide = start > have.start && !c.block
	c.tight = !c.block && h.Value.start == h.colon
	for _, k := range have.Keys {
		if k.Value.Kind == String && k.Value.Style != Block {
			c.like = k.Value.Style
			if k == h {
				break
			}
		}
	}
	switch e.text[h.start] {
	case '\'':
		c.quoted = Single
	case '"':
		c.quoted = Double
	}
	return c
}

// unit returns one level of indentation of this file.
func (e *editor) unit() string {
	for _, line := range strings.Split(e.text, "\n") {
		if body := strings.TrimLeft(line, " \t"); body != line && body != "" && body[0] != '#' {
			return line[:len(line)-len(body)]
		}
	}
	return "  "
}

func (e *editor) renderKey(key string, c context) string {
	if e.Format == "json" {
		return quoteJSON(key)
	}
	return quoteYAML(key, c.quoted, true)
}

// render writes a value; a text that starts with a line break belongs below its key.
func (e *editor) render(n *Node, c context) (string, error) {
	switch n.Kind {
	case Mapping:
		if c.block && len(n.Keys) > 0 && (c.old == nil || c.old.Style != Flow) {
			return e.renderBlock(n, c)
		}
		return e.renderBraces(n, c)
	case List:
		if c.block && len(n.Items) > 0 && (c.old == nil || c.old.Style != Flow) {
			return e.renderBlock(n, c)
		}
		return e.renderBraces(n, c)
	case String:
		if e.Format == "json" {
			return quoteJSON(n.Text), nil
		}
		s := c.like
		if c.old != nil && c.old.Kind == String {
			s = c.old.Style
		}
		if c.block && literalYAML.MatchString(n.Text) && (s == Block || c.old == nil && n.Style == Block) {
			in := "\n" + strings.Map(blank, c.indent) + "  "
			return "|" + in + strings.ReplaceAll(strings.TrimSuffix(n.Text, "\n"), "\n", in), nil
		}
		return quoteYAML(n.Text, s, !c.block), nil
	case Null:
		return "null", nil
	case Reference:
		if strings.Contains(n.Text, "\n") {
			return "", errors.New("a value with an anchor or a tag goes over lines")
		}
		return n.Text, nil
	}
	if e.Format == "json" && !jsonLiteral.MatchString(n.Text) {
		return "", fmt.Errorf("%s is no JSON number", n.Text)
	}
	return n.Text, nil
}

var jsonLiteral = regexp.MustCompile(`^(true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)$`)

func (e *editor) renderBraces(n *Node, c context) (string, error) {
	c.old, c.block = nil, false
	in := c
	in.indent += c.unit
	var parts []string
	open, shut := "{", "}"
	for _, k := range n.Keys {
		parts = append(parts, e.keyValue(k, in))
	}
	if n.Kind == List {
		open, shut = "[", "]"
		in.wide, in.indent = false, c.indent
		c.wide = false
		for _, v := range n.Items {
			text, err := e.render(v, in)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
	}
	if c.wide && len(parts) > 0 {
		return open + "\n" + in.indent + strings.Join(parts, ",\n"+in.indent) + "\n" + c.indent + shut, nil
	}
	if c.tight {
		return open + strings.Join(parts, ",") + shut, nil
	}
	return open + strings.Join(parts, ", ") + shut, nil
}

// renderBlock writes a list or mapping by indentation, below its key.
func (e *editor) renderBlock(n *Node, c context) (string, error) {
	c.old = nil
	if !strings.HasPrefix(c.unit, " ") {
		c.unit = "  "
	}
	in := c
	in.indent = strings.Map(blank, c.indent) + c.unit
	if c.wide { // the root
		in.indent, in.wide = c.indent, false
	}
	var b strings.Builder
	for _, k := range n.Keys {
		b.WriteString("\n" + in.indent + e.keyValue(k, in))
	}
	for _, v := range n.Items {
		item := in
		item.unit = "  "
		text, err := e.render(v, item)
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + in.indent + "- " + strings.TrimLeft(text, "\n "))
	}
	return b.String(), nil
}

// literalYAML is a text that can stand behind | as it is: lines of printable
// ASCII that neither start nor end with a blank, one line break at the end.
var literalYAML = regexp.MustCompile(`^(?:[!-~](?:[ -~]*[!-~])?\n)+$`)

// quoteYAML writes a string in the style of its neighbours if that can hold it.
func quoteYAML(s string, like Style, inFlow bool) string {
	oneLine := !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	})
	switch {
	case !oneLine || like == Double:
		return quoteDouble(s)
	case like == Single || !plainYAML(s, inFlow):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return s
}

// quoteDouble writes a YAML string in double quotes; what JSON escapes, YAML reads.
func quoteDouble(s string) string {
	return strings.ReplaceAll(quoteJSON(s), "\x7f", `\x7f`)
}

// surely is what a reader of any YAML version takes for a string without quotes.
var surely = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./@%+=,-]*([: ]?[A-Za-z0-9_./@%+=-]+)*$`)

var otherwise = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|none|nan|inf)$`)

func plainYAML(s string, inFlow bool) bool {
	return surely.MatchString(s) && !otherwise.MatchString(s) && !strings.Contains(s, ": ") && (!inFlow || !strings.ContainsAny(s, ",[]{}:"))
}
