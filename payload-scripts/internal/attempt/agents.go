package attempt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

// agentsUnitText is the unit that has the agents upgraded after an attempt's end. A
// killed one is started again and goes on from its record.
const agentsUnitText = `# Written by the upgrade of %[1]s; removed by it when the agents are done or a person is needed.
[Unit]
Description=Upgrade of the agents of %[1]s to %[2]s
After=local-fs.target network.target
ConditionPathExists=%[3]s/bin/engine

[Service]
Type=simple
ExecStart=%[3]s/bin/engine agents work
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=6 7
SuccessExitStatus=6
StartLimitInterval=0
UMask=0077

[Install]
WantedBy=multi-user.target
`

// AgentsUnit is the name of the unit that works on the agents.
func (p Places) AgentsUnit() string { return p.Prefix + "-agents.service" }

func (p Places) agentsUnitFile() string {
	return filepath.Join(filepath.Dir(p.UnitFile()), p.AgentsUnit())
}

func (p Places) agentsWants() string {
	return filepath.Join(filepath.Dir(p.UnitFile()), "multi-user.target.wants", p.AgentsUnit())
}

// AgentsLock is the file that the process which works on the agents holds locked.
func (p Places) AgentsLock() string { return p.Var() + "/agents.lock" }

// NoAgents is the admin's word that agents are not the upgrade's business.
func (p Places) NoAgents() string {
	return filepath.Join(filepath.Dir(p.Manual()), "no-agents")
}

// BeginAgents installs the unit that works on the agents, now and after a reboot, and starts it without waiting.
func (a Attempt) BeginAgents(ctx context.Context, p Places, m *manifest.Manifest) error {
	text := fmt.Sprintf(agentsUnitText, m.Product, m.To, a.Run)
	if err := host.WriteFile(p.agentsUnitFile(), []byte(text), host.Attr{Mode: 0o644}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.agentsWants()), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(p.agentsUnitFile(), p.agentsWants()); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := host.SyncDir(filepath.Dir(p.agentsWants())); err != nil {
		return err
	}
	if err := systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	return systemctl(ctx, "start", "--no-block", p.AgentsUnit())
}

// EndAgents removes that unit. The caller may be its own process: it is not stopped.
func (p Places) EndAgents(ctx context.Context) error {
	return removeUnit(ctx, p.agentsWants(), p.agentsUnitFile())
}
