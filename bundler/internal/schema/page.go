package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Page is the reference of every key of every file, as Markdown: docs/keys.md.
func Page(c Comments) string {
	var b strings.Builder
	b.WriteString("# Every key\n\nThe files of a project, and all that may stand in them. What to write and why: [starting a project](starting-a-project.md) and [writing a jump](writing-a-jump.md).\n" +
		"This page is made from what the bundler reads (`make generate`), as the schemas for editors are (`bundler schema`).\n\n" +
		"In the column *must*, a key with a dot must be there, and not be empty. `[]` is each item of a list, `<name>` each key of a mapping. A time is written `500ms`, `60s` or `5m`. Which keys go together, `bundler check` tells.\n")
	for _, f := range Files {
		root := f.tree(c)
		p := pager{out: &b, defs: root.Defs, at: map[string]string{}}
		fmt.Fprintf(&b, "\n## %s\n", "`"+f.Where+"`")
		p.table("", root)
		for len(p.next) > 0 {
			path := p.next[0]
			p.next = p.next[1:]
			d := p.defs[p.named[path]]
			fmt.Fprintf(&b, "\n### `%s`\n", path)
			if d.Description != "" {
				b.WriteString("\n" + cell(d.Description) + "\n")
			}
			p.table(path, d)
		}
	}
	return b.String()
}

// pager writes the tables of one file.
type pager struct {
	out   *strings.Builder
	defs  map[string]*node
	at    map[string]string // definition -> the path under which it stands
	named map[string]string // and back
	next  []string          // paths that are still to be written
}

func (p *pager) table(path string, n *node) {
	p.out.WriteString("\n| key | must | value | what it is |\n| --- | --- | --- | --- |\n")
	var seen []string
	for _, form := range append([]*node{n}, n.AnyOf...) {
		for _, f := range form.Properties {
			if slices.Contains(seen, f.key) {
				continue // in another form of the same value
			}
			seen = append(seen, f.key)
			full := f.key
			if path != "" {
				full = path + "." + f.key
			}
			must := ""
			if slices.Contains(form.Required, f.key) && len(n.AnyOf) == 0 {
				must = "•"
			}
			value, text := p.value(full, f.node), f.node.Description
			if text == "" && f.node.Ref != "" {
				text = p.defs[strings.TrimPrefix(f.node.Ref, defs)].Description
			}
			fmt.Fprintf(p.out, "| `%s` | %s | %s | %s |\n", f.key, must, value, cell(text))
		}
	}
}

const defs = "#/$defs/"

// value says in words what may stand there; a mapping is put among those that get a table.
func (p *pager) value(path string, n *node) string {
	switch items, isMap := n.More.(*node); {
	case n.Ref != "":
		return p.link(path, strings.TrimPrefix(n.Ref, defs))
	case n.Items != nil:
		return "list: " + p.value(path+"[]", n.Items)
	case isMap:
		return "mapping: " + p.value(path+".<name>", items)
	case n.Enum != nil:
		return "`" + strings.Join(n.Enum, "`, `") + "`"
	case n.Type == "boolean":
		return "true or false"
	case n.Type == "integer":
		return "number" + bounds(n)
	case n.Pattern == duration:
		return "time"
	case n.Type == nil:
		return "any value"
	}
	return "text"
}

func bounds(n *node) string {
	switch {
	case n.Minimum == nil:
		return ""
	case n.Maximum == nil:
		return fmt.Sprintf(", at least %d", *n.Minimum)
	}
	return fmt.Sprintf(", %d to %d", *n.Minimum, *n.Maximum)
}

// link leads to a definition's table; it stands under the first path that has it.
func (p *pager) link(path, name string) string {
	if _, known := p.at[name]; !known {
		p.at[name] = path
		if p.named == nil {
			p.named = map[string]string{}
		}
		p.named[path] = name
		p.next = append(p.next, path)
	}
	kind := "[mapping](#" + anchor(p.at[name]) + ")"
	if len(p.defs[name].AnyOf) > 0 {
		kind = "a value, or a " + kind
	}
	return kind
}

// anchor is what a page's reader makes of a heading's text.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

// cell keeps a text from being taken for Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*", "[", "\\[", "]", "\\]", "_", "\\_").Replace(text)
}
