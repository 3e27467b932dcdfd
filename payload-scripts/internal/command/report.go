package command

import (
	"context"
	"encoding/json"
	"os"

	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/stores"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/view"
)

// runReport tells how the latest attempt went, step by step.
func runReport(_ context.Context, e *env, _ options) int {
	a, ok := e.latest()
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	r := e.report(a, rec)
	if e.json {
		return e.encode(r, exitDone)
	}
	view.Report(e.out, r)
	e.printEnd(r)
	return exitDone
}

// report makes the report of an attempt as it is now.
func (e *env) report(a layout.Attempt, rec journal.Record) upgrade.Report {
	r := upgrade.ReportOf(e.bundle.Manifest, rec)
	r.Changes = changes(e, a)
	r.Stores, _ = stores.Notes(a.Stores()) // an attempt that never came to them has none
	if rec, err := agent.Read(a.Var); err == nil {
		r.Agents = &rec
	}
	return r
}

// changes are what was merged in configuration files: what the backup says or,
// when that was cleaned away, the report that was written at the end. None are known
// before the merge.
func changes(e *env, a layout.Attempt) []files.FileChange {
	found, err := files.New(e.bundle.Manifest, e.bundle.Dir, a.Backup("")).Changes()
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
