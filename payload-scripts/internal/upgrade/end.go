package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
)

// end records an outcome and tidies up. The record comes first: an engine that
// is killed in between tidies up again when it is started.
func (u *Upgrade) end(ctx context.Context, outcome journal.Outcome) error {
	u.freeRoom()
	if err := u.syncAll(); err != nil {
		return err
	}
	err := u.journal.Update(func(r *journal.Record) {
		r.Outcome, r.Ended = outcome, time.Now().UTC().Truncate(time.Millisecond)
		if outcome == journal.Upgraded {
			r.Phase = journal.Finished
		}
	})
	if err != nil {
		return err
	}
	slog.Info("end", "outcome", outcome)
	return u.finish(ctx, outcome)
}

// words are what the next bundle's gate reads of an outcome.
var words = map[journal.Outcome]string{
	journal.Upgraded:     attempt.Done,
	journal.Refused:      attempt.Idle,
	journal.RolledBack:   attempt.RolledBack,
	journal.NeedsAPerson: attempt.NeedsAPerson,
}

// finish makes the rest of the host agree with a recorded outcome.
func (u *Upgrade) finish(ctx context.Context, outcome journal.Outcome) error {
	if err := u.writeReport(); err != nil {
		return err
	}
	if outcome == journal.Upgraded {
		u.beginAgents(ctx) // before the word that ends every wait
	}
	if err := attempt.SetState(u.places, words[outcome]); err != nil {
		return err
	}
	return attempt.Uninstall(ctx, u.places)
}

// needsAPerson leaves the services down behind a shut door, which is the safest
// a half-way machine can be, and says what was found.
func (u *Upgrade) needsAPerson(ctx context.Context, cause error) (journal.Outcome, error) {
	if ctx.Err() != nil {
		return "", cause
	}
	todo := fmt.Sprintf("Neither release could be completed: %v\n"+
		"Remove the cause, then run `%s start`: it carries this attempt on from where it stands.\n"+
		"The log is in %s; backups of configuration, state and databases are in %s.",
		cause, u.bundle.Manifest.Prefix, u.attempt.Log(), u.attempt.Backup(""))
	err := u.journal.Update(func(r *journal.Record) {
		r.Todo = todo
		if r.Error == "" {
			r.Error = cause.Error()
		}
	})
	return journal.NeedsAPerson, errors.Join(err, u.end(ctx, journal.NeedsAPerson))
}

// stopWanted tells whether the admin asked to go back.
func (u *Upgrade) stopWanted() bool {
	_, err := os.Stat(u.attempt.RollbackRequest())
	return err == nil
}

// syncAll makes everything durable that the upgrade touched.
func (u *Upgrade) syncAll() error {
	paths := []string{"/", "/etc", "/usr", "/opt", "/var", "/var/lib", u.attempt.Var, u.attempt.Run}
	paths = append(paths, u.bundle.Manifest.State...)
	for _, c := range u.bundle.Manifest.Config {
		paths = append(paths, filepath.Dir(c.Target))
	}
	return host.SyncFS(paths...)
}
