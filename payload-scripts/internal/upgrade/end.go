package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/window"
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
	if outcome == journal.NeedsAPerson {
		if err := u.door.GiveUp(ctx); err != nil {
			slog.Warn("clients may still be kept waiting", "error", err)
		}
	}
	if err := u.writeReport(); err != nil {
		return err
	}
	if outcome == journal.Upgraded {
		u.agents.begin(ctx) // before the word that ends every wait
	}
	if outcome != journal.NeedsAPerson { // who may resume it
		u.packages.dropRebuilt()
	}
	if err := attempt.SetState(u.Bundle.Places(), words[outcome]); err != nil {
		return err
	}
	return attempt.Uninstall(ctx, u.Bundle.Places())
}

// todo says what a person is to do. The services of a half-way machine stay down behind a
// shut door, which is the safest it can be.
func (u *Upgrade) todo(r journal.Record, cause error) string {
	m := u.Manifest()
	what := "Neither release could be completed"
	switch {
	case r.Phase == journal.Opening:
		what = m.To + " is in place and may be serving; what remained to be done failed"
	case r.Restored:
		what = m.From + " is restored and may be serving; what remained to be done failed"
	case !outline().Restoring(r):
		what = m.From + " is still in place and may be serving; what remained to be done failed"
	}
	return fmt.Sprintf("%s: %v\n"+
		"Remove the cause, then run `%s start`: it resumes this attempt from where it stands, %s.\n"+
		"The log is in %s; backups of configuration, state and databases are in %s.",
		what, cause, m.Prefix, Way(r), u.Attempt.Log(), u.Attempt.Backup(""))
}

// Way tells people which way an attempt goes when it is resumed.
func Way(r journal.Record) string {
	if outline().Forward(r) {
		return "forward to " + r.To
	}
	return "back to " + r.From
}

// Serves reports whether the old release was seen to serve after a way back.
func Serves(r journal.Record) bool {
	return !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, window.NotWell) })
}

// Asked reports whether an attempt goes back because the admin asked for it.
func Asked(r journal.Record) bool { return strings.HasSuffix(r.Error, line.AskedBack) }

// MayResume fails when resuming an attempt that needed a person would take back what clients have written since:
// the state is put back to what it was when the services were stopped.
func MayResume(ctx context.Context, b *layout.Bundle, r journal.Record) error {
	if !outline().Restoring(r) || b.Root != "" {
		return nil
	}
	s, err := service.Connect(ctx, b.Manifest, b.Places())
	if err != nil {
		return err
	}
	defer s.Close()
	return window.CheckDoorsClosed(ctx, s, b.Manifest, r)
}

// rollbackWanted reports whether the admin asked to go back.
func (u *Upgrade) rollbackWanted() bool {
	_, err := os.Stat(u.Attempt.RollbackRequest())
	return err == nil
}

// sync makes everything durable that the upgrade touched.
func (u *Upgrade) sync() error {
	paths := []string{"/", "/etc", "/usr", "/opt", "/var", "/var/lib", u.Attempt.Var, u.Attempt.Run}
	paths = append(paths, u.Manifest().State...)
	for _, c := range u.Manifest().Config {
		paths = append(paths, filepath.Dir(c.Target))
	}
	return host.SyncFS(paths...)
}
