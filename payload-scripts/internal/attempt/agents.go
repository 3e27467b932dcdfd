package attempt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/systemd"
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

// BeginAgents installs the unit that works on the agents, now and after a reboot, and starts it without waiting.
func BeginAgents(ctx context.Context, p layout.Places, a layout.Attempt, m *manifest.Manifest) error {
	text := fmt.Sprintf(agentsUnitText, m.Product, m.To, a.Run)
	if err := host.Sweep(p.AgentsUnitFile()); err != nil { // of one that was cut short
		return err
	}
	if err := host.WriteFile(p.AgentsUnitFile(), []byte(text), host.Attr{Mode: 0o644}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.Wants(p.AgentsUnit())), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(p.AgentsUnitFile(), p.Wants(p.AgentsUnit())); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := host.SyncDir(filepath.Dir(p.Wants(p.AgentsUnit()))); err != nil {
		return err
	}
	if err := systemd.Reload(ctx); err != nil {
		return err
	}
	return systemd.Begin(ctx, p.AgentsUnit())
}

// PendingAgents returns the attempt whose agents may still have to be upgraded; false when there is none. Of several upgrades the
// last one that came to the agents has them all. No record, or one that cannot be read, is no proof that they are done.
func PendingAgents(p layout.Places) (layout.Attempt, bool, error) {
	all, err := attempts(p)
	if err != nil {
		return layout.Attempt{}, false, err
	}
	for _, s := range slices.Backward(all) {
		a := p.At(s.ID)
		rec, err := agent.Read(a.Var)
		if s.Outcome != journal.Upgraded || errors.Is(err, os.ErrNotExist) && !mayHaveAgents(a) {
			continue
		}
		return a, err != nil || rec.State.Open(), nil
	}
	return layout.Attempt{}, false, nil
}

// mayHaveAgents tells whether an attempt's bundle upgrades agents: its manifest says so, or cannot be read. It may be of another
// engine's format. Where the whole folder is gone nothing can go on with them.
func mayHaveAgents(a layout.Attempt) bool {
	data, err := os.ReadFile(filepath.Join(a.Run, "manifest.json"))
	if err != nil {
		return exists(a.Run)
	}
	var m struct {
		Agents *json.RawMessage `json:"agents"`
	}
	return json.Unmarshal(data, &m) != nil || m.Agents != nil
}

// EndAgents removes that unit. The caller may be its own process: it is not stopped.
func EndAgents(ctx context.Context, p layout.Places) error {
	return removeUnit(ctx, p, p.AgentsUnit(), p.AgentsUnitFile())
}
