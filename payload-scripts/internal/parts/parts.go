// Package parts puts together what a jump may have beside packages, files, schema, stores and services:
// packages that come early, with services of theirs, packages that go late, and files that move.
package parts

import (
	"context"

	"onerpm/payload-scripts/internal/early"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/late"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/moves"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/service"
)

// Parts are those of one attempt.
type Parts struct {
	Early *early.Early
	Late  *late.Late
	Moves *moves.Set

	release func() // gives rpm's lock free, which the switch holds for the packages of the window
}

// Attempt is what they work with.
type Attempt struct {
	Bundle   *layout.Bundle
	At       layout.Attempt
	Journal  *journal.Journal
	Services *service.Services
	Room     hook.Room
	Window   *packages.Set // the packages that come and go in the window
	Options  packages.Options
	Progress func(path string, done, of int64) // of files that move
}

// New returns the parts of an attempt.
func New(a Attempt) *Parts {
	b, m := a.Bundle, a.Bundle.Manifest
	p := &Parts{
		Early: &early.Early{Packages: packages.Early(m, b.Dir, a.At.Packages("early"), b.Root), Units: m.EarlyServices,
			Services: a.Services, Room: a.Room, Journal: a.Journal, Options: a.Options},
		Late: late.Of(b, a.At, a.Journal), Moves: moves.Of(m, a.At.Var, b.Root), release: a.Window.RPM.Release,
	}
	p.Late.Reload, p.Late.Options, p.Moves.Progress = a.Services.Reload, a.Options, a.Progress
	p.Moves.Packaged = func(ctx context.Context) (map[string]bool, error) {
		var names []string
		for _, one := range m.Old {
			names = append(names, one.Name)
		}
		return a.Window.RPM.DB().Paths(ctx, names)
	}
	for _, set := range []*packages.Set{p.Early.Packages, p.Late.Packages} {
		if set != nil {
			set.RPM.LockWait = b.Settings.LockWait
		}
	}
	return p
}

// RemoveEarly removes what came early. It may come right after the switch took rpm's lock.
func (p *Parts) RemoveEarly(ctx context.Context) error {
	p.release()
	return p.Early.Remove(ctx)
}
