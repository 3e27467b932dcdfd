package upgrade

import (
	"context"

	"onerpm/payload-scripts/internal/early"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/late"
	"onerpm/payload-scripts/internal/moves"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/service"
)

// parts are what a jump may have beside its four resources: what comes early, what goes late, and
// files that move.
type parts struct {
	early   *early.Early
	late    *late.Late
	moves   *moves.Set
	release func() // gives rpm's lock free, which the switch holds for the packages of the window
}

func newParts(work *job, s *service.Services, room hook.Room, rpms *packages.Set) *parts {
	b, a, j := work.bundle, work.attempt, work.journal
	m := b.Manifest
	options := packages.Options{Progress: work.rpmAt, Warn: work.warn}
	p := &parts{
		early: &early.Early{Packages: packages.Early(m, b.Dir, a.Packages("early"), b.Root), Units: m.EarlyServices, Services: s, Room: room, Journal: j, Options: options},
		late:  late.Of(b, a, j), moves: moves.Of(m, a.Var, b.Root), release: rpms.RPM.Release,
	}
	p.late.Reload, p.late.Options = s.Reload, options
	for _, set := range []*packages.Set{p.early.Packages, p.late.Packages} {
		if set != nil {
			set.RPM.LockWait = b.Settings.LockWait
		}
	}
	p.moves.Progress = func(path string, done, of int64) { work.progress.Tell(path, done, of, "files") }
	return p
}

func (p *parts) installEarly(ctx context.Context) error { return p.early.Install(ctx) }
func (p *parts) startEarly(ctx context.Context) error   { return p.early.Start(ctx) }
func (p *parts) eraseLate(ctx context.Context) error    { return p.late.Erase(ctx) }

// removeEarly may come right after the switch took rpm's lock.
func (p *parts) removeEarly(ctx context.Context) error {
	p.release()
	return p.early.Remove(ctx)
}
