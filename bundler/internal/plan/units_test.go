package plan_test

import (
	"strings"
	"testing"

	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// A unit of the packages whose file changes is to be among the services; one whose file stays, that comes or that is named
// is no subject. A name that no package has warns of the unit that was meant.
func TestUnnamedUnits(t *testing.T) {
	t.Parallel()
	const folder = "/usr/lib/systemd/system/"
	const changes = "app-2-1: app.service changes, and services does not name it"
	for _, c := range []struct{ name, old, new, services, want string }{
		{"not named", "app.service=1", "app.service=2", "", changes},
		{"misspelt", "app.service=1", "app.service=2", "ap", changes},
		{"named", "app.service=1", "app.service=2", "app", ""},
		{"the same", "app.service=1", "app.service=1", "", ""},
		{"new", "", "app.service=1", "", ""},
		{"gone", "app.service=1", "", "", ""},
		{"no unit", "app.conf=1", "app.conf=2", "", ""},
		{"a timer", "sweep.timer=1", "sweep.timer=2", "app", "app-2-1: sweep.timer changes"},
		{"a template", "worker@.service=1", "worker@.service=2", "app", "app-2-1: worker@.service changes"},
		{"its instance", "worker@.service=1", "worker@.service=2", "worker@1", ""},
	} {
		files := func(text string) map[string]string {
			name, content, is := strings.Cut(text, "=")
			if !is {
				return nil
			}
			return map[string]string{folder + name: content}
		}
		v, said := check(t, []pkg{{name: "app", evr: "1-1", files: files(c.old)}}, []pkg{{name: "app", evr: "2-1", files: files(c.new)}}, func(s *release.Spec) {
			if c.services != "" {
				s.Services = []manifest.Service{{Unit: c.services}}
			}
		})
		got := v.Warnings.Error()
		if said != "" || (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %q, %q, want %q", c.name, said, got, c.want)
		}
	}
}
