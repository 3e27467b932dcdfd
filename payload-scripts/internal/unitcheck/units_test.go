package unitcheck

import (
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/systemdtest"
)

// TestUnits provokes every finding about units.
func TestUnits(t *testing.T) {
	t.Parallel()
	const lib = "/usr/lib/systemd/system/web.service"
	files := Shipped{Old: map[string]rpmfile.FileInfo{lib: file(lib, "old")}, New: map[string]rpmfile.FileInfo{lib: file(lib, "new")}}
	for _, c := range []struct {
		name    string
		unit    systemdtest.Unit
		only    manifest.Side
		trigger string // state of a timer that starts it; "" without one
		id      string // "" for no finding
		level   finding.Level
		what    string
	}{
		{name: "it runs", unit: systemdtest.Unit{Active: "active"}},
		{name: "it reads its configuration", unit: systemdtest.Unit{Active: "reloading"}},
		{name: "it does not run", unit: systemdtest.Unit{}, id: "unit-not-running", level: finding.Warn, what: "web.service does not run"},
		{name: "it has failed", unit: systemdtest.Unit{Active: "failed"}, id: "unit-not-well", level: finding.Refuse, what: "web.service is failed"},
		{name: "it starts", unit: systemdtest.Unit{Active: "activating"}, id: "unit-not-well", level: finding.Refuse, what: "web.service is activating"},
		{name: "it stops", unit: systemdtest.Unit{Active: "deactivating"}, id: "unit-not-well", level: finding.Refuse, what: "web.service is deactivating"},
		{name: "it is not there", unit: systemdtest.Unit{Load: "not-found"}, id: "unit-unknown", level: finding.Refuse, what: "not-found"},
		{name: "its file is wrong", unit: systemdtest.Unit{Load: "bad-setting"}, id: "unit-unknown", level: finding.Refuse, what: "bad-setting"},
		{name: "its file is gone", unit: systemdtest.Unit{Load: "not-found", Active: "active"}, id: "unit-unknown", level: finding.Refuse, what: "not-found"},
		{name: "masked", unit: systemdtest.Unit{Load: "masked"}, id: "unit-not-running", level: finding.Warn, what: "stays masked"},
		{name: "masked after it failed", unit: systemdtest.Unit{Load: "masked", Active: "failed"}, id: "unit-not-running", level: finding.Warn, what: "stays masked"},
		{name: "masked while it runs", unit: systemdtest.Unit{Load: "masked", Active: "active"}, id: "unit-masked", level: finding.Refuse, what: "masked and active"},
		{name: "run by a timer", unit: systemdtest.Unit{}, trigger: "active"},
		{name: "run by a timer just now", unit: systemdtest.Unit{Active: "activating"}, trigger: "active"},
		{name: "its last run failed", unit: systemdtest.Unit{Active: "failed"}, trigger: "active", id: "unit-not-well", level: finding.Refuse, what: "failed"},
		{name: "its timer is off", unit: systemdtest.Unit{}, trigger: "inactive", id: "unit-not-running", level: finding.Warn, what: "does not run"},
		{name: "it is not to be stopped", unit: systemdtest.Unit{Active: "active", Refuses: true}, id: "unit-refuses", level: finding.Refuse, what: "RefuseManualStop="},
		{name: "it is not to be stopped, and down", unit: systemdtest.Unit{Refuses: true}, id: "unit-not-running", level: finding.Warn, what: "does not run"},
		{name: "changed on disk", unit: systemdtest.Unit{Active: "active", NeedsReload: true}, id: "unit-changed", level: finding.Warn, what: "changed since systemd read them"},
		{name: "overridden", unit: systemdtest.Unit{Active: "active", Fragment: "/etc/systemd/system/web.service"}, id: "unit-overridden", level: finding.Refuse, what: "/etc/systemd/system/web.service hides " + lib},
		{name: "overridden, on demand", unit: systemdtest.Unit{Fragment: "/etc/systemd/system/web.service"}, trigger: "active", id: "unit-overridden", level: finding.Refuse, what: "hides"},
		{name: "overridden, and down", unit: systemdtest.Unit{Fragment: "/etc/systemd/system/web.service"}, id: "unit-not-running", level: finding.Warn, what: "does not run"},
		{name: "overridden, and only the old release has it", unit: systemdtest.Unit{Active: "active", Fragment: "/etc/systemd/system/web.service"}, only: manifest.Old},
		{name: "not there yet", unit: systemdtest.Unit{Load: "not-found"}, only: manifest.New},
		{name: "masked before it is there", unit: systemdtest.Unit{Load: "masked"}, only: manifest.New, id: "unit-masked", level: finding.Refuse, what: "comes with the new release"},
		{name: "in the way before it is there", unit: systemdtest.Unit{Fragment: "/etc/systemd/system/web.service"}, only: manifest.New, id: "unit-overridden", level: finding.Refuse, what: "hides"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.unit.Name = "web"
			m := systemdtest.New(t, t.TempDir())
			if c.trigger != "" {
				c.unit.TriggeredBy = []string{"web.timer"}
				m.Add(systemdtest.Unit{Name: "web.timer", Active: c.trigger})
			}
			m.Add(c.unit)
			conn, err := systemd.New(t.Context(), m.Dial)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			found, err := Judge(t.Context(), conn, []manifest.Service{{Unit: "web", Only: c.only}}, files)
			switch {
			case err != nil:
				t.Error(err)
			case c.id == "" && len(found) == 0:
			case len(found) != 1 || found[0].ID != c.id || found[0].Level != c.level || !strings.Contains(found[0].What, c.what):
				t.Errorf("%+v, want %s", found, c.id)
			case !strings.Contains(found[0].Do, "check again") && c.level == finding.Refuse:
				t.Errorf("a refusal that does not say what to do: %s", found[0].Do)
			case c.unit.Active == "failed" && c.level == finding.Refuse && !strings.Contains(found[0].Do, "systemctl reset-failed web.service"):
				t.Errorf("a stop leaves it failed, so this is no way out: %s", found[0].Do)
			}
			if log := m.Log(); slices.ContainsFunc(log, func(s string) bool { return s != "" }) {
				t.Errorf("the check changed something: %v", log)
			}
		})
	}
}
