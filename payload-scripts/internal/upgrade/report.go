package upgrade

import (
	"encoding/json"
	"os"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/stores"
)

// Report is what is reported of an attempt, to people and to programs. It holds no
// secret: it is made of the journal, the manifest and the merge's own redacted account.
type Report struct {
	Product  string            `json:"product"`
	ID       string            `json:"id"`
	From     string            `json:"from"`
	To       string            `json:"to"`
	Outcome  journal.Outcome   `json:"outcome"` // "" while it runs
	Phase    journal.Phase     `json:"phase"`
	Back     bool              `json:"back"`
	Began    time.Time         `json:"began"`
	Ended    time.Time         `json:"ended,omitzero"`
	Closed   time.Time         `json:"closed,omitzero"` // the product served until then
	Window   manifest.Duration `json:"window"`          // time without service, "0s" while it is not known
	Measured bool              `json:"window_measured"` // by the door's answers, not by its stop and start
	Limit    manifest.Duration `json:"window_limit"`
	Clients  *journal.Clients  `json:"clients,omitempty"` // that were kept waiting; nil when none were
	Failed   string            `json:"failed_step,omitempty"`
	Error    string            `json:"error,omitempty"` // the first cause
	Todo     string            `json:"todo,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	Steps    []journal.Step    `json:"steps"`

	Changes  []files.FileChange     `json:"changes,omitempty"`  // what was merged in configuration files; values of secrets are hidden
	Stores   map[string]stores.Note `json:"stores,omitempty"`   // what became of documents; nil before the upgrade came to them
	Excluded string                 `json:"excluded,omitempty"` // what the system's updates leave out now, for people
	Agents   *agent.Record          `json:"agents,omitempty"`   // nil when there are none to upgrade, and before the upgrade came to them
}

// ReportOf makes the report of an attempt from what lies on disk, as it is now.
func ReportOf(b *layout.Bundle, a layout.Attempt, r journal.Record) Report {
	report := Report{
		Product: b.Manifest.Product, ID: r.ID, From: r.From, To: r.To,
		Outcome: r.Outcome, Phase: r.Phase, Back: r.Back, Began: r.Began, Ended: r.Ended,
		Closed: r.Closed, Window: manifest.Duration(r.Window()), Measured: r.Probed && !r.Reopened.IsZero(), Limit: b.Manifest.Limits.Window, Clients: r.Clients,
		Failed: r.Step, Error: r.Error, Todo: r.Todo, Warnings: r.Warnings, Steps: r.Steps,
		Changes: changes(b, a),
	}
	report.Stores, _ = stores.Notes(a.Stores()) // an attempt that never came to them has none
	if agents := AgentsOf(b, a, r.Outcome); b.Manifest.Agents != nil && agents.State != agent.None {
		report.Agents = &agents
	}
	if r.Outcome == journal.Upgraded {
		report.Excluded = excluded(b)
	}
	return report
}

// changes are what was merged in configuration files: what the backup says or, when that was cleaned away, the report
// that was written at the end. None are known before the merge.
func changes(b *layout.Bundle, a layout.Attempt) []files.FileChange {
	found, err := files.New(b.Manifest, b.Dir, a.Backup("")).Changes()
	if err == nil {
		return found
	}
	var written struct {
		Changes []files.FileChange `json:"changes"`
	}
	data, err := os.ReadFile(a.Report())
	if err != nil || json.Unmarshal(data, &written) != nil {
		return nil
	}
	return written.Changes
}

func (u *Upgrade) writeReport() error {
	data, err := json.MarshalIndent(ReportOf(u.Bundle, u.Attempt, u.Journal.Record()), "", " ")
	if err != nil {
		return err
	}
	return host.WriteFile(u.Attempt.Report(), append(data, '\n'), host.Attr{Mode: 0o600})
}
