package hostconf_test

import (
	"bytes"
	"strings"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
)

// set makes the value at a path a string; it must be there, or its parent be a mapping.
func set(n *syntax.Node, path, text string) {
	parent, last := n, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		if parent, last = n.Lookup(path[:i]), path[i+1:]; parent == nil {
			above := n
			if j := strings.LastIndexByte(path[:i], '.'); j >= 0 {
				above = n.Lookup(path[:j])
			}
			parent = &syntax.Node{Kind: syntax.Mapping}
			above.Append(path[strings.LastIndexByte(path[:i], '.')+1:i], parent)
		}
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
			*n = *n.Clone() // which knows nothing of what was looked up
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
		{"ini: into a section", "ini", "[a]\nx = 1\n\n[b]\ny = 2\n", func(n *syntax.Node) { set(n, "a.x", "7"); set(n, "a.z", "8") }, "[a]\nx = 7\nz = 8\n\n[b]\ny = 2\n"},
		{"ini: quotes, blanks, comments", "ini", "; c\n[a] ; d\n  x=1 \t\n  # e\n  y: 2\n", func(n *syntax.Node) { set(n, "a.x", "7"); set(n, "a.y", "8"); set(n, "a.z", "9") }, "; c\n[a] ; d\n  x=7 \t\n  # e\n  y: 8\n  z: 9\n"},
		{"ini: a new section", "ini", "[a]\nx = 1\n;y = 2\n\n# about b\n[b]\nz = 1\n", func(n *syntax.Node) {
			n.Insert(1, &syntax.Entry{Key: "n w", Value: &syntax.Node{Kind: syntax.Mapping}})
			set(n, "n w.p", "x y")
			set(n, "n w.q", "")
		}, "[a]\nx = 1\n;y = 2\n\n[n w]\np = x y\nq =\n\n# about b\n[b]\nz = 1\n"},
		{"ini: the first section", "ini", "# head\na = 1\n", func(n *syntax.Node) { n.Append("s", &syntax.Node{Kind: syntax.Mapping}); set(n, "s.x", "1") }, "# head\na = 1\n\n[s]\nx = 1\n"},
		{"ini: a section without keys", "ini", "[s]\n[t]\ny = 1\n", func(n *syntax.Node) { set(n, "s.x", "1") }, "[s]\nx = 1\n[t]\ny = 1\n"},
		{"ini: a section goes", "ini", "[a]\nx = 1\n\n[b]\ny = 1\n; z = 1\nw = 1\n\n# about c\n[c]\n", func(n *syntax.Node) { unset(n, "b") }, "[a]\nx = 1\n\n# about c\n[c]\n"},
		{"ini: a key before the sections", "ini", "# about s\n[s]\nx = 1\n", func(n *syntax.Node) {
			n.Insert(0, &syntax.Entry{Key: "g", Value: &syntax.Node{Kind: syntax.String, Text: "1"}})
		}, "g = 1\n# about s\n[s]\nx = 1\n"},
		{"ini: lines", "ini", "[a]\n\tx =\n\t\tone\n\t\ttwo\n\ty = 1", func(n *syntax.Node) { set(n, "a.x", "\nthree\nfour"); set(n, "a.y", "five\n\nsix"); set(n, "a.z", "7") }, "[a]\n\tx =\n\t    three\n\t    four\n\ty = five\n\n\t    six\n\tz = 7"},
		{"ini: a line for lines", "ini", "[a]\nx =\n one\ny = 1\n", func(n *syntax.Node) { set(n, "a.x", "1"); unset(n.Get("a"), "y") }, "[a]\nx = 1\n"},
		{"ini: CRLF and byte order mark", "ini", "\ufeff[a]\r\nx=1\r\n", func(n *syntax.Node) {
			set(n, "a.x", "2")
			set(n, "a.y", "3\n4")
			n.Append("b", &syntax.Node{Kind: syntax.Mapping})
			set(n, "b.z", "5")
		}, "\ufeff[a]\r\nx=2\r\ny=3\r\n    4\r\n\r\n[b]\r\nz = 5\r\n"},
		{"ini: no end of line", "ini", "[a]\nx = 1", func(n *syntax.Node) { n.Append("b", &syntax.Node{Kind: syntax.Mapping}); set(n, "b.z", "5") }, "[a]\nx = 1\n\n[b]\nz = 5"},
		{"ini: a value that is not certain stays", "ini", "[a]\nx = \"1\" ; c\ny = 1\n", func(n *syntax.Node) { set(n, "a.y", "2") }, "[a]\nx = \"1\" ; c\ny = 2\n"},

		{"toml: quotes stay", "toml", "a = '1' # c\nb = \"2\"\nc = 3\n", func(n *syntax.Node) { set(n, "a", "x"); set(n, "b", "it's"); set(n, "d", "y") }, "a = 'x' # c\nb = \"it's\"\nc = 3\nd = \"y\"\n"},
		{"toml: quotes that cannot hold it", "toml", "a = '1'\nb = '''\n1\n'''\nc = \"\"\"\n1\n\"\"\"\n", func(n *syntax.Node) { set(n, "a", "it's"); set(n, "b", "two\n lines\n"); set(n, "c", "\"\"\"\n\\") }, "a = \"it's\"\nb = '''\ntwo\n lines\n'''\nc = \"\"\"\n\\\"\\\"\\\"\n\\\\\"\"\"\n"},
		{"toml: into a table", "toml", "a = 1\n\n[t]\n  x = 1\n\n[u]\ny=2\n", func(n *syntax.Node) { set(n, "t.z", "v"); set(n, "u.k.l", "w"); set(n, "b", "q") }, "a = 1\nb = \"q\"\n\n[t]\n  x = 1\n  z = \"v\"\n\n[u]\ny=2\n\n[u.k]\nl = \"w\"\n"},
		{"toml: a table without a header", "toml", "# head\n\n# about a.b\n[a.b]\nx = 1\n", func(n *syntax.Node) { set(n, "a.y", "v"); set(n, "g", "w") }, "# head\n\ng = \"w\"\n[a]\ny = \"v\"\n\n# about a.b\n[a.b]\nx = 1\n"},
		{"toml: keys with dots", "toml", "[t]\na.b = 1 # c\na.'d e'.f = 2\nz = 3\n", func(n *syntax.Node) { set(n, "t.a.g", "v"); set(n, "t.a.d e.h", "w"); set(n, "t.a.i.j", "y") }, "[t]\na.b = 1 # c\na.'d e'.f = 2\na.'d e'.h = \"w\"\na.g = \"v\"\na.i.j = \"y\"\nz = 3\n"},
		{"toml: braces", "toml", "t = {a = 1, b = { c = '2' }} # d\n", func(n *syntax.Node) { set(n, "t.b.c", "x") }, "t = {a = 1, b = { c = 'x' }} # d\n"},
		{"toml: a value in braces becomes a table", "toml", "t = {a = 1, b = 'x'} # d\n", func(n *syntax.Node) {
			n.Get("t").Find("b").Value = &syntax.Node{Kind: syntax.Mapping}
			set(n, "t.b.c", "y")
		}, "t = {a = 1, b = { c = \"y\" }} # d\n"},
		{"toml: a key in braces", "toml", "t = {a = 1, b = {c = '2'}} # d\n", func(n *syntax.Node) { set(n, "t.b.d", "x") }, "t = {a = 1, b = { c = '2', d = \"x\" }} # d\n"},
		{"toml: a table goes", "toml", "[a]\nx = 1\n\n[a.b] # c\n# d\ny = 1\n\n[c]\nz = 1\n\n[a.e]\nw = 1\n", func(n *syntax.Node) { unset(n, "a") }, "[c]\nz = 1\n\n"},
		{"toml: the last key of a table goes", "toml", "[a]\nx = 1\n[b]\n", func(n *syntax.Node) { unset(n.Get("a"), "x") }, "[a]\n[b]\n"},
		{"toml: tables in an array", "toml", "[[a]]\nx = 1 # c\n[[a]]\nx = 2\n\n[b]\ny = 1\n", func(n *syntax.Node) { set(n, "b.y", "z") }, "[[a]]\nx = 1 # c\n[[a]]\nx = 2\n\n[b]\ny = \"z\"\n"},
		{"toml: another table in an array", "toml", "[[a]]\nx = 1\n[[a]]\nx = 2\n\n[b]\ny = 1\n", func(n *syntax.Node) {
			l := n.Get("a")
			l.Items = append(l.Items, &syntax.Node{Kind: syntax.Mapping})
			l.Items[2].Append("x", &syntax.Node{Kind: syntax.Number, Text: "3"})
		}, "[[a]]\nx = 1\n[[a]]\nx = 2\n[[a]]\nx = 3\n\n[b]\ny = 1\n"},
		{"toml: a list of the host's", "toml", "l = [\n  1, # one\n  2,\n]\na = 1\n", func(n *syntax.Node) { set(n, "a", "x") }, "l = [\n  1, # one\n  2,\n]\na = \"x\"\n"},
		{"toml: CRLF", "toml", "a = 1\r\n[t]\r\nb = 2\r\n", func(n *syntax.Node) { set(n, "c", "x"); set(n, "u.d", "y") }, "a = 1\r\nc = \"x\"\r\n[t]\r\nb = 2\r\n\r\n[u]\r\nd = \"y\"\r\n"},
		{"toml: no end of line", "toml", "a = 1", func(n *syntax.Node) { set(n, "b", "x"); set(n, "t.c", "y") }, "a = 1\nb = \"x\"\n\n[t]\nc = \"y\""},
		{"toml: a value becomes a table", "toml", "a = 1\nb = 2\n", func(n *syntax.Node) { n.Find("a").Value = &syntax.Node{Kind: syntax.Mapping}; set(n, "a.c", "x") }, "b = 2\n\n[a]\nc = \"x\"\n"},

		{"properties: host's signs", "properties", "# c\na = 1\nb: 2\nc 3\nd\n", func(n *syntax.Node) {
			set(n, "a", "x")
			set(n, "b", "y")
			set(n, "c", "=z")
			set(n, "d", "w")
			set(n, "e", "v")
		}, "# c\na = x\nb: y\nc \\=z\nd=w\ne=v\n"},
		{"properties: the way of the key before", "properties", "a.b : 1\n\nz = 2\n", func(n *syntax.Node) {
			n.Insert(1, &syntax.Entry{Key: "a.c", Value: &syntax.Node{Kind: syntax.String, Text: "x"}})
		}, "a.b : 1\na.c : x\n\nz = 2\n"},
		{"properties: what needs escapes", "properties", "a=1\n", func(n *syntax.Node) { set(n, "a", " é\\\n "); set(n, "#k =:", "x") }, "a=\\ \\u00e9\\\\\\n\\ \n\\#k\\ \\=\\:=x\n"},
		{"properties: lines by a backslash", "properties", "a = \\\n    1,\\\n    2\nb=3\n", func(n *syntax.Node) { set(n, "a", "4"); unset(n, "b") }, "a = \\\n    4\n"},
		{"properties: CRLF, no end of line", "properties", "a=1\r\nb=2", func(n *syntax.Node) { set(n, "a", "x"); set(n, "c", "3") }, "a=x\r\nb=2\r\nc=3"},
		{"properties: ISO 8859-1 stays", "properties", "# f\xfcr\na=\xe4\nb=1\n", func(n *syntax.Node) { set(n, "b", "ü") }, "# f\xfcr\na=\xe4\nb=\\u00fc\n"},

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
		{"ini: a key with a sign", "ini", "[a]\n", func(n *syntax.Node) { set(n, "a.x:y", "1") }, "cannot be a key"},
		{"ini: a section's name", "ini", "[a]\n", func(n *syntax.Node) { n.Append("b]", &syntax.Node{Kind: syntax.Mapping}) }, "cannot be the name of a section"},
		{"ini: a comment in a value", "ini", "[a]\nx = 1\n", func(n *syntax.Node) { set(n, "a.x", "1 ; 2") }, "begin a comment"},
		{"ini: quotes around a value", "ini", "[a]\nx = 1\n", func(n *syntax.Node) { set(n, "a.x", `"1"`) }, "stands in quotes"},
		{"ini: blanks around a value", "ini", "[a]\nx = 1\n", func(n *syntax.Node) { set(n, "a.x", " 1") }, "line 1 of a value"},
		{"ini: a section in a value", "ini", "[a]\nx = 1\n", func(n *syntax.Node) { set(n, "a.x", "1\n[b]") }, "line 2 of a value"},
		{"ini: a key that differs in capitals", "ini", "[a]\nx = 1\n", func(n *syntax.Node) { set(n, "a.X", "1") }, "differ in capitals only"},
		{"ini: a list", "ini", "[a]\n", func(n *syntax.Node) { n.Get("a").Append("b", &syntax.Node{Kind: syntax.List}) }, "cannot be a value"},
		{"ini: a mapping in a section", "ini", "[a]\nx = 1\n", func(n *syntax.Node) { set(n, "a.b.c", "1") }, "within a section"},
		{"ini: no mapping", "ini", "[a]\n", func(n *syntax.Node) { *n = syntax.Node{Kind: syntax.String} }, "is a mapping"},
		{"toml: nothing", "toml", "a = 1\n", func(n *syntax.Node) { n.Append("b", &syntax.Node{}) }, "no value for nothing"},
		{"properties: a list", "properties", "a=1\n", func(n *syntax.Node) { n.Append("b", &syntax.Node{Kind: syntax.List}) }, "cannot be a value"},
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
	formats := manifest.KeyedFormats
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
		d, err := hostconf.Parse(formats[int(format)%len(formats)], src)
		if err != nil {
			return
		}
		if same, err := d.Edit(d.Root.Clone()); err != nil || !bytes.Equal(same, src) {
			t.Fatalf("unchanged: %v\n%q\n%q", err, src, same)
		}
		if d.Root.Kind != syntax.Mapping || len(d.Root.Keys) == 0 || d.Root.Find("fuzz_new") != nil {
			return
		}
		fuzzNew(t, d, value)
		changed := d.Root.Clone()
		everyText(changed, value)
		fuzzEdit(t, d, changed)
		less := d.Root.Clone()
		unset(less, d.Root.Keys[0].Key)
		fuzzEdit(t, d, less)
	})
}

