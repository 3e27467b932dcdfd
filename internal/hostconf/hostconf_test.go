package hostconf_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/hostconf/syntax"
)

func parse(t *testing.T, format, text string) *hostconf.Document {
	t.Helper()
	d, err := hostconf.Parse(format, []byte(text))
	if err != nil {
		t.Fatalf("%s %q: %v", format, text, err)
	}
	return d
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range hostconftest.Values {
		d, err := hostconf.Parse(c.Format, []byte(c.Text))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got := d.Root.Lookup("k").Resolve()
		if got == nil || got.Text != c.Want {
			t.Errorf("%s: %+v, want %q", c.Name, got, c.Want)
		}
	}
}

// TestErrors: what is not read is an error with its place, and shows no value.
func TestErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("#", hostconf.MaxSize+1)
	for _, c := range []struct {
		name, format, text string
		line, column       int
		what               string
	}{
		{"size", "env", long, 0, 0, "more than 1048576"},
		{"size of yaml", "yaml", long[:256<<10+1], 0, 0, "more than 262144"},
		{"zero byte", "env", "A=\x00", 0, 0, "zero byte"},
		{"not UTF-8", "json", "\"\xff\"", 0, 0, "not UTF-8"},

		{"no json", "json", "{\n \"é\": x\n}", 2, 7, "invalid character 'x'"},
		{"json, too early", "json", "{\"a\":\n", 1, 6, "ends too early"},
		{"json, empty", "json", " \n", 1, 1, "ends too early"},
		{"json, twice", "json", "{\"a\": 1,\n \"a\": 2}", 2, 2, `"a" stands twice`},
		{"json, behind the end", "json", "{}\n{}", 2, 1, "after top-level value"},
		{"json, byte order mark", "json", "\ufeff{x", 1, 2, "invalid character 'x'"},
		{"json, half of a character", "json", `{"a": "\ud800"}`, 1, 7, "half of a character"},
		{"json, half of a character in a key", "json", `{"\udc00": 1}`, 1, 2, "half of a character"},
		{"json, deep", "json", strings.Repeat("[", 100) + strings.Repeat("]", 100), 1, 66, "nested deeper"},

		{"no yaml", "yaml", "a: 1\nb: [\n", 2, 4, "not found"},
		{"yaml, twice", "yaml", "a: 1\nb: 2\na: 3\n", 3, 1, "already defined"},
		{"yaml, documents", "yaml", "a: 1\n---\na: 2\n", 3, 2, "second document"},
		{"yaml, alias of nothing", "yaml", "a: *b\n", 1, 4, "no anchor before it"},
		{"yaml, alias before its anchor", "yaml", "a: *b\nb: &b 1\n", 1, 4, "no anchor before it"},
		{"yaml, alias of itself", "yaml", "a: &a [*a]\n", 1, 8, "no anchor before it"},
		{"yaml, merge of a text", "yaml", "a: &a 1\nb: {<<: *a}\n", 2, 5, "takes a mapping"},
		{"yaml, key with an anchor", "yaml", "&a k: 1\n", 1, 1, "a key of the kind anchor"},
		{"yaml, old line break", "yaml", "a: 1\rb: 2\n", 1, 5, "carriage return"},
		{"yaml, deep", "yaml", strings.Repeat("[", 1<<17), 0, 0, "nested deeper"},
		{"yaml, deep by lists", "yaml", strings.Repeat("- ", 100) + "a\n", 0, 0, "nested deeper"},

		{"ini, no key", "ini", "[s]\nnonsense\n", 2, 1, "neither a [section], nor key = value, nor a comment"},
		{"ini, twice", "ini", "[s]\na = 1\n[t]\na = 1\na: S3cret\n", 5, 1, `"a" stands twice`},
		{"ini, capitals", "ini", "Name = 1\nname = 2\n", 2, 1, `"Name" and "name" differ in capitals only`},
		{"ini, a section twice", "ini", "[s]\n[t]\n[s]\n", 3, 1, `section "s" stands twice`},
		{"ini, a section in capitals", "ini", "[s]\n[S]\n", 2, 1, "differ in capitals only"},
		{"ini, a key's name", "ini", "s = 1\n[s]\n", 2, 1, "has the name of a key"},
		{"ini, text behind a section", "ini", "[s] x\n", 1, 1, "is no [section]"},
		{"ini, an open section", "ini", "[s\n", 1, 1, "is no [section]"},
		{"ini, blanks in a section", "ini", "[ s ]\n", 1, 1, "the name of a section"},
		{"ini, backslash", "ini", "é = S3cret \\\n  b\n", 1, 1, `ends with \`},
		{"ini, open quote", "ini", "a = 1\n  b = 2\nc = \"S3cret\n", 3, 1, "a quote that is not closed"},
		{"ini, open quote in lines", "ini", "a =\n  'S3cret\n", 2, 3, "a quote that is not closed"},
		{"ini, two signs", "ini", "a:b = S3cret\n", 1, 1, "a : stands before the ="},
		{"ini, a key within a value", "ini", "[s]\na = 1\n  b = S3cret\nb = 2\n", 3, 3, `the key "b"`},
		{"ini, a section within a value", "ini", "a = 1\n  [s]\n", 2, 3, "like a [section]"},
		{"ini, control character", "ini", "a = b\x01\n", 1, 6, "control character"},
		{"ini, old line break", "ini", "a = b\rc = d\n", 1, 6, "control character"},
		{"ini, another blank", "ini", "a = b\u00a0\n", 1, 1, "not every reader"},
		{"ini, another blank before a value", "ini", "a = \u00a0b\n", 1, 1, "not every reader"},

		{"no toml", "toml", "a = 1\nb = \n", 2, 5, "unexpected character"},
		{"toml, twice", "toml", "a = 1\na = 'S3cret'\n", 2, 1, `"a" stands twice`},
		{"toml, a table twice", "toml", "[a]\n[b]\n[a]\n", 3, 2, `"a" stands twice`},
		{"toml, a table and keys with dots", "toml", "a.b = 1\n[a]\n", 2, 2, `"a" stands twice`},
		{"toml, a table and an array of them", "toml", "[[a]]\n[a]\n", 2, 2, `"a" stands twice`},
		{"toml, into braces", "toml", "a = {b = 1}\n[a.c]\n", 2, 2, `"a" stands twice`},
		{"toml, into a value", "toml", "a = 1\n[a.c]\n", 2, 2, `"a" stands twice`},
		{"toml, byte order mark", "toml", "\ufeffa = x\n", 1, 5, "unexpected character"},
		{"toml, an open text", "toml", "a = \"S3cret\n", 1, 12, "new lines"},
		{"toml, deep", "toml", "a = " + strings.Repeat("[", 100) + strings.Repeat("]", 100), 0, 0, "nested deeper"},
		{"toml, deep by dots", "toml", strings.Repeat("a.", 100) + "a = 1\n", 1, 1, "nested deeper"},
		{"toml, deep by a header", "toml", "[" + strings.Repeat("a.", 100) + "a]\n", 1, 2, "nested deeper"},
		{"toml, very deep", "toml", "a = " + strings.Repeat("[", 1<<17), 1, 10005, "nested more"},

		{"properties, twice", "properties", "a=1\n\\u0061=S3cret\n", 2, 1, `"a" stands twice`},
		{"properties, no key", "properties", "=1\n", 1, 1, "a key is empty"},
		{"properties, half of a character", "properties", "a=\\ud800\n", 1, 3, "half of a character"},
		{"properties, no escape", "properties", "a=1\nb=x\\u12\n", 2, 4, "four hexadecimal digits"},
		{"properties, the last line goes on", "properties", "a=1\\", 1, 4, `the last line ends with \`},
		{"properties, a line of a backslash", "properties", "\\\na=1\n", 1, 1, "alone"},
		{"properties, documents", "properties", "a=1\n#---\nb=1\n", 2, 1, "Spring Boot"},
		{"properties, old line break", "properties", "a=1\rb=2\n", 1, 4, "carriage return"},
		{"properties, zero byte", "properties", "a=\x00", 0, 0, "zero byte"},

		{"env, open quote", "env", "A=1\n B='x\n", 2, 1, "B: a quote that is not closed"},
		{"env, open double quote", "env", "B=\"x\\\"\n", 1, 1, "B: a quote that is not closed"},
	} {
		_, err := hostconf.Parse(c.format, []byte(c.text))
		at := (*syntax.Error)(nil)
		if !errors.As(err, &at) || at.Line != c.line || at.Column != c.column || !strings.Contains(at.What, c.what) {
			t.Errorf("%s: %v %+v, want %d:%d %s", c.name, err, at, c.line, c.column, c.what)
		}
	}
}

// TestErrorsShowNoValue: a file that is not of its format may hold a secret where the mistake is.
func TestErrorsShowNoValue(t *testing.T) {
	t.Parallel()
	for format, texts := range map[string][]string{
		"yaml": {
			"a: *S3cretValue\n", "a: |S3cretValue\n", "a: >S3cretValue\n  x\n", "a: 'S3cretValue\n", "a: \"S3cretValue\n", "a: S3cretValue: x\n", "a: @S3cretValue\n", "a: %S3cretValue\n",
			"a: \"S3cretValue\\q\"\n", "a: [S3cretValue\n", "a: {S3cretValue\n", "a: S3cretValue\n\tb: c\n", "a: b\n S3cretValue\n", "S3cretValue\na: b\n", "a: S3cretValue]\nb", "a: !<S3cretValue x\n",
			"%YAML S3cretValue\n---\na: 1\n", "a: `S3cretValue`\n", "? [S3cretValue]\n: b\n",
		},
		"json": {`{"a": S3cretValue}`, `{"a": "S3cretValue}`, `{"a": 'S3cretValue'}`, `{"a": "x" S3cretValue}`, `["S3cretValue"`, `{"a": "\qS3cretValue"}`, `{S3cretValue: 1}`, `"x" "S3cretValue"`},
		"env":  {"A='S3cretValue\n", "A=\"S3cretValue\n", "export A=x\"S3cretValue\n"},
	} {
		for _, text := range texts {
			if _, err := hostconf.Parse(format, []byte(text)); err != nil && strings.Contains(err.Error(), "S3cretValue") {
				t.Errorf("%s %q: %v", format, text, err)
			}
		}
	}
}

// TestMergeKeysAreBounded: a few lines that refer to one another make no millions of keys.
func TestMergeKeysAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("m0: &m0 {")
	for i := range 200 {
		fmt.Fprintf(&b, "k%d: 1, ", i)
	}
	b.WriteString("}\n")
	for i := range 60 {
		fmt.Fprintf(&b, "m%d: &m%d {<<: [*m%d, *m%d]}\n", i+1, i+1, i, i)
	}
	_, err := hostconf.Parse("yaml", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "more than 10000 keys") {
		t.Error(err)
	}
}

