// Package hostcheck is the whole check of a host for a bundle: what preflight looks at, and what
// only the rooms of files, databases, services and agents can tell. It promises to change nothing on
// the host. The command check, a rehearsal and an attempt's own first step ask it the same.
package hostcheck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbcheck"
	"onerpm/payload-scripts/internal/dbspace"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/header"
	"onerpm/payload-scripts/internal/health"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/moves"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/preflight"
)

// Options are what a check is told of the host.
type Options struct {
	Copying   bool // this attempt was stopped in prepare: a part of the stores' copies may have its room already
	EarlyCame bool // this attempt was stopped in prepare: the packages that come early may be there
	Starting  bool // the host may have just booted: what has the stores' documents is waited for
}

// Check runs every check of the host for a bundle and writes nothing. It is not for a host with an upgrade that has not ended
// (attempt.Standing), but by that upgrade itself.
func Check(ctx context.Context, b *layout.Bundle, o Options) []finding.Finding {
	others := []preflight.Check{
		moves.Of(b.Manifest, "", b.Root).Findings,
		func(ctx context.Context) []finding.Finding { return doorFindings(ctx, b.Manifest) },
		func(ctx context.Context) []finding.Finding { return holdFindings(ctx, b) },
		func(context.Context) []finding.Finding { return acceptFindings(b) },
		func(context.Context) []finding.Finding { return hookFindings(b.Manifest.Hooks) },
		func(ctx context.Context) []finding.Finding { return checkFiles(ctx, b) },
		func(ctx context.Context) []finding.Finding { return verifyFindings(ctx, b) },
	}
	if early := packages.Early(b.Manifest, b.Dir, "", b.Root); early != nil && !o.EarlyCame {
		others = append(others, func(context.Context) []finding.Finding { return earlyFindings(b.Manifest, early) })
	}
	if b.Manifest.Agents != nil {
		others = append(others, func(context.Context) []finding.Finding { return agentFindings(b) })
	}
	for _, spec := range b.Manifest.Databases {
		others = append(others, func(ctx context.Context) []finding.Finding { return checkDatabase(ctx, b, spec) })
	}
	needs := []func(context.Context) ([]preflight.Need, error){
		func(ctx context.Context) ([]preflight.Need, error) { return databaseRoom(ctx, b) },
	}
	for _, l := range lookAtStores(ctx, b.Manifest, o.Starting) {
		others = append(others, func(context.Context) []finding.Finding { _, found := l.look(); return found })
		if !o.Copying {
			needs = append(needs, func(ctx context.Context) ([]preflight.Need, error) { return l.space(ctx, b) })
		}
	}
	return preflight.Run(ctx, preflight.Input{Manifest: b.Manifest, Dir: b.Dir, EarlyCame: o.EarlyCame, Others: others, Needs: needs})
}

// earlyFindings tells of what is where the packages that come early put something: all of theirs
// goes on the way back, so nothing may be there before.
func earlyFindings(m *manifest.Manifest, early *packages.Set) []finding.Finding {
	there, err := early.Conflicting()
	if err != nil {
		return []finding.Finding{{ID: "check-failed", Level: finding.Refuse,
			What: "could not find out whether something is where packages will be that come early: " + err.Error(), Do: "remove the cause, then check again"}}
	}
	if len(there) == 0 {
		return nil
	}
	more := ""
	if len(there) > shown {
		more = fmt.Sprintf(" and %d more", len(there)-shown)
	}
	return []finding.Finding{{ID: "early-in-the-way", Level: finding.Refuse,
		What: "these are there already, where packages that come while " + m.From + " serves will have their own: " + strings.Join(there[:min(shown, len(there))], ", ") + more,
		Do:   "move them away, or remove what put them there, then check again"}}
}

// shown is how many paths a finding names.
const shown = 10

// databaseRoom tells what the databases' dumps and migrations take. A dump is not larger
// than its database, as it is compressed. One that cannot be reached is a finding of its own.
func databaseRoom(ctx context.Context, b *layout.Bundle) ([]preflight.Need, error) {
	var needs []preflight.Need
	for _, spec := range b.Manifest.There() {
		db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
		if err != nil {
			continue
		}
		more, err := spaceOf(ctx, b, db)
		db.Close()
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", spec.Name, err)
		}
		needs = append(needs, more...)
	}
	return needs, nil
}

