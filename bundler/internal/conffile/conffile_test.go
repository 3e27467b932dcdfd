package conffile_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/conffile"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/manifest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	type entries = []conffile.Entry
	tests := []struct {
		name, format, src string
		want              entries
		mistake           string
	}{
		{"json", "json", "{\n  \"a\": \"x <<p>>\",\n  \"b\": { \"c\": [1, {\"d\": 2}], \"e\": {} },\n\t\"f\": null\n}\n", entries{
			{"a", `"x <<p>>"`, 2, 8}, {"b.c", `[1,{"d":2}]`, 3, 15}, {"b.e", "{}", 3, 35}, {"f", "null", 4, 7}}, ""},
		{"broken json", "json", "{\n  \"a\": x\n}", nil, "f:2:8: not JSON: invalid character 'x' looking for beginning of value"},
		{"cut json", "json", "{ \"a\": [1,", nil, "f:1:11: not JSON: the file ends too early"},
		{"two values", "json", "{} {}", nil, "f:1:4: not JSON: invalid character '{' after top-level value"},
		{"yaml in braces", "yaml", "{\n  # c\n  a: 'x',\n  b: { c: [1, 2] },\n  d: {}\n}\n", entries{
			{"a", "x", 3, 6}, {"b.c", "[1, 2]", 4, 11}, {"d", "{}", 5, 6}}, ""},
		{"yaml in blocks", "yaml", "a:\n  b: <<p>>\n  c:\nd: [x]\n", entries{
			{"a.b", "<<p>>", 2, 6}, {"a.c", "", 3, 5}, {"d", "[x]", 4, 4}}, ""},
		{"broken yaml", "yaml", "a: [1\n", nil, "f:1:4: not YAML: sequence end token ']' not found"},
		{"env", "env", "# c\nA=1\nexport B=\"x y\"\n\nC = 2\n  D=\n", entries{
			{"A", "1", 2, 3}, {"B", "x y", 3, 10}, {"C", "2", 5, 5}, {"D", "", 6, 5}}, ""},
		{"env, other lines", "env", "[a]\nulimit -n 1\nB.c-d=1\n", entries{{"", "[a]", 1, 1}, {"", "ulimit -n 1", 2, 1}, {"a.B.c-d", "1", 3, 7}}, ""},
		{"twice", "json", `{"a": 1, "a": 2}`, nil, `f:1:10: not JSON: the key "a" stands twice`},
		{"no text", "env", "A=\x00", nil, "f: it holds a zero byte: not a text"},
		{"text", "text", "a\r\n\nb", entries{{"", "a", 1, 1}, {"", "", 2, 1}, {"", "b", 3, 1}}, ""},
		{"ini", "ini", "g = <<p>>\n[s]\nk: a\n  b\n", entries{{"g", "<<p>>", 1, 5}, {"s.k", "a\nb", 3, 4}}, ""},
		{"toml", "toml", "a.b = '<<p>>'\n[t]\nc = [1, {d = 2}]\n[[u]]\ne = 1_0\n", entries{{"a.b", "<<p>>", 1, 7}, {"t.c", "[1, {d: 2}]", 3, 5}, {"u", "[{e: 10}]", 4, 1}}, ""},
		{"properties", "properties", "a.b=<<p>>\nc : \\u00e9\n", entries{{"a.b", "<<p>>", 1, 5}, {"c", "é", 2, 5}}, ""},
		{"broken ini", "ini", "[s]\nnothing\n", nil, "f:2:1: not INI: neither a [section], nor key = value, nor a comment"},
		{"no format", "hocon", "", nil, `f: "hocon" is no format; allowed: json, yaml, env, ini, toml, properties, text`},
	}
	for _, tt := range tests {
		got, m := conffile.Read(tt.format, "f", []byte(tt.src))
		said := ""
		if m != nil {
			said = m.String()
		}
		if !reflect.DeepEqual(got, tt.want) || said != tt.mistake {
			t.Errorf("%s: got %+v, %s", tt.name, got, said)
		}
	}
}

