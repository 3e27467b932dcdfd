package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
)

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
		u.agents.begin(ctx) // before the word that ends every wait
	}
	if err := attempt.SetState(u.bundle.Places(), words[outcome]); err != nil {
		return err
	}
	return attempt.Uninstall(ctx, u.bundle.Places())
}

// todo says what a person is to do. The services of a half-way machine stay down behind a
// shut door, which is the safest it can be.
func (u *Upgrade) todo(r journal.Record, cause error) string {
	what := "Neither release could be completed"
	if r.Restored {
		what = u.manifest().From + " is restored and may be serving; what remained to be done failed"
	}
	return fmt.Sprintf("%s: %v\n"+
		"Remove the cause, then run `%s start`: it carries this attempt on from where it stands.\n"+
		"The log is in %s; backups of configuration, state and databases are in %s.",
		what, cause, u.manifest().Prefix, u.attempt.Log(), u.attempt.Backup(""))
}

// rollbackWanted tells whether the admin asked to go back.
func (u *Upgrade) rollbackWanted() bool {
	_, err := os.Stat(u.attempt.RollbackRequest())
	return err == nil
}

// sync makes everything durable that the upgrade touched.
func (u *Upgrade) sync() error {
	paths := []string{"/", "/etc", "/usr", "/opt", "/var", "/var/lib", u.attempt.Var, u.attempt.Run}
	paths = append(paths, u.manifest().State...)
	for _, c := range u.manifest().Config {
		paths = append(paths, filepath.Dir(c.Target))
	}
	return host.SyncFS(paths...)
}
