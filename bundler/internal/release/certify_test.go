package release

import "testing"

func TestLeftOutPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part, name, of string
		is             bool
	}{
		{"files", "/opt/a", "/opt/a", true},
		{"files", "/opt/a", "/opt/a/b/c", true},
		{"files", "/opt/a", "/opt/ab", false},
		{"files", "/opt/*.d", "/opt/x.d/y", true},
		{"files", "/opt/*.d", "/opt/x/y.d", false},
		{"files", "/opt/**/*.d", "/opt/x/y.d", true},
		{"files", "/opt/{a,b}/c", "/opt/b/c", true},
		{"files", "/opt/{a,b}/c", "/opt/c/c", false},
		{"contents", "/opt/a*", "/opt/a1", true},
		{"files", "/o.t", "/opt", false},
		{"files", "/opt/é[1]", "/opt/é[1]", true},
		{"ports", "tcp *:80", "tcp 0.0.0.0:80", true},
		{"ports", "tcp *:80", "tcp 0.0.0.0:8080", false},
		{"mounts", "/a", "/a/b", false},
		{"units", "x{,@*}.service", "x@1.service", true},
		{"rows", "public.a,b", "public.a,b", true},
	} {
		if got := (LeftOut{Part: c.part, Name: c.name}).Pattern().MatchString(c.of); got != c.is {
			t.Errorf("%s %q and %q: %v", c.part, c.name, c.of, got)
		}
	}
}
