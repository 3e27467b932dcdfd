package tomlsyntax

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/hostconf/syntax"
)

// ofValue are the mistakes of single values that the whole library finds and a reader of the lines does not: a month 13, a number beyond 64 bits.
var ofValue = regexp.MustCompile(`(?i)integer|float|number|date|time|month|day|hour|minute|second|zone|offset|value out of range|digit|underscore`)

// same compares what was read with what the library makes of it.
func same(n *syntax.Node, v any) bool {
	switch v := v.(type) {
	case map[string]any:
		if n.Kind != syntax.Mapping || len(n.Keys) != len(v) {
			return false
		}
		for _, k := range n.Keys {
			if w, has := v[k.Key]; !has || !same(k.Value, w) {
				return false
			}
		}
		return true
	case []any:
		if n.Kind != syntax.List || len(n.Items) != len(v) {
			return false
		}
		for i := range v {
			if !same(n.Items[i], v[i]) {
				return false
			}
		}
		return true
	case string:
		// The library leaves a line break of \r\n as it is.
		return n.Kind == syntax.String && strings.ReplaceAll(n.Text, "\r", "") == strings.ReplaceAll(v, "\r", "")
	case bool:
		return n.Kind == syntax.Bool && n.Text == fmt.Sprint(v)
	case int64, float64:
		return n.Kind == syntax.Number
	}
	return n.Kind == syntax.Time
}

// FuzzParse: what is read is what the library's own decoder reads, and each value stands where its node says.
func FuzzParse(f *testing.F) {
	for _, v := range hostconftest.Values {
		if v.Format == "toml" {
			f.Add([]byte(v.Text))
		}
	}
	for _, text := range []string{
		"[a]\nb.c = 1\n[a.b.d]\n[[e]]\n[e.f]\ng = 1\n[[e]]\n", "a = {b = [{c = 1}], d.e = 2}\n", "a.b = 1\n[a.c]\n", "[a.b]\n[a]\n", "a = [\n 1, # x\n 2,\n]\n", "a = 2024-13-01\n", "[[a.b]]\n[[a.b.c]]\n", "a = 1\na.b = 1\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4096 {
			return
		}
		var want map[string]any
		n, err := Parse(src)
		other := toml.Unmarshal(src[syntax.BOM(string(src)):], &want)
		switch {
		case err != nil && other == nil && !strings.Contains(err.Error(), "nested deeper"):
			t.Fatalf("%q: %v; the library reads %v", src, err, want)
		case err != nil:
			return
		case other != nil && !ofValue.MatchString(other.Error()):
			t.Fatalf("%q is read; the library says: %v", src, other)
		case other == nil && !same(n, want):
			t.Fatalf("%q: %s; the library reads %v", src, n, want)
		}
		inPlace(t, string(src), n)
	})
}

// inPlace holds that keys and values stand where their nodes say.
func inPlace(t *testing.T, text string, n *syntax.Node) {
	t.Helper()
	for _, k := range n.Keys {
		if v := k.Value; v.Raw != "" && (text[v.Start:v.End] != v.Raw || !says(strings.ReplaceAll(v.Raw, "\r\n", "\n"), v)) {
			t.Fatalf("%q: %s is %q at %d-%d", text, k.Key, v.Raw, v.Start, v.End)
		}
		key, err := Parse([]byte(text[k.Start:k.End] + " = 1"))
		if err != nil || key.Get(k.Key) == nil {
			t.Fatalf("%q: %q stands at %d-%d", text, k.Key, k.Start, k.End)
		}
		for _, l := range k.Lines {
			if l[0] > l[1] || l[1] > len(text) || l[0] > 0 && text[l[0]-1] != '\n' && l[0] != syntax.BOM(text) || l[1] < len(text) && text[l[1]-1] != '\n' {
				t.Fatalf("%q: %q takes no whole lines: %v", text, k.Key, k.Lines)
			}
		}
		inPlace(t, text, k.Value)
	}
}
