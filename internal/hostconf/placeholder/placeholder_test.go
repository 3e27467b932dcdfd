package placeholder_test

import (
	"fmt"
	"reflect"
	"testing"

	"onerpm/internal/hostconf/placeholder"
)

func TestTemplateMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template, s string
		ok          bool
		want        map[string]string
	}{
		{"a", "a", true, nil},
		{"a", "b", false, nil},
		{"<<x>>", "", true, map[string]string{"x": ""}},
		{"a <<x>>;", "a b;", true, map[string]string{"x": "b"}},
		{"a <<x>>;", "a b", false, nil},
		{"<<h>>:<<p>>", "host:80", true, map[string]string{"h": "host", "p": "80"}},
		{"<<h>>:<<p>>", "[::1]:80", true, map[string]string{}},
		{"<<h>>/<<h>>", "a/a", true, map[string]string{"h": "a"}},
		{"<<h>>/<<h>>", "a/b", true, map[string]string{}},
		{"<<h>><<p>>", "ab", true, map[string]string{}},
		{"aa<<x>>aa", "aaa", false, nil},
		{"http://<<h>>/", "https://x/", false, nil},
		{"<<a>>-<<b>>-<<c>>", "1-2-3", true, map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"<<a>>-<<b>>-<<c>>", "1-2", false, nil},
	} {
		got, ok := placeholder.Parse(c.template).Match(c.s)
		if ok != c.ok || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%q %q: %v %v", c.template, c.s, got, ok)
		}
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, canonical, filled string
		names, missing          []string
		whole                   bool
		weight                  int
	}{
		{"", "", "", nil, nil, false, 0},
		{"a", "a", "a", nil, nil, false, 1},
		{"<<x>>", "<<>>", "X", []string{"x"}, nil, true, 0},
		{"a<<x>>b<<y.z-1>>", "a<<>>b<<>>", "aXb", []string{"x", "y.z-1"}, []string{"y.z-1"}, false, 2},
		{"<<x>><<x>>", "<<>><<>>", "XX", []string{"x", "x"}, nil, false, 0},
		{"<< x >> <<1>> <<>> <<x>", "<< x >> <<1>> <<>> <<x>", "<< x >> <<1>> <<>> <<x>", nil, nil, false, 23},
		{"cat <<EOF>> a", "cat <<>> a", "cat  a", []string{"EOF"}, []string{"EOF"}, false, 6},
	} {
		tmpl := placeholder.Parse(c.text)
		filled, missing := tmpl.Fill(func(name string) (string, bool) { return map[string]string{"x": "X"}[name], name == "x" })
		if !reflect.DeepEqual(tmpl.Names, c.names) || tmpl.Whole() != c.whole || tmpl.Weight() != c.weight || filled != c.filled || !reflect.DeepEqual(missing, c.missing) {
			t.Errorf("%q: %+v, whole %v, weight %d, filled %q, missing %q", c.text, tmpl, tmpl.Whole(), tmpl.Weight(), filled, missing)
		}
		if placeholder.Canonical(c.text) != c.canonical || placeholder.In(c.text) != (len(c.names) > 0) {
			t.Errorf("%q: canonical %q", c.text, placeholder.Canonical(c.text))
		}
	}
}

// FuzzTemplate: a text filled with values matches its own template, and what is captured
// for a name, where it is certain, is the value.
func FuzzTemplate(f *testing.F) {
	f.Add("a <<x>>:<<y>>", "v", "w")
	f.Add("<<x>><<y>>", "", ":")
	f.Add("<<x>>/<<x>>", "/", "//")
	f.Fuzz(func(t *testing.T, text, x, y string) {
		tmpl := placeholder.Parse(text)
		values := map[string]string{"x": x, "y": y}
		filled, missing := tmpl.Fill(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		if len(missing) > 0 {
			return
		}
		found, ok := tmpl.Match(filled)
		if !ok {
			t.Fatalf("%q filled to %q does not match", text, filled)
		}
		for name, v := range found {
			if v != values[name] {
				t.Errorf("%q, %q: %s is taken for %q, not %q", text, filled, name, v, values[name])
			}
		}
	})
}
