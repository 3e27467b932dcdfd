package attempt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
)

// unitText is the unit that runs an attempt. KillMode=process: a stopped engine
// must not take rpm with it. StartLimitInterval in [Service] is the name that
// every systemd from 219 on understands.
const unitText = `# Written by the upgrade of %[1]s; removed by it at its end.
[Unit]
Description=Upgrade of %[1]s from %[2]s to %[3]s
After=local-fs.target dbus.service network.target postgresql.service
ConditionPathExists=%[4]s/bin/engine

[Service]
Type=simple
ExecStart=%[4]s/bin/engine run %[5]s
KillMode=process
TimeoutStopSec=10min
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2 3 4 5 6 7
StartLimitInterval=0
OOMScoreAdjust=-900
UMask=0077

[Install]
WantedBy=multi-user.target
`

// Install writes the unit that runs the attempt, now and after a reboot, and
// does not start it.
func (a Attempt) Install(ctx context.Context, p Places, m *manifest.Manifest) error {
	text := fmt.Sprintf(unitText, m.Product, m.From, m.To, a.Run, a.ID)
	if err := host.WriteFile(p.UnitFile(), []byte(text), host.Attr{Mode: 0o644}); err != nil {
		return err
	}
	wants := p.wants()
	if err := os.MkdirAll(filepath.Dir(wants), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(p.UnitFile(), wants); err != nil && !os.IsExist(err) {
		return err
	}
	if err := host.SyncDir(filepath.Dir(wants)); err != nil {
		return err
	}
	return systemctl(ctx, "daemon-reload")
}

// Begin starts the unit and does not wait for anything.
func (p Places) Begin(ctx context.Context) error {
	return systemctl(ctx, "start", "--no-block", p.Unit())
}

// AtWork tells whether the unit runs, or is about to: systemd starts an engine
// that was killed again after a moment.
func (p Places) AtWork(ctx context.Context) bool {
	res, _ := host.Run(ctx, host.Cmd{Name: "systemctl", Args: []string{"is-active", p.Unit()}, Timeout: time.Minute})
	switch strings.TrimSpace(res.Stdout) {
	case "inactive", "failed":
		return false
	default:
		return true
	}
}

// Begun tells whether an attempt was started, or a unit is there that will start
// it. One whose start was cut short before that is as good as none.
func (p Places) Begun(a Attempt) bool {
	rec, err := journal.Read(a.Var)
	if err != nil || rec.Starts > 0 || rec.Outcome != journal.Running {
		return true
	}
	unit, err := os.ReadFile(p.UnitFile())
	return err == nil && strings.Contains(string(unit), a.ID)
}

// Uninstall removes the unit. The engine that does so may be the unit's own
// process: it is not stopped.
func (p Places) Uninstall(ctx context.Context) error {
	for _, path := range []string{p.wants(), p.UnitFile()} {
		if err := host.Remove(path); err != nil {
			return err
		}
	}
	return systemctl(ctx, "daemon-reload")
}

func (p Places) wants() string {
	return filepath.Join(filepath.Dir(p.UnitFile()), "multi-user.target.wants", p.Unit())
}

func systemctl(ctx context.Context, args ...string) error {
	_, err := host.Run(ctx, host.Cmd{Name: "systemctl", Args: args, Timeout: time.Minute})
	if err != nil {
		return fmt.Errorf("systemctl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
