package upgrade

import (
	"context"

	"onerpm/payload-scripts/internal/dbspace"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/schema"
	"onerpm/payload-scripts/internal/stores"
)

// newStores is the data of the product that changes its database, in an attempt.
func newStores(j *job.Job, s *schema.Set) *stores.Set {
	return &stores.Set{
		Manifest: j.Manifest(), Attempt: j.Attempt.ID, Secrets: j.Attempt.Backup("stores.json"), Notes: j.Attempt.Stores(),
		With: s.With, Guard: dbspace.WhileServing,
		Came:     func(database string) bool { _, known := j.Journal.Record().Schema[database]; return known },
		Progress: func(what string, done, total int64) { j.Progress.Tell(what, done, total, "documents") },
	}
}

// recordSources reads where the documents are. Prepare that starts over reads it again as long as nothing was changed.
func (u *Upgrade) recordSources(context.Context) error {
	rec := u.Journal.Record()
	return u.stores.Record(rec.Schema != nil || len(rec.Hooks) > 0)
}
