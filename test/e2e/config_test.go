package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// Two files of cloudify-stage that 4.2.0 changes: the first is %config(noreplace), the second %config.
const (
	stageSettings = "/etc/cloudify/stage.json"
	stageRotation = "/etc/logrotate.d/cloudify-stage"
)

// editPackagedConfig changes them as an admin does, with what an earlier update left beside one.
func editPackagedConfig(t *testing.T, m *host.Machine) {
	t.Helper()
	m.Sh(t, `sed -i 's/"pollingTimeSec": 5/"pollingTimeSec": 9/' `+stageSettings+` && grep -q 9 `+stageSettings+`
		sed -i 's/daily/weekly/' `+stageRotation+` && grep -q weekly `+stageRotation+`
		echo earlier > `+stageRotation+`.rpmsave`)
}

// checkPackagedConfig wants both sides' changes in them, nothing of rpm's beside
// them, and all of it in the report and the log.
func checkPackagedConfig(t *testing.T, m *host.Machine) {
	t.Helper()
	m.Sh(t, `python3 -c '
import json
assert json.load(open("`+stageSettings+`")) == {"title": "Cloudify Manager", "pollingTimeSec": 9, "maxWidgets": 20, "whiteLabel": {"enabled": False}}'`)
	if got := m.Sh(t, "cat "+stageRotation); !strings.Contains(got, "weekly\n") || !strings.Contains(got, "delaycompress\n}") {
		t.Errorf("%s:\n%s", stageRotation, got)
	}
	if got := m.Sh(t, "find /etc /opt -name '*.rpmnew' -o -name '*.rpmorig' -o -name '*.rpmsave' | xargs grep -H ."); got != stageRotation+".rpmsave:earlier" {
		t.Errorf("left by rpm: %s", got)
	}
	report, log := m.Sh(t, prefix+" report"), m.Sh(t, prefix+" log")
	for _, line := range []string{"merged     " + stageSettings, "merged     " + stageRotation, "updated    /opt/manager/cloudify-rest.conf"} {
		if !strings.Contains(report, "\n  "+line) || !strings.Contains(log, line) {
			t.Errorf("neither report nor log may lack %q:\n%s", line, report)
		}
	}
	if !strings.Contains(report, "%config(noreplace) of cloudify-stage\n             kept    pollingTimeSec: ") {
		t.Errorf("the report does not say what was kept:\n%s", report)
	}
}

// conflictInPackagedConfig wants a change that goes against the release's told by
// check, and the line of settings that it says to decide it.
func conflictInPackagedConfig(t *testing.T, m *host.Machine, settings string) {
	t.Helper()
	m.Sh(t, "cp -p "+stageRotation+" "+settings+" /root && sed -i 's/rotate 7/rotate 9/' "+stageRotation)
	line := "conflict 4.2.0 " + stageRotation + " = old"
	if code, out := m.ShCode(t, prefix+" check"); code != 3 || !strings.Contains(out, "config-conflict") || !strings.Contains(out, `"`+line+`"`) {
		t.Errorf("check: exit %d, want 3 and how to decide the conflict\n%s", code, out)
	}
	m.Sh(t, "echo 'conflict "+stageRotation+" = old' >> "+settings) // for which upgrade?
	if code, out := m.ShCode(t, prefix+" check"); code != 3 || !strings.Contains(out, "upgrade.conf:3: conflict names no release") || !strings.Contains(out, `"`+line+`"`) {
		t.Errorf("check of a decision that names no release: exit %d, want 3 and what to write\n%s", code, out)
	}
	m.Sh(t, "sed -i '3s/conflict/conflict 4.1.1/' "+settings)
	if code, out := m.ShCode(t, prefix+" check"); code != 3 || !strings.Contains(out, "config-conflict") || !strings.Contains(out, "upgrade.conf:3 decides for the upgrade to 4.1.1") {
		t.Errorf("check of a decision for another upgrade: exit %d, want 3 and the conflict\n%s", code, out)
	}
	m.Sh(t, "echo '"+line+"' >> "+settings)
	if code, out := m.ShCode(t, prefix+" check"); code != 0 || strings.Contains(out, "settings-unused") || !strings.Contains(out, "stays, as "+settings+":4 decides") {
		t.Errorf("check of a conflict that was decided: exit %d\n%s", code, out)
	}
	m.Sh(t, "cp -p /root/cloudify-stage "+stageRotation+" && cp -p /root/upgrade.conf "+settings)
}