// TestValues: bundler shows a value as the engine reads it.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range hostconftest.Values {
		entries, m := conffile.Read(c.Format, "f", []byte(c.Text))
		if m != nil {
			t.Errorf("%s: %s", c.Name, m.String())
			continue
		}
		i := slices.IndexFunc(entries, func(e conffile.Entry) bool { return e.Key == "k" })
		if i < 0 {
			t.Errorf("%s: no k in %+v", c.Name, entries)
			continue
		}
		got := entries[i].Value
		if c.Format == "json" && got[0] == '"' {
			if err := json.Unmarshal([]byte(got), &got); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		if got != c.Want {
			t.Errorf("%s: %q, want %q", c.Name, got, c.Want)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	if got := conffile.Placeholders("http://<<host>>:<<port>>/ << >> <<1>>"); !reflect.DeepEqual(got, []string{"host", "port"}) {
		t.Errorf("got %q", got)
	}
	if !conffile.Same("a <<x>>", "a <<y>>") || conffile.Same("a <<x>>", "b <<x>>") {
		t.Error("Same is wrong about placeholders")
	}
}

func FuzzRead(f *testing.F) {
	for _, format := range manifest.Formats {
		f.Add(format, []byte("{a: 1}"))
		f.Add(format, []byte("{\"a\": [1, {}]}"))
		f.Add(format, []byte("a:\n  b: &x *x\n"))
		f.Add(format, []byte("A=1\nexport B='\n"))
		f.Add(format, []byte("[a]\nb = 1\n"))
	}
	f.Fuzz(func(t *testing.T, format string, src []byte) {
		if len(src) > 4096 {
			return
		}
		got, _ := conffile.Read(format, "f", src)
		last := strings.Count(string(src), "\n") + 1
		for _, e := range got {
			if e.Line < 0 || e.Line > last {
				t.Errorf("%+v is beyond line %d", e, last)
			}
		}
	})
}

func TestCompare(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, format, old, new, want string }{
		{"keys", "env", "A=1\nB=2\nC=<<x>>\nD=4\n", "D=4\nC=<<y>>\nB=3\nE=5\nE=6\n", "~B:2>3 +E:>6 -A:1>"},
		{"other lines", "env", "A=1\numask 022\n", "umask 027\nA=1\n", "-:umask 022> +:>umask 027"},
		{"sections", "ini", "[a]\nb=1\nc=2\n[d]\n", "[a]\nb=1\nd=2\n[e]\nf=<<x>>\n", "+a.d:>2 +e.f:><<x>> -a.c:2> -d:{}>"},
		{"tables", "toml", "[[a]]\nb = 1\n", "[[a]]\nb = 1\n[[a]]\nb = 2\n", "~a:[{b: 1}]>[{b: 1}, {b: 2}]"},
		{"nested", "yaml", "a: {b: 1, c: 2}\n", "a: {b: 1, d: 2}\n", "+a.d:>2 -a.c:2>"},
		{"lines", "text", "a\nb\nc\nd\n", "a\nx\nc\ny\nd\n", "-:b> +:>x +:>y"},
		{"moved line", "text", "a\nb\nc\n", "b\nc\na\n", "-:a> +:>a"},
		{"all new", "text", "", "a\nb\n", "+:>a +:>b"},
		{"placeholders", "text", "x <<a>>\n", "x <<b>>\n", ""},
	}
	for _, tt := range tests {
		old, _ := conffile.Read(tt.format, "f", []byte(tt.old))
		new, _ := conffile.Read(tt.format, "f", []byte(tt.new))
		var got []string
		for _, c := range conffile.Compare(tt.format, old, new) {
			got = append(got, c.Op+c.Key+":"+c.Old+">"+c.New)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, s, tt.want)
		}
	}
	large, _ := conffile.Read("text", "f", []byte(strings.Repeat("a\n", 3000)))
	other, _ := conffile.Read("text", "f", []byte(strings.Repeat("b\n", 3000)))
	if got := conffile.Compare("text", large, other); len(got) != 6000 {
		t.Errorf("large files: %d changes", len(got))
	}
}
