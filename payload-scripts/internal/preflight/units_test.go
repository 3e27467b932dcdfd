package preflight

import (
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		load, active string
		isNew        bool
		id           string // "" for no finding
		level        finding.Level
		what         string
	}{
		{"loaded", "active", false, "", "", ""},
		{"loaded", "reloading", false, "", "", ""},
		{"loaded", "inactive", false, "unit-not-running", finding.Warn, "does not run"},
		{"loaded", "failed", false, "unit-not-well", finding.Refuse, "web.service is failed"},
		{"loaded", "activating", false, "unit-not-well", finding.Refuse, "web.service is activating"},
		{"loaded", "deactivating", false, "unit-not-well", finding.Refuse, "web.service is deactivating"},
		{"not-found", "inactive", false, "unit-unknown", finding.Refuse, "not-found"},
		{"bad-setting", "inactive", false, "unit-unknown", finding.Refuse, "bad-setting"},
		{"not-found", "active", false, "unit-unknown", finding.Refuse, "not-found"},
		{"masked", "inactive", false, "unit-not-running", finding.Warn, "stays masked"},
		{"masked", "failed", false, "unit-not-running", finding.Warn, "stays masked"},
		{"masked", "active", false, "unit-masked", finding.Refuse, "masked and active"},
		{"not-found", "inactive", true, "", "", ""},
		{"loaded", "inactive", true, "", "", ""},
		{"masked", "inactive", true, "unit-masked", finding.Refuse, "comes with the new release"},
	} {
		u := systemd.Unit{Name: "web.service", Load: c.load, Active: c.active}
		judge := judgeOld
		if c.isNew {
			judge = judgeNew
		}
		found := judge(u)
		switch {
		case c.id == "" && len(found) == 0:
		case len(found) != 1 || found[0].ID != c.id || found[0].Level != c.level || !strings.Contains(found[0].What, c.what):
			t.Errorf("%+v: %+v, want %s", c, found, c.id)
		case !strings.Contains(found[0].Do, "check again") && c.level == finding.Refuse:
			t.Errorf("%+v: a refusal that does not say what to do: %s", c, found[0].Do)
		}
	}
}