// TestReferencesToReferences: a few lines stand for millions of values; they are compared at once.
func TestReferencesToReferences(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("m0: &m0 [x, y]\n")
	for i := range 60 {
		fmt.Fprintf(&b, "m%d: &m%d [*m%d, *m%d]\n", i+1, i+1, i, i)
	}
	same, other := b.String(), strings.Replace(b.String(), "[x, y]", "[x, z]", 1)
	for text, want := range map[string]bool{same: true, other: false} {
		last := func(text string) *syntax.Node { return parse(t, "yaml", text).Root.Lookup("m60") }
		if syntax.Equal(last(same), last(text)) != want {
			t.Errorf("equal: %v", !want)
		}
	}
}

// TestLeaves: every value of a file with its place; nothing of it is left out.
func TestLeaves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, text, want string }{
		{"json", "json", "{\n \"a\": {\"b\": [1, {\"c\": 2}], \"d\": {}},\n \"é\": \"x\", \"e\": null }", `a.b=[1,{"c":2}]@2:13 a.d={}@2:33 é="x"@3:7 e=null@3:17`},
		{"a list", "json", "[1]", "=[1]@1:1"},
		{"yaml", "yaml", "a:\n  b: [1,  x]\n  c:\nd: &d {e: 1}\nf: *d\n", "a.b=[1, x]@2:6 a.c=@3:5 d=&d {e: 1}@4:4 f=*d@5:4"},
		{"yaml, merge key", "yaml", "a: &a {b: 1}\nc:\n  <<: *a\n  d: 2\n", "a=&a {b: 1}@1:4 c.<<=*a@3:7 c.d=2@4:6"},
		{"yaml, byte order mark", "yaml", "\ufeffa: 1\n", "a=1@1:4"},
		{"yaml, tags", "yaml", "a: !x {b: 'c'}\nd: {e: !!str 1, f: !y [2], g: 'h', i: j}\n", "a=!x {b: 'c'}@1:4 d.e=!!str 1@2:8 d.f=!y [2]@2:20 d.g=h@2:31 d.i=j@2:39"},
		{"yaml, anchors", "yaml", "a: [&x 1, &y {b: *x}, *y, 'c']\nd: &z\n  - e\nf: &n\ng: {h: &m 'i', j: *m, k: l}\n", "a=[&x 1, &y {b: *x}, *y, c]@1:4 d=&z\n  - e@2:4 f=&n@4:4 g.h=&m 'i'@5:8 g.j=*m@5:19 g.k=l@5:26"},
		{"yaml, nothing", "yaml", "# nothing\n", ""},
		{"env", "env", "# c\nA = 1\n[s]\nB.x='y'\nulimit -n 1\nulimit -n 1\n", "A=1@2:5 =[s]@3:1 s.B.x=y@4:5 =ulimit -n 1@5:1 =ulimit -n 1@6:1"},
		{"env, nothing", "env", "\n", ""},
		{"ini", "ini", "g = 1\n[s]\nk = a\n  b\n[t.u]\n", "g=1@1:5 s.k=a\nb@3:5 t.u={}@5:1"},
		{"ini, nothing", "ini", "; c\n", ""},
		{"toml", "toml", "a.b = 1\n[t]\nl = [1, {x = 'y'}]\ni = { d = 1979-05-27 }\n[[u]]\nk = 'v'\n", "a.b=1@1:7 t.l=[1, {x: y}]@3:5 t.i.d=1979-05-27@4:11 u=[{k: v}]@5:1"},
		{"toml, nothing", "toml", "", ""},
		{"properties", "properties", "a.b=1\nc : \\\n  x\n", "a.b=1@1:5 c=x@3:3"},
	} {
		d := parse(t, c.format, c.text)
		var got []string
		for _, l := range d.Leaves() {
			line, column := d.Place(l.Value)
			got = append(got, fmt.Sprintf("%s=%s@%d:%d", l.Key, d.Show(l.Value), line, column))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, s, c.want)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	const text = "a:\n  b.c: 1\n  d: {e: 2}\nx: &x {p: 3, q: {r: 4}}\ny: {<<: *x, p: 5}\nz: *x\nt: !mine {u: 6}\n"
	d := parse(t, "yaml", text)
	for path, want := range map[string]string{
		"a.b.c": "1", "a.d.e": "2", "x.p": "3", "y.p": "5", "y.q.r": "4", "z.q.r": "4",
		"a.b": "", "a.d.e.f": "", "t.u": "", "nothing": "", "": "", ".": "", "a.": "",
	} {
		got := ""
		if n := d.Root.Lookup(path).Resolve(); n != nil {
			got = n.Text
		}
		if got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// TestEqual: what differs in quotes alone is equal; what a shell would read otherwise is not.
func TestEqual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format, a, b string
		equal, same  bool
	}{
		{"env", "A=1\n", "A='1' # x\n", true, true},
		{"env", "A=\"$x\"\n", "A='$x'\n", false, false},
		{"env", "A=\"\\$x\"\n", "A='$x'\n", true, true},
		{"env", "A=1\nB=2\n", "B=2\nA=1\n", true, true},
		{"env", "A=1\nx y\n", "A=1\n", false, false},
		{"yaml", "a: 1\n", "a: '1'\n", false, false},
		{"yaml", "a: x\n", "{\"a\": 'x'}\n", true, true},
		{"yaml", "a: <<p>>\n", "a: <<q>>\n", false, true},
		{"yaml", "a: &x 1\n", "a: 1\n", false, false},
		{"yaml", "a: 0644\n", "a: 420\n", false, false},
		{"yaml", "a: &x 1\nb: *x\n", "a: &x 1\nb: *x\n", true, true},
		{"yaml", "a: &x {c: 1, d: 2}\nb: {e: *x}\n", "a: &x {c: 1, d: 2}\nb: {e: *x}\n", true, true},
		{"yaml", "b: {e: 1}\n", "b: {e: !!int 1}\n", false, false},
		{"json", `{"a": [1, 2]}`, `{"a": [2, 1]}`, false, false},
		{"json", `{"a": 1.0}`, `{"a": 1}`, false, false},
	} {
		a, b := parse(t, c.format, c.a).Root, parse(t, c.format, c.b).Root
		if syntax.Equal(a, b) != c.equal || syntax.Same(a, b) != c.same {
			t.Errorf("%q, %q: equal %v, same %v", c.a, c.b, !c.equal, !c.same)
		}
	}
}

