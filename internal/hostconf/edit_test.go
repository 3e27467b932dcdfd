package hostconf_test

import (
	"bytes"
	"strings"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/hostconf/syntax"
)

// set makes the value at a path a string; it must be there, or its parent be a mapping.
func set(n *syntax.Node, path, text string) {
	parent, last := n, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, last = n.Lookup(path[:i]), path[i+1:]
	}
	v := &syntax.Node{Kind: syntax.String, Text: text}
	if e := parent.Find(last); e != nil {
		e.Value = v
		return
	}
	parent.Append(last, v)
}

// unset takes a key out.
func unset(n *syntax.Node, key string) {
	for i, e := range n.Keys {
		if e.Key == key {
			n.Keys = append(n.Keys[:i:i], n.Keys[i+1:]...)
			return
		}
	}
}

// TestEdit: what is not changed keeps its bytes.
func TestEdit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, format, text string
		change             func(n *syntax.Node)
		want               string
	}{
		{"env: host's quotes", "env", "# c\nA='1' # x\nB=2\n", func(n *syntax.Node) { set(n, "A", "2") }, "# c\nA='2' # x\nB=2\n"},
		{"env: host's blanks", "env", "A = 1\nB = 2\n", func(n *syntax.Node) { set(n, "C", "3") }, "A = 1\nB = 2\nC = 3\n"},
		{"env: export", "env", "export A=1\n", func(n *syntax.Node) { set(n, "B", "x y") }, "export A=1\nexport B='x y'\n"},
		{"env: no end of line", "env", "A=1", func(n *syntax.Node) { set(n, "B", "2") }, "A=1\nB=2"},
		{"env: CRLF", "env", "A=1\r\n", func(n *syntax.Node) { set(n, "B", "2"); set(n, "A", "3") }, "A=3\r\nB=2\r\n"},
		{"env: keys with signs", "env", "A-b=1\n", func(n *syntax.Node) { n.Append("A.c", &syntax.Node{Kind: syntax.String, Text: "2"}) }, "A-b=1\nA.c=2\n"},
		{"env: all lines of a key", "env", "A=1\n# c\nA=2\nB=3\n", func(n *syntax.Node) { unset(n, "A") }, "# c\nB=3\n"},
		{"env: lines by a backslash", "env", "A=1 \\\n  2\nB=3\n", func(n *syntax.Node) { set(n, "A", "4") }, "A=4\nB=3\n"},
		{"env: a literal dollar", "env", "A=1\n", func(n *syntax.Node) { set(n, "A", "$HOME `x`") }, "A='$HOME `x`'\n"},
		{"env: a literal dollar and a quote", "env", "A=1\n", func(n *syntax.Node) { set(n, "A", "it's $5") }, "A=\"it's \\$5\"\n"},
		{"env: into a section", "env", "[a]\nx = 1\n[b]\ny = 2\n", func(n *syntax.Node) { n.Find("a.x").Value.Text = "7" }, "[a]\nx = 7\n[b]\ny = 2\n"},
		{"yaml: beside anchors", "yaml", "base: &b { a: 1 } # ours\ncopy: *b\nport: 1\n", func(n *syntax.Node) { set(n, "port", "x"); set(n, "level", "z") }, "base: &b { a: 1 } # ours\ncopy: *b\nport: x\nlevel: z\n"},
		{"yaml: behind an anchored block", "yaml", "a: &a\n  b: 1\nc: 2\n", func(n *syntax.Node) {
			n.Insert(1, &syntax.Entry{Key: "x", Value: &syntax.Node{Kind: syntax.String, Text: "z"}})
		}, "a: &a\n  b: 1\nx: z\nc: 2\n"},
		{"yaml: an anchored value goes", "yaml", "a: &a\n  b: 1\nc: 2\n", func(n *syntax.Node) { unset(n, "a") }, "c: 2\n"},
		{"yaml: below a merge key", "yaml", "a: &a {b: 1}\nc:\n  <<: *a\n", func(n *syntax.Node) { set(n, "c.d", "x") }, "a: &a {b: 1}\nc:\n  <<: *a\n  d: x\n"},
		{"yaml: CRLF and comments", "yaml", "# a\r\na: 1 # b\r\nb: 2 # c\r\n", func(n *syntax.Node) { set(n, "b", "x"); set(n, "c", "z") }, "# a\r\na: 1 # b\r\nb: x # c\r\nc: z\r\n"},
		{"yaml: a comment below a text of lines", "yaml", "a: |\n    x\n  # c\nb: 1\n", func(n *syntax.Node) { unset(n, "a") }, "  # c\nb: 1\n"},
		{"yaml: byte order mark", "yaml", "\ufeffa: 1\n", func(n *syntax.Node) { set(n, "a", "x"); set(n, "b", "z") }, "\ufeffa: x\nb: z\n"},
		{"yaml: document marks", "yaml", "---\na: 1\n...\n", func(n *syntax.Node) { set(n, "b", "z") }, "---\na: 1\nb: z\n...\n"},
		{"json: byte order mark", "json", "\ufeff{\n\t\"a\": 1\n}", func(n *syntax.Node) { set(n, "b", "y") }, "\ufeff{\n\t\"a\": 1,\n\t\"b\": \"y\"\n}"},
		{"json: escapes and numbers stay", "json", `{"a": "\u00e9\/", "n": 1.0e2, "b": 12345678901234567890}`, func(n *syntax.Node) { set(n, "c", "<&>") }, `{"a": "\u00e9\/", "n": 1.0e2, "b": 12345678901234567890, "c": "<&>"}`},
	} {
		d := parse(t, c.format, c.text)
		want := d.Root.Clone()
		c.change(want)
		got, err := d.Edit(want)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%q\nwant\n%q", c.name, err, got, c.want)
		}
	}
}

