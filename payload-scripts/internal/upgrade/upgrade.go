// Package upgrade is the steps of an upgrade: what each resource of the product does in which stage of the
// line, so that it becomes old or new. Packages, files, room and agents in an attempt are here, and its end;
// the others have packages of their own (window, schema, stores, drain, hook, parts). Which step follows
// which, and which way to resume after a stop, is package line's.
package upgrade

import (
	"context"

	"onerpm/payload-scripts/internal/drain"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/hold"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/parts"
	"onerpm/payload-scripts/internal/progress"
	"onerpm/payload-scripts/internal/schema"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/stores"
	"onerpm/payload-scripts/internal/window"
)

// Upgrade is an attempt that is being worked on.
type Upgrade struct {
	*job.Job
	gate     *gate
	reserve  *reserve
	packages *packageSet
	files    *fileSet
	schema   *schema.Set
	stores   *stores.Set
	drain    *drain.Drain
	units    *window.Units
	door     *window.Door
	hooks    *hook.Set
	parts    *parts.Parts
	agents   *agents
}

// New opens everything the attempt needs; Close ends it.
func New(ctx context.Context, b *layout.Bundle, a layout.Attempt, j *journal.Journal) (*Upgrade, error) {
	s, err := service.Connect(ctx, b.Manifest, b.Places())
	if err != nil {
		return nil, err
	}
	work := &job.Job{Bundle: b, Attempt: a, Journal: j, Progress: progress.NewWriter(b.Places().Progress(), a.ID)}
	rpms := packages.New(b.Manifest, b.Dir, a.Var, "")
	rpms.Had, rpms.RPM.LockWait = j.Record().Optional, b.Settings.LockWait
	merged := files.New(b.Manifest, b.Dir, a.Backup(""))
	merged.Progress = func(path string, bytes int64) { work.Progress.Tell(path, bytes, 0, "bytes") }
	room := hook.Room{Manifest: b.Manifest, Bundle: b.Dir, Attempt: a.ID, Var: a.Var, Merged: files.MergedFile(a.Backup(""), ""), Saved: files.SavedFile(a.Backup(""), "")}
	u := &Upgrade{
		Job: work, gate: &gate{work, rpms}, reserve: &reserve{work},
		schema: &schema.Set{Job: work}, units: window.NewUnits(work, s), agents: &agents{work},
		hooks: &hook.Set{Room: room, Journal: j}, parts: newParts(work, s, room, rpms),
	}
	u.packages = &packageSet{work, rpms, u.parts.Early.Packages}
	u.files = &fileSet{work, merged, rpms, s, u.parts.Moves}
	u.door = &window.Door{Units: u.units, Hold: hold.Of(b.Manifest, b.Places(), s.Systemd())}
	u.stores = newStores(work, u.schema)
	u.drain = &drain.Drain{Job: work, Schema: u.schema, Stores: u.stores}
	return u, nil
}

func newParts(work *job.Job, s *service.Services, room hook.Room, rpms *packages.Set) *parts.Parts {
	return parts.New(parts.Attempt{
		Bundle: work.Bundle, At: work.Attempt, Journal: work.Journal, Services: s, Room: room, Window: rpms,
		Options:  packages.Options{Progress: work.RPMAt, Warn: work.Warn},
		Progress: func(path string, done, of int64) { work.Progress.Tell(path, done, of, "files") },
	})
}

// Close ends what New opened.
func (u *Upgrade) Close() {
	u.Progress.Step("")
	u.door.Close()
}

// Run goes along the line from wherever the journal says the attempt is, to its end.
func (u *Upgrade) Run(ctx context.Context) (journal.Outcome, error) {
	return line.New(u.steps(), line.Host{
		RollbackWanted: u.rollbackWanted,
		ReleaseReserve: u.reserve.free,
		Sync:           u.sync,
		Finish:         u.finish,
		Todo:           u.todo,
		Began:          u.Progress.Step,
		Pause:          job.Pause,
	}, u.Journal).Run(ctx)
}
