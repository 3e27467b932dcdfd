package preflight

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
)

// runnable has systemd run the engine once, as it will for the upgrade: a security policy may keep
// systemd from that, and not the admin's shell. A bundle that was only unpacked lies elsewhere, under
// other rules, and an attempt's own engine was run by systemd.
func (r *run) runnable(ctx context.Context) []finding.Finding {
	if r.Root != "" || r.Dir != filepath.Join("/opt", r.Manifest.Prefix, r.Manifest.To) || !systemdRuns() {
		return nil
	}
	unit := fmt.Sprintf("%s-check-%d.service", r.Manifest.Prefix, os.Getpid())
	engine := filepath.Join(r.Dir, "bin", "engine")
	conn, err := systemd.Connect(ctx)
	if err != nil {
		return failed("have systemd run the upgrade's program", err)
	}
	defer conn.Close()
	status, err := conn.Run(ctx, unit, engine, "help")
	if err != nil {
		return failed("have systemd run the upgrade's program", err)
	}
	if status == 0 {
		return nil
	}
	return cannotRun(engine, strconv.Itoa(status))
}

// cannotRun is the finding about a program that systemd ran, or could not run, with a status.
func cannotRun(engine, status string) []finding.Finding {
	what := "systemd runs " + engine + ", and it ends with status " + status
	if status == "203" { // EXIT_EXEC of systemd.exec(5)
		what = "systemd cannot run " + engine
	}
	return []finding.Finding{{
		ID: "engine-cannot-run", Level: finding.Refuse, What: what,
		Do: "allow it where it is forbidden: SELinux (ausearch -m avc) or fapolicyd may deny it; then check again",
	}}
}
