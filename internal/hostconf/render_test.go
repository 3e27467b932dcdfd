package hostconf_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/internal/hostconf/syntax"
)

// TestRender: what is put in looks like what stands around it.
func TestRender(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, have, want, out string }{
		{"json, one line", "json", `{"a": 1, "b": 2}`, `{"a": 1, "x": "y", "b": 2}`, `{"a": 1, "x": "y", "b": 2}`},
		{"json, tight", "json", `{"a":1,"b":2}`, `{"a":1,"b":{"c":[1,2],"d":null}}`, `{"a":1,"b":{"c":[1,2],"d":null}}`},
		{"json, wide", "json", "{\n\t\"a\": 1\n}\n", `{"a": 1, "b": {"c": true, "d": {}}}`, "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": true,\n\t\t\"d\": {}\n\t}\n}\n"},
		{"json, CRLF", "json", "{\r\n  \"a\": 1\r\n}\r\n", `{"a": {"b": 1}}`, "{\r\n  \"a\": {\r\n    \"b\": 1\r\n  }\r\n}\r\n"},
		{"json, first", "json", "{\n  \"b\": 1\n}\n", `{"a": 0, "b": 1}`, "{\n  \"a\": 0,\n  \"b\": 1\n}\n"},
		{"json, last goes", "json", "{\n  \"a\": 1,\n  \"b\": 2\n}\n", `{"a": 1}`, "{\n  \"a\": 1\n}\n"},
		{"json, first goes", "json", "{\n  \"a\": 1,\n  \"b\": 2\n}\n", `{"b": 2}`, "{\n  \"b\": 2\n}\n"},
		{"json, all go", "json", `{"a": 1}`, `{}`, `{}`},
		{"json, from nothing", "json", `{}`, `{"a": [1, "x"]}`, "{\n  \"a\": [1, \"x\"]\n}"},
		{"json, a list becomes a value", "json", `{"a": [1, 2]}`, `{"a": "x"}`, `{"a": "x"}`},

		{"yaml, below", "yaml", "a:\n    b: 1\n", "a: {b: 1, c: 2}", "a:\n    b: 1\n    c: 2\n"},
		{"yaml, a mapping", "yaml", "a:\n    b: 1\n", "a: {b: 1}\nx: {q: {z: 1}, w: []}", "a:\n    b: 1\nx:\n    q:\n        z: 1\n    w: []\n"},
		{"yaml, a list", "yaml", "a: 1\n", "a: 1\nb: [x, {c: d, e: f}, [1]]", "a: 1\nb:\n  - x\n  - c: d\n    e: f\n  - - 1\n"},
		{"yaml, quotes as around", "yaml", "a: 'x'\nb: 'y'\n", "a: x\nm: new\nb: y", "a: 'x'\nm: 'new'\nb: 'y'\n"},
		{"yaml, double quotes as around", "yaml", "a: \"x\"\n", "a: x\nm: new", "a: \"x\"\nm: \"new\"\n"},
		{"yaml, what needs quotes", "yaml", "a: x\n", "a: x\nb: 'yes'\nc: '1'\nd: 'x: y'\ne: '# x'\nf: ''\ng: ' x'\nh: \"a\\tb\"", "a: x\nb: 'yes'\nc: '1'\nd: 'x: y'\ne: '# x'\nf: ''\ng: ' x'\nh: \"a\\tb\"\n"},
		{"yaml, a literal text", "yaml", "a: |\n  one\n  two\nb: 1\n", "a: \"three\\nfour\\n\"\nb: 1", "a: |\n  three\n  four\nb: 1\n"},
		{"yaml, a literal text becomes short", "yaml", "a: |\n  one\nb: 1\n", "a: x\nb: 1", "a: x\nb: 1\n"},
		{"yaml, nothing gets a value", "yaml", "a:\nb: 1\n", "a: x\nb: 1", "a: x\nb: 1\n"},
		{"yaml, a value becomes nothing", "yaml", "a: x\nb: 1\n", "a: null\nb: 1", "a: null\nb: 1\n"},
		{"yaml, a block becomes a value", "yaml", "a:\n  b: 1\n  c: 2\nd: 3\n", "a: x\nd: 3", "a: x\nd: 3\n"},
		{"yaml, a value becomes a block", "yaml", "a: x # c\nd: 3\n", "a: {b: 1}\nd: 3", "a:\n  b: 1 # c\nd: 3\n"},
		{"yaml, braces stay", "yaml", "{ a: 1, b: {c: 2} }\n", "{a: 1, b: {c: 2, d: 3}, e: 4}", "{ a: 1, b: {c: 2, d: 3}, e: 4 }\n"},
		{"yaml, braces over lines", "yaml", "{\n  a: 1, # one\n  b: 2 # two\n}\n", "{a: 1, b: 2, c: 3}", "{\n  a: 1, # one\n  b: 2, # two\n  c: 3\n}\n"},
		{"yaml, from braces goes", "yaml", "{\n  a: 1, # one\n  b: 2, # two\n}\n", "{a: 1}", "{\n  a: 1, # one\n}\n"},
		{"yaml, only comments", "yaml", "# nothing\n", "a: 1", "# nothing\na: 1\n"},
		{"yaml, in a list of mappings", "yaml", "l:\n- a: 1\nk: 1\n", "l: [{a: 1}]\nk: 2", "l:\n- a: 1\nk: 2\n"},
		{"yaml, a key that needs quotes", "yaml", "a: 1\n", "a: 1\n'b: c': 2\n'true': 3", "a: 1\n'b: c': 2\n'true': 3\n"},
		{"yaml, no line end", "yaml", "a: 1", "a: 1\nb: 2", "a: 1\nb: 2"},
		{"yaml, CRLF block", "yaml", "a:\r\n  b: 1\r\n", "a: {b: 1}\nc: {d: 2}", "a:\r\n  b: 1\r\nc:\r\n  d: 2\r\n"},
	} {
		have, want := parse(t, c.format, c.have), parse(t, c.format, c.want).Root
		got, err := have.Edit(want)
		if err != nil || string(got) != c.out {
			t.Errorf("%s: %v\n%q\nwant\n%q", c.name, err, got, c.out)
		}
	}
}