// TestEditRefuses: a result that would say something else is none.
func TestEditRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, format, text string
		change             func(n *syntax.Node)
		want               string
	}{
		{"env: a key with a blank", "env", "A=1\n", func(n *syntax.Node) { set(n, "b c", "1") }, "cannot be a key"},
		{"env: a list", "env", "A=1\n", func(n *syntax.Node) { n.Append("B", &syntax.Node{Kind: syntax.List}) }, "cannot be a value"},
		{"env: a carriage return", "env", "A=1\n", func(n *syntax.Node) { set(n, "A", "\r") }, "carriage return"},
		{"env: another section's key", "env", "[a]\nx=1\n", func(n *syntax.Node) { set(n, "y", "1") }, "would not hold"},
		{"yaml: an anchor that is used goes", "yaml", "a: &a 1\nb: *a\n", func(n *syntax.Node) { set(n, "a", "x") }, "no anchor before it"},
		{"yaml: a block with an anchor", "yaml", "b: 1\n", func(n *syntax.Node) {
			n.Append("a", &syntax.Node{Kind: syntax.Reference, Text: "&a\n  c: 1"})
		}, "goes over lines"},
		{"json: no number", "json", `{"a": 1}`, func(n *syntax.Node) {
			n.Append("b", &syntax.Node{Kind: syntax.Number, Text: "0x1"})
		}, "no JSON number"},
	} {
		d := parse(t, c.format, c.text)
		want := d.Root.Clone()
		c.change(want)
		got, err := d.Edit(want)
		if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
			t.Errorf("%s: %v\n%q\nwant %s", c.name, err, got, c.want)
		}
	}
}

// FuzzEdit: a file that is written unchanged has the same bytes; one in which a value
// is changed, put in and taken away again says what was wanted, and then what it said before.
func FuzzEdit(f *testing.F) {
	formats := []string{"json", "yaml", "env"}
	for _, v := range hostconftest.Values {
		for i := range formats {
			f.Add(uint8(i), []byte(v.Text), "x: $'\"")
		}
	}
	f.Add(uint8(2), []byte("[a]\nB = 1\nulimit -n 1\n"), "")
	f.Add(uint8(1), []byte("a: &a {b: !x 1}\nc:\n  <<: *a\n"), "\n")
	f.Fuzz(func(t *testing.T, format uint8, src []byte, value string) {
		if len(src) > 4096 || len(value) > 100 {
			return
		}
		d, err := hostconf.Parse(formats[format%3], src)
		if err != nil {
			return
		}
		if same, err := d.Edit(d.Root.Clone()); err != nil || !bytes.Equal(same, src) {
			t.Fatalf("unchanged: %v\n%q\n%q", err, src, same)
		}
		if d.Root.Kind != syntax.Mapping || len(d.Root.Keys) == 0 || d.Root.Find("fuzz_new") != nil {
			return
		}
		want := d.Root.Clone()
		want.Append("fuzz_new", &syntax.Node{Kind: syntax.String, Text: value})
		out, err := d.Edit(want)
		if err != nil {
			return // a form that cannot be written is refused
		}
		again, err := hostconf.Parse(d.Format, out)
		if err != nil || !syntax.Equal(again.Root, want) {
			t.Fatalf("%v: %q became %q", err, src, out)
		}
		back, err := again.Edit(d.Root.Clone())
		if err != nil {
			t.Fatalf("taken out again: %v: %q", err, out)
		}
		if last, err := hostconf.Parse(d.Format, back); err != nil || !syntax.Equal(last.Root, d.Root) {
			t.Fatalf("taken out again: %v: %q became %q", err, src, back)
		}
	})
}
