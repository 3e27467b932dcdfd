package conffile_test

import (
	"reflect"
	"strings"
	"testing"

	"onerpm/bundler/internal/conffile"
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
			{"a", `"x <<p>>"`, 2, 8}, {"b.c", `[1,{"d":2}]`, 3, 15}, {"f", "null", 4, 7}}, ""},
		{"broken json", "json", "{\n  \"a\": x\n}", nil, "f:2:8: not JSON: invalid character 'x' looking for beginning of value"},
		{"cut json", "json", "{ \"a\": [1,", nil, "f:1:10: not JSON: unexpected end of JSON input"},
		{"two values", "json", "{} {}", nil, "f:1:4: not JSON: invalid character '{' after top-level value"},
		{"yaml in braces", "yaml", "{\n  # c\n  a: 'x',\n  b: { c: [1, 2] },\n  d: {}\n}\n", entries{
			{"a", "x", 3, 6}, {"b.c", "[1, 2]", 4, 11}, {"d", "{}", 5, 6}}, ""},
		{"yaml in blocks", "yaml", "a:\n  b: <<p>>\n  c:\nd: [x]\n", entries{
			{"a.b", "<<p>>", 2, 6}, {"a.c", "", 3, 5}, {"d", "[x]", 4, 4}}, ""},
		{"broken yaml", "yaml", "a: [1\n", nil, "f:1:4: not YAML: sequence end token ']' not found"},
		{"env", "env", "# c\nA=1\nexport B=\"x y\"\n\nC = 2\n  D=\n", entries{
			{"A", "1", 2, 3}, {"B", `"x y"`, 3, 10}, {"D", "", 6, 5}}, ""},
		{"text", "text", "a\r\n\nb", entries{{"", "a", 1, 1}, {"", "", 2, 1}, {"", "b", 3, 1}}, ""},
		{"no format", "ini", "", nil, `f: "ini" is no format; allowed: json, yaml, env, text`},
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
	for _, format := range []string{"json", "yaml", "env", "text"} {
		f.Add(format, []byte("{a: 1}"))
		f.Add(format, []byte("{\"a\": [1, {}]}"))
		f.Add(format, []byte("a:\n  b: &x *x\n"))
		f.Add(format, []byte("A=1\nexport B='\n"))
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
