package notes

import (
	"html/template"
	"net/url"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// headings are those of notes on a page, by their level; deeper ones are like the last. Those above are the page's own.
var headings = []string{"h4", "h5"}

// HTML renders notes for a page: paragraphs, headings, lists, quotes, code, emphasis, rules and links to http, https and mailto.
// HTML in them, pictures and other links are shown as the text that they are.
func HTML(notes string) template.HTML {
	source := []byte(notes)
	p := parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...), parser.WithInlineParsers(parser.DefaultInlineParsers()...),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...))
	w := &writer{source: source}
	w.children(p.Parse(text.NewReader(source)))
	return template.HTML(w.b.String()) //nolint:gosec // made of fixed elements and escaped text alone
}

// writer writes the nodes that it knows, and the text of those that it does not.
type writer struct {
	source []byte
	b      strings.Builder
}

func (w *writer) text(s string) { w.b.WriteString(template.HTMLEscapeString(s)) }

func (w *writer) children(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		w.node(c)
	}
}

// in writes a node's children in an element.
func (w *writer) in(element string, n ast.Node) {
	w.b.WriteString("<" + element + ">")
	w.children(n)
	w.b.WriteString("</" + element + ">")
}

func (w *writer) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Paragraph:
		w.in("p", n)
	case *ast.Heading:
		w.in(headings[min(n.Level, len(headings))-1], n)
	case *ast.List:
		w.in(map[bool]string{true: "ol", false: "ul"}[n.IsOrdered()], n)
	case *ast.ListItem:
		w.in("li", n)
	case *ast.Blockquote:
		w.in("blockquote", n)
	case *ast.ThematicBreak:
		w.b.WriteString("<hr>")
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		w.b.WriteString("<pre><code>")
		w.lines(n)
		w.b.WriteString("</code></pre>")
	case *ast.HTMLBlock:
		w.b.WriteString("<p>")
		w.lines(n)
		if n.HasClosure() {
			w.text(string(n.ClosureLine.Value(w.source)))
		}
		w.b.WriteString("</p>")
	default:
		w.inline(n)
	}
}

func (w *writer) inline(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		w.text(unescaped(n.Segment.Value(w.source)))
		switch {
		case n.HardLineBreak():
			w.b.WriteString("<br>")
		case n.SoftLineBreak():
			w.b.WriteString("\n")
		}
	case *ast.String:
		w.text(string(n.Value))
	case *ast.CodeSpan:
		w.b.WriteString("<code>")
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			if t, is := c.(*ast.Text); is {
				w.text(strings.ReplaceAll(string(t.Segment.Value(w.source)), "\n", " "))
			}
		}
		w.b.WriteString("</code>")
	case *ast.Emphasis:
		w.in(map[bool]string{true: "strong", false: "em"}[n.Level == 2], n)
	case *ast.Link:
		w.link(string(n.Destination), func() { w.children(n) })
	case *ast.AutoLink:
		at, label := string(n.URL(w.source)), string(n.Label(w.source))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(at), "mailto:") {
			at = "mailto:" + at
		}
		w.link(at, func() { w.text(label) })
	case *ast.RawHTML:
		for i := range n.Segments.Len() {
			s := n.Segments.At(i)
			w.text(string(s.Value(w.source)))
		}
	default: // a picture is its description
		w.children(n)
	}
}

// link writes a link to where a page may lead, and else its text alone.
func (w *writer) link(to string, label func()) {
	u, err := url.Parse(unescaped([]byte(to)))
	if err != nil || u.Scheme != "mailto" && (u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		label()
		return
	}
	w.b.WriteString(`<a href="` + template.HTMLEscapeString(u.String()) + `" rel="noreferrer">`)
	label()
	w.b.WriteString("</a>")
}

// lines writes the lines of a block as they are.
func (w *writer) lines(n ast.Node) {
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		w.text(string(line.Value(w.source)))
	}
}

// unescaped takes the backslashes of Markdown out, and resolves its entities: HTML's are not the writer's.
func unescaped(b []byte) string {
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(b))))
}