func spaceOf(ctx context.Context, b *layout.Bundle, db *database.DB) ([]preflight.Need, error) {
	size, err := db.Count(ctx, "select pg_database_size(current_database())")
	if err != nil {
		return nil, err
	}
	needs := []preflight.Need{{Path: b.Places().Var(), Bytes: size, What: "dump of the database " + db.Spec.Name}}
	migrations := ""
	if db.Spec.Migrations != "" {
		migrations = filepath.Join(b.Dir, db.Spec.Migrations)
	}
	taken, err := dbspace.Needs(ctx, db, migrations)
	for _, n := range taken {
		needs = append(needs, preflight.Need{Path: n.Path, Bytes: n.Bytes, What: n.What + " in the database " + db.Spec.Name})
	}
	return needs, err
}

func checkDatabase(ctx context.Context, b *layout.Bundle, spec manifest.Database) []finding.Finding {
	if spec.Only == manifest.New {
		return newDatabase(ctx, b, spec)
	}
	db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
	if err != nil {
		return []finding.Finding{{ID: "database-unreachable", Level: finding.Refuse,
			What: fmt.Sprintf("the database %s cannot be reached: %v", spec.Name, err),
			Do:   "start it, or correct its address and password in " + spec.Connection.File}}
	}
	defer db.Close()
	files := dbcheck.Files{Drains: map[string]string{}}
	for _, unit := range b.Manifest.Services {
		if unit.Drain != nil && unit.Drain.Database == spec.Name {
			files.Drains[unit.Unit] = unit.Drain.Query
		}
	}
	if spec.Checks != "" {
		files.Checks = filepath.Join(b.Dir, spec.Checks)
	}
	if spec.Migrations != "" {
		files.Migrations = filepath.Join(b.Dir, spec.Migrations)
	}
	return dbcheck.Run(ctx, db, files)
}

// doorFindings tells of a door whose question is not answered while the product
// serves: then it can neither measure the window nor judge the opened door.
func doorFindings(ctx context.Context, m *manifest.Manifest) []finding.Finding {
	var out []finding.Finding
	for _, u := range m.Services {
		if !u.Door || u.Health == nil {
			continue
		}
		h := *u.Health
		h.Expect.JSON, h.Expect.Old = nil, nil
		if err := health.Ask(ctx, &h, manifest.Old); err != nil {
			out = append(out, finding.Finding{ID: "door-unanswered", Level: finding.Warn,
				What: fmt.Sprintf("%s lets clients in and does not answer as the bundle expects: %v", u.Unit, err),
				Do: "nothing if you gave it another address on purpose: the time out of service is then estimated from service stop/start, " +
					"and that question does not check the opened door; otherwise look why it does not serve"})
		}
	}
	return out
}

// agentFindings tells an admin before the upgrade what will not work with agents until they are upgraded, and that
// they will wait for credentials.
func agentFindings(b *layout.Bundle) (out []finding.Finding) {
	if what := b.Manifest.Agents.Meanwhile; what != "" {
		out = append(out, finding.Finding{ID: "agents-meanwhile", Level: finding.Warn,
			What: "after the upgrade, until the agent on a machine is upgraded too: " + what,
			Do:   "plan no such work for that time; agents are upgraded by themselves right after the upgrade, or when you say so (" + b.Manifest.Prefix + " agents start)"})
	}
	file, none := b.Manifest.Agents.Headers.File, b.Places().NoAgents()
	if _, err := os.Stat(none); err == nil {
		return out
	}
	_, err := header.ReadSecret(file)
	if err == nil {
		return out
	}
	what := err.Error()
	if errors.Is(err, os.ErrNotExist) {
		what = "there is no " + file
	}
	return append(out, finding.Finding{ID: "agents-credentials", Level: finding.Warn,
		What: "the agents on other machines will not be upgraded by themselves: " + what,
		Do:   "write into it the headers that let an administrator in, one \"Name: value\" a line, and chmod 600 it; or touch " + none + " to leave the agents alone"})
}
