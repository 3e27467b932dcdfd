package notes

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"# New\n\n- a\tb ü\n": "", strings.Repeat("x", MaxBytes): "",
		strings.Repeat("x", MaxBytes+1): "16385 bytes; notes have at most 16384", "a\xff": "not UTF-8", " \n\t\n": "nothing in it", "": "nothing in it",
		"a\nb\x1b[31m": "line 2 has the control character U+001B", "a\x00": "line 1 has", "a\rb": "U+000D", "a\u0085b": "U+0085", "a\u202eb": "U+202E", "a\u2066b": "U+2066", "a\u2028b": "U+2028",
	} {
		if err := Check(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if got, err := Read([]byte("a\r\nb\r\n\r\n")); got != "a\nb" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHTML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"# New\n\nText *one* **two** `a<b>`\nmore": "<h4>New</h4><p>Text <em>one</em> <strong>two</strong> <code>a&lt;b&gt;</code>\nmore</p>",
		"## A\n### B":                      "<h5>A</h5><h5>B</h5>",
		"- a\n- b\n\n1. c":                 "<ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>",
		"> q\n\n---\n\n```sh\na && b\n```": "<blockquote><p>q</p></blockquote><hr><pre><code>a &amp;&amp; b\n</code></pre>",
		"[a](https://example.org/?a=1&b=2) <https://b.org> <me@example.org>":  `<p><a href="https://example.org/?a=1&amp;b=2" rel="noreferrer">a</a> <a href="https://b.org" rel="noreferrer">https://b.org</a> <a href="mailto:me@example.org" rel="noreferrer">me@example.org</a></p>`,
		"[a](javascript:alert(1)) [b](//x.org) [c](data:text/html,x) [d](/x)": "<p>a b c d</p>",
		"[a](java&#115;cript:alert(1)) [b](\\javascript:x)":                   "<p>a b</p>",
		"![seen](https://example.org/x.png)":                                  "<p>seen</p>",
		"<script>alert(1)</script>":                                           "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
		"a <b onclick=x>b</b> &lt;i&gt; &amp; \\<u>":                          "<p>a &lt;b onclick=x&gt;b&lt;/b&gt; &lt;i&gt; &amp; &lt;u&gt;</p>",
		"[a]: https://example.org\n\n[a]":                                     `<p><a href="https://example.org" rel="noreferrer">a</a></p>`,
		`[a](https://example.org/"onx="y)`:                                    `<p><a href="https://example.org/%22onx=%22y" rel="noreferrer">a</a></p>`,
	} {
		if got := string(HTML(text)); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// Whatever the text, the page has well-formed elements of the few kinds, with no attribute but those of a link.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"# a\n- b\n  1. c\n> d", "<a href='javascript:x'>&#0; &#x3c;script>", "[a](<x\" y>) ![b](c \"d\")", "```\n</code></pre><script>\n```", "<!-- -->\n<?x?>\n<![CDATA[x]]>", "a\\\nb  \nc\x00\xff\x1b", "[a]: x\n[b][a] <mailto:x@y.zz>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		page := "<div>" + strings.NewReplacer("<hr>", "<hr/>", "<br>", "<br/>").Replace(string(HTML(s))) + "</div>"
		d := xml.NewDecoder(strings.NewReader(strings.Map(func(r rune) rune { // XML has no control characters at all
			if r < ' ' && r != '\n' || r == 0xfffe || r == 0xffff {
				return '?'
			}
			return r
		}, strings.ToValidUTF8(page, "?"))))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, page)
			}
			e, is := token.(xml.StartElement)
			if !is {
				continue
			}
			if !slices.Contains([]string{"div", "p", "h4", "h5", "ul", "ol", "li", "blockquote", "hr", "br", "pre", "code", "em", "strong", "a"}, e.Name.Local) {
				t.Fatalf("an element %s\n%s", e.Name.Local, page)
			}
			for _, a := range e.Attr {
				if e.Name.Local != "a" || a.Name.Local != "rel" && a.Name.Local != "href" ||
					a.Name.Local == "href" && !strings.HasPrefix(a.Value, "https://") && !strings.HasPrefix(a.Value, "http://") && !strings.HasPrefix(a.Value, "mailto:") {
					t.Fatalf("%s has the attribute %+v\n%s", e.Name.Local, a, page)
				}
			}
		}
	})
}