// content is a random file's: strings, numbers, switches, lists and more of it.
func content(r *rand.Rand, depth int) map[string]any {
	out := map[string]any{}
	for range r.IntN(6) {
		out[fmt.Sprint("k", r.IntN(8))] = something(r, depth)
	}
	return out
}

func something(r *rand.Rand, depth int) any {
	strs := []string{"", "a", "x y", "it's", `"q"`, "yes", "1", "null", "a: b", "# c", "- d", "{", "é", "a\nb\n", " x ", "<<p>>", "&a", "*a", "!t", "%", "@", "`"}
	switch n := r.IntN(12); {
	case n < 6 || depth > 3:
		return strs[r.IntN(len(strs))]
	case n < 7:
		return r.IntN(100)
	case n < 8:
		return r.IntN(2) == 0
	case n < 9:
		return nil
	case n < 10:
		return []any{something(r, depth+2), something(r, depth+2)}
	}
	return content(r, depth+1)
}

// TestAnyFileBecomesAnyOther: whatever two files hold, one is edited until it says what the other does.
func TestAnyFileBecomesAnyOther(t *testing.T) {
	t.Parallel()
	write := map[string]func(r *rand.Rand, v map[string]any) []byte{
		"json": func(r *rand.Rand, v map[string]any) []byte {
			out, err := json.MarshalIndent(v, "", []string{"", "  "}[r.IntN(2)])
			if err != nil {
				t.Error(err)
			}
			return out
		},
		"yaml": func(_ *rand.Rand, v map[string]any) []byte {
			var b strings.Builder
			block(&b, v, "")
			return []byte(b.String())
		},
		"yaml in braces": func(_ *rand.Rand, v map[string]any) []byte {
			out, err := json.Marshal(v)
			if err != nil {
				t.Error(err)
			}
			return out
		},
	}
	for name, write := range write {
		format, _, _ := strings.Cut(name, " ")
		for seed := range uint64(500) {
			r := rand.New(rand.NewPCG(seed, 4))
			from, to := parse(t, format, string(write(r, content(r, 0)))), parse(t, format, string(write(r, content(r, 0))))
			out, err := from.Edit(to.Root.OrMapping())
			if err != nil {
				t.Errorf("%s, seed %d: %v\n%s\nto\n%s", name, seed, err, from.Source(), to.Source())
				continue
			}
			if got := parse(t, format, string(out)); !syntax.Equal(got.Root.OrMapping(), to.Root.OrMapping()) {
				t.Errorf("%s, seed %d:\n%s\nbecame\n%s", name, seed, from.Source(), out)
			}
			var other any // as a reader of somebody else's sees it
			if format == "json" {
				err = json.Unmarshal(out, &other)
			} else {
				err = yaml.Unmarshal(out, &other)
			}
			if err != nil {
				t.Errorf("%s, seed %d: another reader: %v\n%s", name, seed, err, out)
			}
		}
	}
}

func block(b *strings.Builder, v map[string]any, indent string) {
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if below, is := v[key].(map[string]any); is && len(below) > 0 {
			b.WriteString(indent + key + ": # " + key + "\n")
			block(b, below, indent+"  ")
			continue
		}
		value, err := json.Marshal(v[key])
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, key, value)
	}
}
