package document

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGet(t *testing.T) {
	t.Parallel()
	const doc = ` { "a" : {"b.c" : [1, {"x":"]}\""}], "d":1.0 }, "a\u0062":-0.0,"":"e", "n":null,"twice":1,"twice":{"y":123456789012345678901234567890}} `
	raw := Trim([]byte(doc))
	for path, want := range map[string]string{
		"a/b.c": `[1, {"x":"]}\""}]`, "a/d": "1.0", "ab": "-0.0", "": `"e"`, "n": "null", "twice/y": "123456789012345678901234567890",
		"nowhere": "", "a/b.c/x": "", "n/x": "", "twice/z": "",
	} {
		if got := Get(raw, strings.Split(path, "/")); string(got) != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	f := NewFinder()
	first, second, third := f.Add([]string{"twice", "y"}), f.Add([]string{"a", "d"}), f.Add([]string{"a"})
	if f.Add([]string{"a", "d"}) != second {
		t.Error("a path has two places")
	}
	found := f.Find(raw, nil)
	if string(found[first]) != "123456789012345678901234567890" || string(found[second]) != "1.0" || found[third][0] != '{' {
		t.Errorf("found %q", found)
	}
	if found = f.Find([]byte(`{"a":{"d":1},"a":2,"twice":{"y":3},"twice":{}}`), found); found[first] != nil || found[second] != nil || string(found[third]) != "2" {
		t.Errorf("of keys that are there twice, found %q", found)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]struct {
		text     string
		replaced int
	}{
		`""`: {"", 0}, `"a\"\\\/\b\f\n\r\t"`: {"a\"\\/\b\f\n\r\t", 0}, `"\u00e9\ud83d\ude00"`: {"é😀", 0},
		`"a\u0000b\u0000"`: {"a\uFFFDb\uFFFD", 2}, `"\ud800"`: {"\uFFFD", 1}, `"x\udc00y"`: {"x\uFFFDy", 1}, `"\ud800\ud83d\ude00"`: {"\uFFFD😀", 1},
		`"\ud800\u0041"`: {"\uFFFDA", 1}, `"\ufffd"`: {"\uFFFD", 0}, `"\ud83d😀"`: {"\uFFFD😀", 1}, "\"\xff\"": {"\uFFFD", 0},
	} {
		text, replaced := Text([]byte(written))
		if string(text) != want.text || replaced != want.replaced {
			t.Errorf("%s: %q, %d replaced; want %q, %d", written, text, replaced, want.text, want.replaced)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	set := func(doc, path, value string) string {
		got, err := Set([]byte(doc), strings.Split(path, "/"), []byte(value))
		if err != nil {
			return err.Error()
		}
		return string(got)
	}
	remove := func(doc, path, _ string) string { return string(Remove([]byte(doc), strings.Split(path, "/"))) }
	add := func(doc, _, item string) string {
		got, err := Append([]byte(doc), []byte(item))
		if err != nil {
			return err.Error()
		}
		return string(got)
	}
	for _, c := range []struct {
		do                     func(doc, path, value string) string
		doc, path, value, want string
	}{
		{set, `{}`, "a", "1", `{"a":1}`},
		{set, `{ }`, "a.b", "1", `{ "a.b":1}`},
		{set, `{"a":1.0}`, "b/c", `"x"`, `{"a":1.0,"b":{"c":"x"}}`},
		{set, `{"b":null}`, "b/c", `1`, `{"b":{"c":1}}`},
		{set, `{"b":{"c":1,"c":2},"z":1}`, "b/c", `3`, `{"b":{"c":1,"c":3},"z":1}`},
		{set, `{"b":[]}`, "b/c", `1`, "at c: a value on the way is no object"},
		{set, `{"b":1}`, "b", `{"x":[]}`, `{"b":{"x":[]}}`},
		{remove, `{"a":1,"b":2,"c":3}`, "b", "", `{"a":1,"c":3}`},
		{remove, `{"a":1 , "b":2 }`, "b", "", `{"a":1  }`},
		{remove, `{"b":2}`, "b", "", `{}`},
		{remove, `{ "b":2 }`, "b", "", `{ }`},
		{remove, `{"b":2,"b":3,"c":1}`, "b", "", `{"c":1}`},
		{remove, `{"b":{"c":1,"d":2}}`, "b/c", "", `{"b":{"d":2}}`},
		{remove, `{"b":[1]}`, "b/c", "", `{"b":[1]}`},
		{remove, `{"a":1}`, "b", "", `{"a":1}`},
		{add, `[]`, "", `1`, `[1]`}, {add, `[ 1 ]`, "", `{}`, `[ 1 ,{}]`}, {add, `null`, "", `1`, `[1]`}, {add, ``, "", `1`, `[1]`}, {add, `{}`, "", `1`, "the value is no list"},
	} {
		got := c.do(c.doc, c.path, c.value)
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s, %s: %s, want %s", c.doc, c.path, got, c.want)
		}
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`"é"`, `"\u00e9"`, true}, {`1`, `1.0`, false}, {`{"a":1,"b":[2]}`, `{"b": [2],"a":1}`, true}, {`{"a":1}`, `{"a":1.0}`, false}, {`null`, `null`, true}, {`null`, `false`, false},
	} {
		if got := Equal([]byte(c.a), []byte(c.b)); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

// walk builds of a value what encoding/json builds, by this package's functions.
func walk(raw []byte) any {
	switch KindOf(raw) {
	case Object:
		m := map[string]any{}
		Members(raw, func(k, v []byte) bool {
			m[string(bytes.ToValidUTF8(Unquote(nil, k), []byte("\uFFFD")))] = walk(v)
			return true
		})
		return m
	case List:
		l := []any{}
		Items(raw, func(v []byte) bool { l = append(l, walk(v)); return true })
		return l
	case String:
		return string(bytes.ToValidUTF8(Unquote(nil, raw), []byte("\uFFFD")))
	case Number:
		return json.Number(raw)
	case Bool:
		return string(raw) == "true"
	}
	return nil
}

// same compares with what encoding/json read, which writes each half of a broken pair and each
// wrong byte as one U+FFFD.
func same(a, b any) bool {
	flat := func(s string) string {
		for strings.Contains(s, "\uFFFD\uFFFD") {
			s = strings.ReplaceAll(s, "\uFFFD\uFFFD", "\uFFFD")
		}
		return s
	}
	switch a := a.(type) {
	case string:
		b, is := b.(string)
		return is && flat(a) == flat(b)
	case []any:
		b, is := b.([]any)
		if !is || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, is := b.(map[string]any)
		if !is || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if !strings.Contains(k, "\uFFFD") && !same(v, b[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// FuzzWalk: whatever is valid JSON is read as encoding/json reads it, and stays valid when it is changed.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"\ud83d\ude00\u0000"}],"c":-0.0}`, ` [ null , true ,1e400] `, `"\ud800"`, `{"":{"":{}}}`, `{"a" : 1 , "a":[ ] }`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var want any
		if !json.Valid(raw) || d.Decode(&want) != nil {
			return
		}
		raw = Trim(raw)
		if got := walk(raw); !same(got, want) {
			t.Fatalf("%s: %#v, want %#v", raw, got, want)
		}
		if KindOf(raw) == String {
			if text, _ := Text(raw); !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
				t.Fatalf("%s: %q is no text of PostgreSQL", raw, text)
			}
		}
		if KindOf(raw) != Object {
			return
		}
		changed, err := Set(raw, []string{"a"}, []byte(`[7]`))
		if err != nil || !json.Valid(changed) || string(Get(changed, []string{"a"})) != "[7]" {
			t.Fatalf("%s: %s, %v", raw, changed, err)
		}
		if removed := Remove(changed, []string{"a"}); !json.Valid(removed) || Get(removed, []string{"a"}) != nil {
			t.Fatalf("%s: %s", changed, removed)
		}
	})
}
