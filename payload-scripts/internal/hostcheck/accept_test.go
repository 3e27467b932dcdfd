package hostcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/settings"
)

// TestAccept: what will be worse on this host refuses until the settings accept it, by name and for this upgrade, and is told after that too.
func TestAccept(t *testing.T) {
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "conf")
	b := &layout.Bundle{Manifest: &manifest.Manifest{To: "2.0", Accept: []manifest.Acceptance{
		{Name: "always", Says: "it is slower\n  now"},
		{Name: "roles", Says: "roles go", When: []manifest.HostCase{{All: []manifest.HostCondition{
			{File: conf, Format: "yaml", Key: "users", Some: &manifest.HostItem{Key: "role", Not: []string{"root"}, Named: "name"}}}}}},
	}}}
	look := func(text string, accepted ...settings.Accepted) string {
		t.Helper()
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b.Settings = settings.Settings{Path: "/s", Accepted: accepted}
		var all []string
		for _, f := range acceptFindings(b) {
			all = append(all, fmt.Sprint(f.ID, " ", f.Level, " ", f.What, " / ", f.Do))
		}
		return strings.Join(all, "\n")
	}
	const always = "not-accepted refuse always: it is slower now / if that may be so, write into /s: accept 2.0 always = yes"
	for _, c := range []struct {
		got, want string
	}{
		{look("users: [{name: a, role: root}]"), always},
		{look("users: [{name: a, role: root}]", settings.Accepted{To: "2.0", Name: "always", Line: 3}), "accepted warn always: it is slower now / nothing: you accepted it in /s:3"},
		{look("users: [{name: 'b\"\\u0007', role: x}, {name: a}]", settings.Accepted{To: "2.1", Name: "always", Line: 3}),
			always + "\nnot-accepted refuse roles: roles go On this host: \"a\", \"b\\\"\\\\u0007\" / if that may be so, write into /s: accept 2.0 roles = yes"},
		{look("users: s3cret"), always + "\ncheck-failed refuse could not find out whether this host is one where you must accept \"roles\": read " + conf +
			": the value \"users\" is no list / correct what it names, then check again"},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
	many := "users:\n"
	for i := range shown + 2 {
		many += fmt.Sprintf("  - {name: n%02d}\n", i)
	}
	if got := look(many); !strings.Contains(got, `"n09" and 2 more /`) {
		t.Errorf("got %s", got)
	}
}
