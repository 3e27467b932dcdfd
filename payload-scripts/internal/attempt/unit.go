package attempt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/programs"
	"onerpm/payload-scripts/internal/systemd"
)

// Install writes the unit that runs the attempt, now and after a reboot, and
// does not start it. The unit is the bundle's own; it runs the engine of the
// current attempt.
func Install(ctx context.Context, p layout.Places, a layout.Attempt, m *manifest.Manifest) error {
	text, err := os.ReadFile(filepath.Join(a.Run, m.UnitFile()))
	if err != nil {
		return fmt.Errorf("read the upgrade's own unit: %w", err)
	}
	if err := host.Sweep(p.UnitFile()); err != nil { // of a start that was cut short
		return err
	}
	if err := host.WriteFile(p.UnitFile(), text, host.Attr{Mode: 0o644}); err != nil {
		return err
	}
	wants := p.Wants(p.Unit())
	if err := os.MkdirAll(filepath.Dir(wants), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(p.UnitFile(), wants); err != nil && !os.IsExist(err) {
		return err
	}
	if err := host.SyncDir(filepath.Dir(wants)); err != nil {
		return err
	}
	return systemd.Reload(ctx)
}

// Begin starts the unit and does not wait for anything. One that systemd gave up on is tried again.
func Begin(ctx context.Context, p layout.Places) error {
	return systemd.Begin(ctx, p.Unit())
}

// Stalled tells why nothing works on an attempt, "" when the unit runs or is about to: systemd starts
// an engine that was killed again after a moment, and gives up on one that never gets anywhere.
func Stalled(ctx context.Context, p layout.Places) string {
	if p.Root != "" {
		return "" // not the host that systemd knows
	}
	res, err := programs.Run(ctx, programs.Cmd{Name: "systemctl", Timeout: time.Minute,
		Args: []string{"show", "--no-pager", "--property=ActiveState,Result,ExecMainStatus,Job", p.Unit()}})
	if err != nil {
		return ""
	}
	return stalled(p.Unit(), res.Stdout)
}

// execFailed is the status that systemd gives a process whose program it could not run (systemd.exec(5), EXIT_EXEC).
const execFailed = "203"

// stalled reads what systemctl show says of the unit: key=value lines.
func stalled(unit, shown string) string {
	value := map[string]string{}
	for line := range strings.Lines(shown) {
		key, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		value[key] = v
	}
	state := value["ActiveState"]
	if state != "inactive" && state != "failed" || value["Job"] != "" && value["Job"] != "0" {
		return ""
	}
	why := fmt.Sprintf("%s is %s (%s)", unit, state, value["Result"])
	if value["ExecMainStatus"] == execFailed {
		why += "; systemd cannot run the program: a security policy (SELinux, fapolicyd), a file system that is mounted noexec, or a drop-in of the unit forbids it"
	}
	return why + "; see systemctl status " + unit
}

// Started reports whether an attempt was started, or a unit is there that will start
// it. One whose start was cut short before that is as good as none.
func Started(p layout.Places, a layout.Attempt) bool {
	rec, err := journal.Read(a.Var)
	if err != nil || rec.Starts > 0 || rec.Outcome != journal.Running {
		return true
	}
	current, err := os.Readlink(p.Current())
	if err != nil || current != a.ID {
		return false
	}
	_, err = os.Stat(p.UnitFile())
	return err == nil
}

// Uninstall removes the unit. The engine that does so may be the unit's own
// process: it is not stopped.
func Uninstall(ctx context.Context, p layout.Places) error {
	return removeUnit(ctx, p, p.Unit(), p.UnitFile())
}

// UninstallStray removes a unit that a crash has left behind, where no attempt is under way.
func UninstallStray(ctx context.Context, p layout.Places) error {
	if !exists(p.UnitFile()) && !exists(p.Wants(p.Unit())) {
		return nil
	}
	return Uninstall(ctx, p)
}

// removeUnit removes a unit's file and its place in the boot, in one go: were one to outlast a power cut without the
// other, nobody would come to remove it. No file system removes two names in one call. Right after one another, and
// made durable only then, they share a transaction of the file system's journal, unless it ends in the microseconds
// between them: that leaves a unit that nothing starts, which the next start or clean removes.
func removeUnit(ctx context.Context, p layout.Places, unit, file string) error {
	wants := p.Wants(unit)
	if err := host.Sweep(file); err != nil {
		return err
	}
	host.Point("unlink", wants)
	for _, path := range []string{wants, file} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, path := range []string{wants, file} {
		if err := host.SyncDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	if p.Root != "" {
		return nil // not the host that systemd knows
	}
	return systemd.Reload(ctx)
}
