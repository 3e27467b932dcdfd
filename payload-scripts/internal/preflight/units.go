package preflight

import (
	"context"
	"maps"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/payload-scripts/internal/unitcheck"
)

// units checks that systemd knows the product's units and that they run.
func (r *run) units(ctx context.Context) []finding.Finding {
	if r.Root != "" || len(r.Manifest.Services) == 0 || !systemdRuns() {
		return nil
	}
	conn, err := systemd.Connect(ctx)
	if err != nil {
		return failed("ask systemd for the product's units", err)
	}
	defer conn.Close()
	files, err := r.shipped()
	if err != nil {
		return failed("look for unit files in the packages", err)
	}
	services := slices.Clone(r.Manifest.Services)
	if r.early != nil {
		for _, u := range r.Manifest.EarlyServices {
			services = append(services, manifest.Service{Unit: u.Unit, Only: manifest.New})
		}
	}
	found, err := unitcheck.Judge(ctx, conn, services, files)
	if err != nil {
		return failed("ask systemd for the product's units", err)
	}
	return found
}

// shipped reads what the packages of both releases bring.
func (r *run) shipped() (s unitcheck.Shipped, err error) {
	if s.Old, err = r.set.Paths(manifest.Old); err != nil {
		return s, err
	}
	if s.New, err = r.set.Paths(manifest.New); err != nil {
		return s, err
	}
	if r.early != nil {
		early, err := r.early.Paths(manifest.New)
		if err != nil {
			return s, err
		}
		maps.Copy(s.New, early)
	}
	s.AddConfig(r.Manifest)
	return s, nil
}
