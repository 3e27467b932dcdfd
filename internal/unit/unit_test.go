package unit

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, full, kind, template string }{
		{"nginx", "nginx.service", "service", ""},
		{"nginx.service", "nginx.service", "service", ""},
		{"postgresql-9.5", "postgresql-9.5.service", "service", ""},
		{"php8.1-fpm", "php8.1-fpm.service", "service", ""},
		{"app.v2", "app.v2.service", "service", ""},
		{"node.js.timer", "node.js.timer", "timer", ""},
		{"sweep.timer", "sweep.timer", "timer", ""},
		{"app.socket", "app.socket", "socket", ""},
		{"app.target", "app.target", "target", ""},
		{"app.timers", "app.timers.service", "service", ""},
		{"app.Service", "app.Service.service", "service", ""},
		{"queue@1", "queue@1.service", "service", "queue@.service"},
		{"queue@1.2", "queue@1.2.service", "service", "queue@.service"},
		{"queue-9.6@main", "queue-9.6@main.service", "service", "queue-9.6@.service"},
		{"queue@a@b", "queue@a@b.service", "service", "queue@.service"},
		{"listen@80.socket", "listen@80.socket", "socket", "listen@.socket"},
		{"queue@", "queue@.service", "service", ""},
		{"srv-data.mount", "srv-data.mount", "mount", ""},
	} {
		if got := Name(c.name); got != c.full {
			t.Errorf("Name(%q) = %q, want %q", c.name, got, c.full)
		}
		if got := Kind(c.name); got != c.kind {
			t.Errorf("Kind(%q) = %q, want %q", c.name, got, c.kind)
		}
		if got := Template(c.name); got != c.template {
			t.Errorf("Template(%q) = %q, want %q", c.name, got, c.template)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"nginx", ""},
		{"postgresql-9.5", ""},
		{"sweep.timer", ""},
		{"app.socket", ""},
		{"app.path", ""},
		{"app.target", ""},
		{"queue@1", ""},
		{`dev-disk-by\x2dlabel`, ""},
		{strings.Repeat("a", maxName-len(".service")), ""},
		{"", "empty"},
		{strings.Repeat("a", maxName-len(".service")+1), "longer than the 255"},
		{"a b", "letters, digits"},
		{"a/b", "letters, digits"},
		{"../escape", "letters, digits"},
		{"naïve", "letters, digits"},
		{"@1", "letters, digits"},
		{".timer", "letters, digits"},
		{"queue@", "name its instances, e.g. queue@1"},
		{"queue@.timer", "template"},
		{"srv-data.mount", "a mount is not started"},
		{"session-1.scope", "a scope is not started"},
		{"user.slice", "a slice is not started"},
		{"nginx.service", "leave that out"},
	} {
		err := Check(c.name)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("Check(%q): %v, want none", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("Check(%q): %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// FuzzName: whatever the name, its full name has a kind and is the full name of itself, and
// a name that is let in cannot lead out of a folder of drop-ins.
func FuzzName(f *testing.F) {
	for _, s := range []string{"", "nginx", "a.b", "w@1", "w@.timer", "../x", ".service", "a\x00b", "a@b@c.socket"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		full := Name(s)
		if Name(full) != full || Kind(full) != Kind(s) || Kind(s) == "" {
			t.Errorf("Name(%q) = %q, a %q", s, full, Kind(s))
		}
		if template := Template(s); template != "" && (Kind(template) != Kind(s) || Template(template) != "") {
			t.Errorf("Template(%q) = %q", s, template)
		}
		if Check(s) == nil && (strings.ContainsAny(s, "/\x00 \n") || len(full) > maxName || strings.HasPrefix(full, ".service")) {
			t.Errorf("%q is let in", s)
		}
	})
}
