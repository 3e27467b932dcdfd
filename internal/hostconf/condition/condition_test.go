package condition

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// of is a case of conditions about one file.
func of(conditions ...manifest.HostCondition) []manifest.HostCase {
	for i := range conditions {
		conditions[i].File, conditions[i].Format = "/f", "yaml"
	}
	return []manifest.HostCase{{All: conditions}}
}

// TestConditions: what is not there is an empty text, whatever is missing; a value that is no text is none of the texts.
func TestConditions(t *testing.T) {
	t.Parallel()
	is := func(key string, texts ...string) []manifest.HostCase {
		return of(manifest.HostCondition{Key: key, Is: texts})
	}
	not := func(key string, texts ...string) []manifest.HostCase {
		return of(manifest.HostCondition{Key: key, Not: texts})
	}
	const text = "on: true\nname: 'a b'\nnone:\nlist: [a]\nmap: {a: b}\nmore: &m {x: y}\nsame: *m\n"
	for _, c := range []struct {
		cases []manifest.HostCase
		want  bool
	}{
		{nil, true}, {is("on", "true"), true}, {is("on", "false", "true"), true}, {is("on", "false"), false}, {not("on", "true"), false}, {not("on", "false"), true},
		{is("name", "a b"), true}, {is("none", ""), true}, {is("nowhere", ""), true}, {not("nowhere", ""), false}, {is("nowhere.below", ""), true}, {not("nowhere", "a"), true},
		{is("list", "a"), false}, {not("list", "a"), true}, {is("map", ""), false}, {is("map.a", "b"), true}, {is("same.x", "y"), true},
		{append(is("on", "false"), is("map.a", "b")...), true}, {append(is("on", "false"), is("map.a", "c")...), false},
		{of(manifest.HostCondition{Key: "on", Is: []string{"true"}}, manifest.HostCondition{Key: "map.a", Is: []string{"c"}}), false},
	} {
		if got, _, err := Any(c.cases, func(string) ([]byte, error) { return []byte(text), nil }); err != nil || got != c.want {
			t.Errorf("%+v: %t, %v", c.cases, got, err)
		}
	}
	if got, _, err := Any(is("on", ""), func(string) ([]byte, error) { return nil, fs.ErrNotExist }); err != nil || !got {
		t.Errorf("a file that is not there: %t, %v", got, err)
	}
}

// TestSome: the items of which a condition holds are named, each once.
func TestSome(t *testing.T) {
	t.Parallel()
	lacks := func(through *manifest.HostThrough) []manifest.HostCase {
		return of(manifest.HostCondition{Key: "u", Some: &manifest.HostItem{Key: "roles", Lacks: "root", Named: "n", Through: through}})
	}
	groups := &manifest.HostThrough{Names: "groups", List: "g", By: "n"}
	hashed := of(manifest.HostCondition{Key: "u", Some: &manifest.HostItem{Key: "p.hash", Not: []string{"", "plain"}, Named: "n"}})
	for text, want := range map[string]struct {
		cases []manifest.HostCase
		names string
	}{
		"u: [{n: a, roles: [root]}, {n: b, roles: root}]":                                   {lacks(nil), "-"},
		"u: [{n: a, roles: [root]}, {n: b, roles: [x, y]}, {n: c}, {n: b, roles: z}, {}]":   {lacks(nil), "b c"},
		"u: [{n: a, groups: [g1, g2]}, {n: b, groups: g1}]\ng: [{n: g2, roles: [x, root]}]": {lacks(groups), "b"},
		"u: [{n: a, groups: [g1]}]\ng: [{n: g1, roles: [x]}, {n: g1, roles: [root]}]":       {lacks(groups), "-"},
		"u: [{n: a, groups: [g1]}, {n: d, roles: [root]}]":                                  {lacks(groups), "a"},
		"u: []": {lacks(groups), "-"}, "v: 1": {lacks(groups), "-"},
		"u: [{n: a, p: {hash: plain}}, {n: b}, {n: c, p: {hash: bcrypt}}, {n: 5, p: {hash: 1}}]": {hashed, "5 c"},
	} {
		got, names, err := Any(want.cases, func(string) ([]byte, error) { return []byte(text), nil })
		if shown := strings.Join(names, " "); err != nil || got != (want.names != "-") || got && shown != want.names {
			t.Errorf("%s: %t, %q, %v; want %s", text, got, shown, err, want.names)
		}
	}
}

// TestUnreadable: what cannot be determined is an error that shows no value.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	some := of(manifest.HostCondition{Key: "u", Some: &manifest.HostItem{Key: "k", Lacks: "x", Through: &manifest.HostThrough{Names: "n", List: "g", By: "n"}}})
	for text, want := range map[string]string{"u: s3cret": `read /f: the value "u" is no list`, "u: []\ng: {a: s3cret}": `read /f: the value "g" is no list`, "{{s3cret": "read /f: "} {
		_, _, err := Any(some, func(string) ([]byte, error) { return []byte(text), nil })
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, _, err := Any(some, func(string) ([]byte, error) { return nil, fs.ErrPermission }); err == nil {
		t.Error("a file that cannot be read is one without a value")
	}
}

// TestFormats: conditions about files of the formats whose values are texts, and of TOML; a value that readers take for different things is
// no answer.
func TestFormats(t *testing.T) {
	t.Parallel()
	admins := manifest.HostCondition{Key: "user", Some: &manifest.HostItem{Key: "roles", Lacks: "root", Named: "name"}}
	for _, c := range []struct {
		format, text string
		when         manifest.HostCondition
		want         bool
		names, err   string
	}{
		{"ini", "[auth]\nmode = ldap\n", manifest.HostCondition{Key: "auth.mode", Is: []string{"ldap"}}, true, "", ""},
		{"ini", "[auth]\n", manifest.HostCondition{Key: "auth.mode", Is: []string{""}}, true, "", ""},
		{"ini", "[auth]\nmode = \"ldap\"\n", manifest.HostCondition{Key: "auth.mode", Is: []string{"ldap"}}, false, "", `"auth.mode" stands in quotes`},
		{"ini", "[auth]\nmode = ldap ; S3cret\n", manifest.HostCondition{Key: "auth.mode", Is: []string{"ldap"}}, false, "", "begin a comment"},
		{"toml", "[auth]\non = true\n", manifest.HostCondition{Key: "auth.on", Is: []string{"true"}}, true, "", ""},
		{"toml", "[[user]]\nname = 'a'\nroles = ['root']\n[[user]]\nname = 'b'\nroles = ['x']\n", admins, true, "b", ""},
		{"properties", "auth.mode: ldap\n", manifest.HostCondition{Key: "auth.mode", Not: []string{"ldap"}}, false, "", ""},
		{"properties", "auth.mode=${MODE}\n", manifest.HostCondition{Key: "auth.mode", Not: []string{"ldap"}}, false, "", "some readers replace"},
		{"env", "MODE=\"a\" b\n", manifest.HostCondition{Key: "MODE", Is: []string{"a"}}, false, "", "more than one word"},
	} {
		c.when.File, c.when.Format = "/f", c.format
		got, names, err := Any([]manifest.HostCase{{All: []manifest.HostCondition{c.when}}}, func(string) ([]byte, error) { return []byte(c.text), nil })
		if said := fmt.Sprint(err); got != c.want || strings.Join(names, " ") != c.names || (c.err != "") != (err != nil) || !strings.Contains(said, c.err) || strings.Contains(said, "S3cret") {
			t.Errorf("%s %q: %t %q %v", c.format, c.text, got, names, err)
		}
	}
}
