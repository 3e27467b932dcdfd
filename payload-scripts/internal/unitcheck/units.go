// Package unitcheck tells of the product's units on a host what would make an upgrade fail or
// change what runs: masked ones, ones that do not run, ones whose file an admin has replaced.
package unitcheck

import (
	"context"
	"fmt"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
)

// Judge looks at each unit of a jump.
func Judge(ctx context.Context, conn *systemd.Conn, services []manifest.Service, files Shipped) ([]finding.Finding, error) {
	var found []finding.Finding
	for _, s := range services {
		u, err := conn.Unit(ctx, s.Unit)
		if err != nil {
			return nil, err
		}
		if s.Only == manifest.New {
			found = append(append(found, judgeNew(u)...), files.hidden(u)...)
			continue
		}
		onDemand := false // something will start it when it is needed
		for _, name := range u.TriggeredBy {
			state, err := conn.Active(ctx, name)
			if err != nil {
				return nil, err
			}
			onDemand = onDemand || systemd.Serves(state)
		}
		found = append(found, judgeOld(u, onDemand)...)
		if s.Only == "" && (systemd.Serves(u.Active) || onDemand) { // it will be started
			found = append(found, files.hidden(u)...)
		}
	}
	return found, nil
}

// judgeNew is about a unit that only the new release has, before it is there.
func judgeNew(u systemd.Unit) []finding.Finding {
	if u.Load != "masked" {
		return nil
	}
	return []finding.Finding{{
		ID: "unit-masked", Level: finding.Refuse,
		What: u.Name + ", which comes with the new release, is masked on this machine: it could not be started",
		Do:   "systemctl unmask " + u.Name + ", then check again; if the service is not wanted here, mask it after the upgrade",
	}}
}

// judgeOld is about a unit of the installed release. One that something starts on demand may be
// down, or at work just now.
func judgeOld(u systemd.Unit, onDemand bool) []finding.Finding {
	down := systemd.Down(u.Active)
	switch {
	case u.Load == "masked" && !down:
		return []finding.Finding{{
			ID: "unit-masked", Level: finding.Refuse,
			What: fmt.Sprintf("%s is masked and %s: once stopped it could not be started again", u.Name, u.Active),
			Do:   "systemctl unmask " + u.Name + " if it is to run, systemctl stop " + u.Name + " if it is not; then check again",
		}}
	case u.Load == "masked":
		return []finding.Finding{{
			ID: "unit-not-running", Level: finding.Warn,
			What: u.Name + " is masked: it does not run, will not be started after the upgrade either, and stays masked",
			Do:   "systemctl unmask " + u.Name + " and start it before, if it should run",
		}}
	case u.Load != "loaded":
		return []finding.Finding{{
			ID: "unit-unknown", Level: finding.Refuse,
			What: fmt.Sprintf("systemd cannot load %s: %s", u.Name, u.Load),
			Do:   "repair the unit (systemctl cat " + u.Name + "), then check again",
		}}
	case u.Refuses && !down:
		return []finding.Finding{{
			ID: "unit-refuses", Level: finding.Refuse,
			What: u.Name + " must not be started or stopped by name (RefuseManualStart=, RefuseManualStop=), so the upgrade cannot do it",
			Do:   "take that setting away (systemctl cat " + u.Name + " shows where it stands), run systemctl daemon-reload, then check again",
		}}
	case u.Active == "failed" || !down && !systemd.Serves(u.Active) && !onDemand:
		return []finding.Finding{{
			ID: "unit-not-well", Level: finding.Refuse,
			What: fmt.Sprintf("%s is %s: a product that does not run well cannot be compared with after the upgrade", u.Name, u.Active),
			Do:   "see systemctl status " + u.Name + ", start it, or stop it for good and run systemctl reset-failed " + u.Name + ", then check again",
		}}
	case down && !onDemand:
		return []finding.Finding{{
			ID: "unit-not-running", Level: finding.Warn,
			What: u.Name + " does not run; it will not be started after the upgrade either",
			Do:   "start it before, if it should run",
		}}
	case u.NeedsReload:
		return []finding.Finding{{
			ID: "unit-changed", Level: finding.Warn,
			What: "files of " + u.Name + " were changed since systemd read them; the upgrade makes it read them, and starts the unit as they say",
			Do:   "see systemctl cat " + u.Name + " whether that is as it should be",
		}}
	}
	return nil
}
