package upgrade

import (
	"encoding/json"
	"os"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/stores"
)

// Report is what is reported of an attempt, to people and to programs. It holds no
// secret: it is made of the journal, the manifest and the merge's own redacted account.
type Report struct {
	Product  string            `json:"product"`               // name of the product
	ID       string            `json:"id"`                    // id of the upgrade
	From     string            `json:"from"`                  // release that it starts from
	To       string            `json:"to"`                    // release that it leads to
	Outcome  journal.Outcome   `json:"outcome"`               // how it ended; empty while it runs
	Phase    journal.Phase     `json:"phase"`                 // how far it came
	Back     bool              `json:"back"`                  // whether it went back to the old release, or does
	Began    time.Time         `json:"began"`                 // when it began
	Ended    time.Time         `json:"ended,omitzero"`        // when it ended
	Closed   time.Time         `json:"closed,omitzero"`       // until when the product served before the window
	Window   manifest.Duration `json:"window"`                // time without service, "0s" while it is not known
	Measured bool              `json:"window_measured"`       // whether that is by the door's answers, and not by its stop and start
	Limit    manifest.Duration `json:"window_limit"`          // the bundle's limit of that time
	Clients  *journal.Clients  `json:"clients,omitempty"`     // those that were kept waiting, where some were
	Failed   string            `json:"failed_step,omitempty"` // the step that failed first
	Error    string            `json:"error,omitempty"`       // the first cause of a failure
	Todo     string            `json:"todo,omitempty"`        // what a person is to do
	Warnings []string          `json:"warnings,omitempty"`    // what the admin should know
	Steps    []journal.Step    `json:"steps"`                 // what was done, in its order

	Changes  []files.FileChange     `json:"changes,omitempty"`  // what was merged in configuration files; values of secrets are hidden
	Stores   map[string]stores.Note `json:"stores,omitempty"`   // what became of the documents of each store
	Excluded string                 `json:"excluded,omitempty"` // what the system's updates leave out now, for people
	Agents   *agent.Record          `json:"agents,omitempty"`   // how the agents on other machines are, where there are some to upgrade and the upgrade came to them
	Expected *estimate.Expected     `json:"expected,omitempty"` // when it is out of service and until when, where a rehearsal says it and clients are not served again yet
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
	if report.Steps == nil {
		report.Steps = []journal.Step{}
	}
	if agents := AgentsOf(b, a, r.Outcome); b.Manifest.Agents != nil && agents.State != agent.None {
		if agents.Groups == nil {
			agents.Groups = []agent.Group{}
		}
		report.Agents = &agents
	}
	if e, ok := estimate.Read(b.Places().Rehearsed(r.To), r); ok {
		report.Expected = e.Of(r)
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
