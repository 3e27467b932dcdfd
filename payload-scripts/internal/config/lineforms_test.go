package config

import (
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

type formTest struct {
	name, base, theirs, mine string
	policy                   manifest.Side
	want                     string // as merged says it
}

func formTests(t *testing.T, format string, all []formTest) {
	t.Helper()
	for _, c := range all {
		in := Input{Format: format, Base: []byte(c.base), Theirs: []byte(c.theirs), Mine: []byte(c.mine)}
		if c.policy != "" {
			in.Policy = map[string]manifest.Side{"*": c.policy}
		}
		got := merged(in)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if in.Mine = []byte(got); !strings.HasPrefix(got, "conflict: ") && !strings.HasPrefix(got, "error: ") && merged(in) != got {
			t.Errorf("%s, merged again: %q, want %q", c.name, merged(in), got)
		}
	}
}

// TestINIForms: what a reader could take for something else is a conflict or an error, never a guess.
func TestINIForms(t *testing.T) {
	t.Parallel()
	const unreadable = "error: write the merged file: the merged file would not be readable: "
	formTests(t, "ini", []formTest{
		{"both sides of a section", "[a]\nx=1\n[b]\ny=1\n", "[a]\nx=1\n[b]\ny=2\n[c]\nz=1\n", "[a]\nx=7\n[b]\ny=1\n", "", "[a]\nx=7\n[b]\ny=2\n\n[c]\nz=1\n"},
		{"the same key in two sections", "[a]\nx=1\n[b]\nx=2\n", "[a]\nx=1\n[b]\nx=3\n", "[b]\nx=2\n[a]\nx=7\n", "", "[b]\nx=3\n[a]\nx=7\n"},
		{"a section goes", "[a]\nx=1\n[b]\ny=1\n", "[a]\nx=1\n", "[a]\nx=1\n\n[b]\n# why\ny=1\n", "", "[a]\nx=1\n\n"},
		{"a section with a key of the host's stays", "[a]\nx=1\n[b]\ny=1\n", "[a]\nx=1\n", "[a]\nx=1\n[b]\ny=1\nown=1\n", "", "[a]\nx=1\n[b]\nown=1\n"},
		{"the host took a section away", "[a]\nx=1\n[b]\ny=1\n", "[a]\nx=2\n[b]\ny=1\n", "[a]\nx=1\n", "", "[a]\nx=2\n"},
		{"the host took a section away that changed", "[a]\nx=1\n[b]\ny=1\n", "[a]\nx=1\n[b]\ny=2\n", "[a]\nx=1\n", "", "conflict: b"},
		{"an empty section comes", "[a]\nx=1\n", "[a]\nx=1\n[b]\n", "[a]\nx=7\n", "", "[a]\nx=7\n\n[b]\n"},
		{"a comment behind the host's value", "[a]\nx=1\n", "[a]\nx=2\n", "[a]\nx=1 ; ours\n", "", "conflict: a.x"},
		{"a comment behind it, the release's taken", "[a]\nx=1\n", "[a]\nx=2\n", "[a]\nx=1 ; ours\n", manifest.New, "[a]\nx=2\n"},
		{"a comment behind it, not changed", "[a]\nx=1\ny=1\n", "[a]\nx=1\ny=2\n", "[a]\nx=1 ; ours\ny=1\n", "", "[a]\nx=1 ; ours\ny=2\n"},
		{"quotes of the host's", "[a]\nx=1\n", "[a]\nx=2\n", "[a]\nx=\"1\"\n", "", "conflict: a.x"},
		{"quotes of the release's", "[a]\nx=\"1\"\n", "[a]\nx=\"2\"\ny='3;4'\n", "[a]\nx = \"1\"\n", "", "[a]\nx = \"2\"\ny = '3;4'\n"},
		{"a value between quotes behind a placeholder", "[a]\nx=\"<<p>>\"\n", "[a]\nx=\"<<p>>\"\ny=http://<<p>>/\n", "[a]\nx=\"h\"\n", "", "[a]\nx=\"h\"\ny=http://h/\n"},
		{"lines of a value", "[a]\nx =\n  1\n  2\n", "[a]\nx =\n  1\n  3\n", "[a]\nx =\n\t1\n\t2\ny = 1\n", "", "[a]\nx =\n    1\n    3\ny = 1\n"},
		{"another indent is no change", "[a]\nx =\n  1\n", "[a]\nx =\n  1\nz = 1\n", "[a]\nx =\n      1\n", "", "[a]\nx =\n      1\nz = 1\n"},
		{"a key the host has in capitals", "[a]\nx=1\n", "[a]\nx=1\nName=2\n", "[a]\nx=1\nname=7\n", "", unreadable + `line 4: the keys "Name" and "name" differ in capitals only`},
		{"a key the host has within a value", "[a]\nx=1\n", "[a]\nx=1\ny=2\n", "[a]\nx=1\n  y=7\n", "", unreadable + `line 3: the line is indented, so it belongs to the value above it; for some readers it is the key "y", which stands in the section too`},
		{"a key becomes a section", "x=1\n", "[x]\ny=1\n", "x=1\n", "", "[x]\ny=1\n"},
		{"a key becomes a section, and the host changed it", "x=1\n", "[x]\ny=1\n", "x=2\n", "", "conflict: x"},
		{"keys before the sections", "g=1\n[a]\nx=1\n", "g=2\nh=3\n[a]\nx=1\n", "g=1\n[a]\nx=7\n", "", "g=2\nh=3\n[a]\nx=7\n"},
	})
	twice := Input{Format: "ini", Base: []byte("[a]\nx=1\n"), Theirs: []byte("[a]\nx=1\n"), Mine: []byte("[a]\nx=1\n  y=7\n"), Set: map[string]manifest.Value{"a.y": {Literal: "2"}}}
	if got := merged(twice); !strings.HasPrefix(got, unreadable) || !strings.Contains(got, `for some readers it is the key "y"`) {
		t.Errorf("a key that is set and stands within a value: %q", got)
	}
}

// TestTOMLForms: tables by headers, in braces and by keys with dots are the same to the merge.
func TestTOMLForms(t *testing.T) {
	t.Parallel()
	formTests(t, "toml", []formTest{
		{"one table in two forms", "[a]\nx = 1\ny = 1\n", "[a]\nx = 1\ny = 2\n", "a = { x = 7, y = 1 } # ours\n", "", "a = { x = 7, y = 2 } # ours\n"},
		{"a key comes into braces", "[a]\nx = 1\n", "[a]\nx = 1\n[a.b]\nz = 'v'\n", "a = {x = 7} # ours\n", "", "a = { x = 7, b = { z = 'v' } } # ours\n"},
		{"a key comes to keys with dots", "[a]\nx = 1\n", "[a]\nx = 1\ny = 2\n[a.b]\nz = 'v'\n", "a.x = 7 # ours\n[t]\n", "", "a.x = 7 # ours\na.y = 2\na.b.z = 'v'\n[t]\n"},
		{"braces come to a table", "a = {}\n", "a = { b = { c = 1 } }\n", "[a]\nown = 1\n", "", "[a]\nown = 1\nb = { c = 1 }\n"},
		{"a table goes", "[a]\nx = 1\n[b]\ny = 1\n", "[a]\nx = 1\n", "[b]\n# why\ny = 1\n\n[a]\nx = 7\n", "", "[a]\nx = 7\n"},
		{"a table with a key of the host's stays", "[b]\ny = 1\n[b.c]\nz = 1\n", "", "[b]\ny = 1\nown = 1\n[b.c]\nz = 1\n", "", "[b]\nown = 1\n"},
		{"a list is one value", "l = [1, 2]\n", "l = [1, 2, 3]\n", "l = [\n  1, # one\n  2,\n]\n", "", "l = [1, 2, 3]\n"},
		{"a list is one value, both changed it", "l = [1, 2]\n", "l = [1, 2, 3]\n", "l = [1]\n", "", "conflict: l"},
		{"tables in an array are one value", "[[a]]\nx = 1\n", "[[a]]\nx = 1\n[[a]]\nx = 2\n", "[[a]] # ours\nx = 1\n\n[t]\n", "", "[[a]]\nx = 1\n[[a]]\nx = 2\n\n[t]\n"},
		{"tables in an array, both changed them", "[[a]]\nx = 1\n", "[[a]]\nx = 2\n", "[[a]]\nx = 3\n", "", "conflict: a"},
		{"tables in an array, another form", "[[a]]\nx = 1\n[[a]]\nx = 2\n", "[[a]]\nx = 3\n", "a = [{x = 1}, {x = 2}]\n", "", "a = [{ x = 3 }]\n"},
		{"tables in an array become a list", "[[a]]\nx = 1\n", "a = [1]\nb = 2\n", "[[a]]\nx = 1\n[t]\n", "", "a = [1]\nb = 2\n[t]\n"},
		{"a placeholder for a number", "port = '<<port>>'\n", "port = '<<port>>'\nurl = 'http://h:<<port>>/'\nalso = '<<port>>'\n", "port = 8_080\n", "", "port = 8_080\nurl = 'http://h:8080/'\nalso = 8_080\n"},
		{"underscores are no change", "port = 1000\n", "port = 2000\n", "port = 1_000 # ours\n", "", "port = 2000 # ours\n"},
		{"a date", "d = 2024-01-01\n", "d = 2024-01-02\n", "d = 2024-01-01 # ours\n", "", "d = 2024-01-02 # ours\n"},
		{"quotes are no change", "a = 'x'\n", "a = 'y'\n", "a = \"x\"\n", "", "a = \"y\"\n"},
		{"a value becomes a table", "a = 1\n", "[a]\nb = 1\n", "a = 1\nc = 1\n", "", "c = 1\n\n[a]\nb = 1\n"},
		{"a value becomes a table, and the host changed it", "a = 1\n", "[a]\nb = 1\n", "a = 2\n", "", "conflict: a"},
		{"lines", "a = '''\nx\n'''\n", "a = '''\ny\n'''\n", "a = \"\"\"\nx\n\"\"\" # ours\n", "", "a = '''\ny\n''' # ours\n"},
	})
}

// TestPropertiesForms: signs, escapes and lines that go on are no change.
func TestPropertiesForms(t *testing.T) {
	t.Parallel()
	formTests(t, "properties", []formTest{
		{"signs", "a=1\nb=1\n", "a=1\nb=2\nc=3\n", "a : 7\nb   1\n", "", "a : 7\nb   2\nc   3\n"},
		{"escapes", "u=http://h/\n", "u=https://h/\n", "u=http\\://h/\n", "", "u=https://h/\n"},
		{"escapes of a key", "a\\ b=1\n", "a\\ b=2\n", "\\u0061\\ b=1\n", "", "\\u0061\\ b=2\n"},
		{"a line that goes on", "l=a,b\n", "l=a,\\\n  b,\\\n  c\n", "l = a,\\\n    b\n", "", "l = a,\\\n  b,\\\n  c\n"},
		{"blanks at the end are a value's", "a=1\n", "a=2\n", "a=1 \n", "", "conflict: a"},
		{"a key that begins another one's name", "a=1\na.b=1\n", "a=1\na.b=2\n", "a=7\na.b=1\n", "", "a=7\na.b=2\n"},
		{"both", "a=1\n", "a=2\n", "a=3\n", "", "conflict: a"},
		{"both, taken", "a=1\n", "a=2\n", "a=3\n", manifest.New, "a=2\n"},
		{"a value that begins with a sign", "a=1\n", "a=\\=2\n", "a 1\n", "", "a \\=2\n"},
		{"characters", "a=ü\n", "a=ö\nb=x\n", "a=\\u00fc\n", "", "a=\\u00f6\nb=x\n"},
		{"ISO 8859-1", "a=1\n", "a=2\nb=\\u00f6\n", "# f\xfcr uns\na=1\n", "", "# f\xfcr uns\na=2\nb=\\u00f6\n"},
		{"a key twice", "a=1\n", "a=2\n", "a=1\na=3\n", "", "error: read the host's file: line 2: the key \"a\" stands twice"},
	})
}
