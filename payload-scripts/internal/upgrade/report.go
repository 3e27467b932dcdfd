package upgrade

import (
	"encoding/json"
	"path/filepath"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
)

// Report is what is told of an attempt, to people and to programs. It holds no
// secret: it is made of the journal and the manifest alone.
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
	Window   manifest.Duration `json:"window"` // time without service, "0s" while it is not known
	Limit    manifest.Duration `json:"window_limit"`
	Failed   string            `json:"failed_step,omitempty"`
	Error    string            `json:"error,omitempty"` // the first cause
	Todo     string            `json:"todo,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	Steps    []journal.Step    `json:"steps"`
}

// ReportOf makes the report of a record.
func ReportOf(m *manifest.Manifest, r journal.Record) Report {
	return Report{
		Product: m.Product, ID: r.ID, From: r.From, To: r.To,
		Outcome: r.Outcome, Phase: r.Phase, Back: r.Back, Began: r.Began, Ended: r.Ended,
		Window: manifest.Duration(r.Window()), Limit: m.Limits.Window,
		Failed: r.Step, Error: r.Error, Todo: r.Todo, Warnings: r.Warnings, Steps: r.Steps,
	}
}

func (u *Upgrade) writeReport() error {
	data, err := json.MarshalIndent(ReportOf(u.bundle.Manifest, u.journal.Record()), "", " ")
	if err != nil {
		return err
	}
	return host.WriteFile(filepath.Join(u.attempt.Var, "report.json"), append(data, '\n'), host.Attr{Mode: 0o600})
}
