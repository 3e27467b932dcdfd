package hostconf_test

import (
	"fmt"
	"testing"

	"onerpm/internal/hostconf"
)

func TestTemplate(t *testing.T) {
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
	} {
		got, ok := hostconf.ParseTemplate(c.template).Match(c.s)
		if ok != c.ok || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%q %q: %v %v", c.template, c.s, got, ok)
		}
	}
}
