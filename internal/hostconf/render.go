package hostconf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"onerpm/internal/hostconf/jsonsyntax"
	"onerpm/internal/hostconf/syntax"
)

// context is where a value is written.
type context struct {
	old    *syntax.Node // the value it replaces, for its quotes; nil for none
	like   syntax.Style // of strings nearby
	quoted syntax.Style // of keys nearby
	indent string       // of the line of its key
	unit   string       // one more level
	block  bool         // YAML by indentation; otherwise within braces
	wide   bool         // in braces: each key on a line of its own
	tight  bool         // "a":1 without a blank
}

// contextOf describes the surroundings of an entry.
func (e *editor) contextOf(have *syntax.Node, h *syntax.Entry) context {
	c := context{unit: e.unit(), block: have.Style == syntax.Block}
	start, _ := e.lineStart(h.Start)
	c.indent = e.text[start:h.Start]
	c.indent = c.indent[:len(c.indent)-len(strings.TrimLeft(c.indent, " \t"))]
	c.wide = start > have.Start && !c.block
	c.tight = !c.block && h.Value.Start == h.Colon
	for _, k := range have.Keys {
		if k.Value.Kind == syntax.String && k.Value.Style != syntax.Block {
			c.like = k.Value.Style
			if k == h {
				break
			}
		}
	}
	switch e.text[h.Start] {
	case '\'':
		c.quoted = syntax.Single
	case '"':
		c.quoted = syntax.Double
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
		return jsonsyntax.Quote(key)
	}
	return quoteYAML(key, c.quoted, true)
}

// render writes a value; a text that starts with a line break belongs below its key.
func (e *editor) render(n *syntax.Node, c context) (string, error) {
	switch n.Kind {
	case syntax.Mapping:
		if c.block && len(n.Keys) > 0 && (c.old == nil || c.old.Style != syntax.Flow) {
			return e.renderBlock(n, c)
		}
		return e.renderBraces(n, c)
	case syntax.List:
		if c.block && len(n.Items) > 0 && (c.old == nil || c.old.Style != syntax.Flow) {
			return e.renderBlock(n, c)
		}
		return e.renderBraces(n, c)
	case syntax.String:
		if e.Format == "json" {
			return jsonsyntax.Quote(n.Text), nil
		}
		s := c.like
		if c.old != nil && c.old.Kind == syntax.String {
			s = c.old.Style
		}
		if c.block && literalYAML.MatchString(n.Text) && (s == syntax.Block || c.old == nil && n.Style == syntax.Block) {
			in := "\n" + strings.Map(blank, c.indent) + "  "
			return "|" + in + strings.ReplaceAll(strings.TrimSuffix(n.Text, "\n"), "\n", in), nil
		}
		return quoteYAML(n.Text, s, !c.block), nil
	case syntax.Null:
		return "null", nil
	case syntax.Reference:
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

func (e *editor) renderBraces(n *syntax.Node, c context) (string, error) {
	c.old, c.block = nil, false
	in := c
	in.indent += c.unit
	var parts []string
	open, shut := "{", "}"
	for _, k := range n.Keys {
		parts = append(parts, e.keyValue(k, in))
	}
	if n.Kind == syntax.List {
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
func (e *editor) renderBlock(n *syntax.Node, c context) (string, error) {
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
func quoteYAML(s string, like syntax.Style, inFlow bool) string {
	oneLine := !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	})
	switch {
	case !oneLine || like == syntax.Double:
		return quoteDouble(s)
	case like == syntax.Single || !plainYAML(s, inFlow):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return s
}

// quoteDouble writes a YAML string in double quotes; what JSON escapes, YAML reads.
func quoteDouble(s string) string {
	return strings.ReplaceAll(jsonsyntax.Quote(s), "\x7f", `\x7f`)
}

// surely is what a reader of any YAML version takes for a string without quotes.
var surely = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./@%+=,-]*([: ]?[A-Za-z0-9_./@%+=-]+)*$`)

var otherwise = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|none|nan|inf)$`)

func plainYAML(s string, inFlow bool) bool {
	return surely.MatchString(s) && !otherwise.MatchString(s) && !strings.Contains(s, ": ") && (!inFlow || !strings.ContainsAny(s, ",[]{}:"))
}