// TestLargeFiles: the work grows with the size of a file, not with its square. What is
// quadratic here takes minutes.
func TestLargeFiles(t *testing.T) {
	t.Parallel()
	const n = 60000
	for name, c := range map[string]struct{ format, text string }{
		"env, the same line":      {"env", strings.Repeat("x\n", n*4)},
		"env, lines and keys":     {"env", strings.Repeat("x y\nA=1\n", n)},
		"env, blanks":             {"env", "A=" + strings.Repeat(" ", n*8) + "x\n"},
		"env, parts in quotes":    {"env", "A=" + strings.Repeat(`""`, n*4) + "\n"},
		"env, backslashes":        {"env", "A=" + strings.Repeat(`\\`, n*4) + "\n"},
		"env, lines by backslash": {"env", "A=" + strings.Repeat("x\\\n", n*4) + "\n"},
		"json, one line":          {"json", "[" + strings.Repeat("1,", n*4) + "1]"},
		"json, escapes":           {"json", `"` + strings.Repeat(`\ufffd`, n*2) + `"`},
		"yaml, aliases of much":   {"yaml", "a: &a [" + strings.Repeat("1,", 5000) + "]\nb: [" + strings.Repeat("*a , ", 20000) + "]\n"},
		"ini, keys":               {"ini", numbered("k%d = 1\n", n)},
		"ini, sections":           {"ini", numbered("[s%d]\nk = 1\n", n)},
		"ini, lines of a value":   {"ini", "k =\n" + strings.Repeat(" x = y\n", n*2)},
		"ini, empty lines":        {"ini", "k = 1\n" + strings.Repeat("\n", n*8) + " 2\n"},
		"ini, blanks":             {"ini", "k =" + strings.Repeat(" ", n*8) + "x\n"},
		"properties, keys":        {"properties", numbered("k%d=1\n", n)},
		"properties, lines":       {"properties", "k=" + strings.Repeat("x\\\n", n*4) + "y\n"},
		"properties, backslashes": {"properties", "k=" + strings.Repeat(`\\`, n*4) + "\n"},
		"properties, escapes":     {"properties", "k=" + strings.Repeat(`\u00e9`, n*2) + "\n"},
		"toml, keys":              {"toml", numbered("k%d = 1\n", n)},
		"toml, tables":            {"toml", numbered("[t%d]\nk = 1\n", n)},
		"toml, tables in a table": {"toml", numbered("[t.t%d]\nk = 1\n", n)},
		"toml, array of tables":   {"toml", strings.Repeat("[[t]]\nk = 1\n", n)},
		"toml, keys with dots":    {"toml", numbered("a.b.k%d = 1\n", n)},
		"toml, one line":          {"toml", "k = [" + strings.Repeat("{a = 1}, ", n) + "]\n"},
		"toml, lines of CRLF":     {"toml", strings.Repeat("[[t]]\r\nk = \"\"\"\r\nx\"\"\"\r\n", n/2)},
		"toml, a text of lines":   {"toml", "k = \"\"\"" + strings.Repeat("x\\\n", n*4) + "\"\"\"\n"},
		"yaml, one line":          {"yaml", "[" + strings.Repeat("é, ", n) + "1]"},
	} {
		if _, err := hostconf.Parse(c.format, []byte(c.text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}

	}
}

// numbered repeats a line with the numbers from 0.
func numbered(line string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}