// fuzzEdit edits a document until it has what is wanted, or refuses to.
func fuzzEdit(t *testing.T, d *hostconf.Document, want *syntax.Node) []byte {
	out, err := d.Edit(want)
	if err != nil {
		return nil // a form that cannot be written is refused
	}
	again, err := hostconf.Parse(d.Format, out)
	if err != nil || !syntax.Equal(again.Root, want) {
		t.Fatalf("%v: %q became %q", err, d.Source(), out)
	}
	return out
}

// fuzzNew puts a key in, at the top and in the mapping that stands last, and takes it out again.
func fuzzNew(t *testing.T, d *hostconf.Document, value string) {
	below := d.Root.Keys[len(d.Root.Keys)-1].Key
	for _, deep := range []bool{false, true} {
		want := d.Root.Clone()
		into := want
		if deep {
			into = want.Get(below)
		}
		if into.Kind != syntax.Mapping || into.Find("fuzz_new") != nil {
			continue
		}
		into.Append("fuzz_new", &syntax.Node{Kind: syntax.String, Text: value})
		out := fuzzEdit(t, d, want)
		if out == nil {
			continue
		}
		joins := strings.HasSuffix(strings.TrimSpace(string(d.Source())), `\`) // of env: a line put in would belong to the last one
		if d.Format != "yaml" && !joins && !subsequence(d.Source(), out) {
			t.Fatalf("a new key, and of %q not every byte is in %q", d.Source(), out)
		}
		again, _ := hostconf.Parse(d.Format, out)
		back, err := again.Edit(d.Root.Clone())
		if err != nil {
			t.Fatalf("taken out again: %v: %q", err, out)
		}
		if last, err := hostconf.Parse(d.Format, back); err != nil || !syntax.Equal(last.Root, d.Root) {
			t.Fatalf("taken out again: %v: %q became %q", err, d.Source(), back)
		}
	}
}

// everyText makes every text another one.
func everyText(n *syntax.Node, text string) {
	if n.Kind == syntax.String {
		n.Text, n.Raw = text, ""
	}
	for _, v := range n.Items {
		everyText(v, text)
	}
	for _, k := range n.Keys {
		everyText(k.Value, text)
	}
}

// subsequence reports whether all bytes of a text are in another one, in their order.
func subsequence(part, all []byte) bool {
	for _, c := range all {
		if len(part) > 0 && part[0] == c {
			part = part[1:]
		}
	}
	return len(part) == 0
}
