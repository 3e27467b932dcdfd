package preflight

import (
	"context"
	"fmt"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
)

// unit is what systemd tells of one.
type unit struct {
	load   string // LoadState: loaded, not-found, masked, bad-setting, error
	active string // ActiveState
}

// units checks that systemd knows the old release's units and that they run.
func (r *run) units(ctx context.Context) []finding.Finding {
	var names []string
	for _, s := range r.Manifest.Services {
		if s.Only != manifest.New {
			names = append(names, s.Unit+".service")
		}
	}
	if r.Root != "" || len(names) == 0 || !systemd() {
		return nil
	}
	args := append([]string{"show", "--no-pager", "--property=LoadState,ActiveState", "--"}, names...)
	res, err := host.Run(ctx, host.Cmd{Name: "systemctl", Args: args, Timeout: time.Minute})
	if err != nil {
		return failed("ask systemd for the product's units", err)
	}
	all := parseUnits(res.Stdout)
	if len(all) != len(names) {
		return failed("ask systemd for the product's units", fmt.Errorf("it told of %d units instead of %d", len(all), len(names)))
	}
	var found []finding.Finding
	for i, name := range names {
		found = append(found, all[i].judge(name)...)
	}
	return found
}

// parseUnits reads what systemctl show prints: key=value lines, an empty line between units.
func parseUnits(text string) []unit {
	var all []unit
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		var u unit
		for _, line := range strings.Split(block, "\n") {
			switch key, value, _ := strings.Cut(line, "="); key {
			case "LoadState":
				u.load = value
			case "ActiveState":
				u.active = value
			}
		}
		all = append(all, u)
	}
	return all
}

func (u unit) judge(name string) []finding.Finding {
	switch {
	case u.load != "loaded":
		return []finding.Finding{{
			ID: "unit-unknown", Level: finding.Refuse,
			What: fmt.Sprintf("systemd cannot load %s: %s", name, u.load),
			Do:   "repair the unit (systemctl cat " + name + "), then check again",
		}}
	case u.active == "failed" || u.active == "activating" || u.active == "deactivating":
		return []finding.Finding{{
			ID: "unit-not-well", Level: finding.Refuse,
			What: fmt.Sprintf("%s is %s: a product that does not run well cannot be compared with after the upgrade", name, u.active),
			Do:   "see systemctl status " + name + ", start it or stop it for good, then check again",
		}}
	case u.active != "active" && u.active != "reloading":
		return []finding.Finding{{
			ID: "unit-not-running", Level: finding.Warn,
			What: name + " does not run; it will not be started after the upgrade either",
			Do:   "start it before, if it should run",
		}}
	}
	return nil
}
