package upgrade

import (
	"context"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/parts"
)

// packagesToNew is the step with which rpm begins to change the host.
const packagesToNew = "packages to new"

// copyStores is the step that fills a database while the old release serves.
const copyStores = "copy the stores"

// steps are what this program does in each stage of the line, in order.
func (u *Upgrade) steps() line.Steps {
	return line.Steps{
		line.Prepare: {
			{Name: "wait for other package managers", Do: u.packages.waitForLocks},
			{Name: "preflight", Do: u.gate.preflight},
			{Name: "set room aside", Do: u.reserve.allocate},
			{Name: "record the services", Do: u.units.Record},
			{Name: "get ready to keep clients waiting", Do: u.door.PrepareHold},
			{Name: "back up configuration", Do: u.files.backup},
			{Name: "record the addresses of the databases", Do: u.schema.RecordAddresses}, // some stand in what was merged
			{Name: "record the sources of the stores", Do: u.recordSources},
			{Name: "rebuild packages", Do: u.packages.rebuild},
			{Name: "back up packages", Do: u.packages.backup},
			{Name: "install the early packages", Do: u.parts.Early.Install},
			{Name: "start the early services", Do: u.parts.Early.Start},
			{Name: "back up the databases", Do: u.schema.Dump},
			{Name: "hooks of prepare", Do: u.hooks.Of(hook.Prepare)},
			{Name: "expand the schema", Do: u.schema.Expand},
			{Name: copyStores, Do: u.stores.Copy},
		},
		line.Switch: {
			{Name: "write to disk what is not there yet", Do: func(context.Context) error { return u.sync() }}, // the window would wait for it
			{Name: "drain", Do: u.drain.WhileServing},
			{Name: "wait for other package managers", Do: u.packages.hold},
			{Name: "shut the door", Do: u.shut},
			{Name: "mark the window", Do: u.units.Mark},
			{Name: "stop the services", Do: u.units.Stop, Down: true},
			{Name: "stores to new", Do: to(manifest.New, u.stores.Converge)},
			{Name: "stop the sources", Do: u.units.StopSources}, // not before their documents are proved to be copied
			{Name: "save what changed meanwhile", Do: together(u.files.saveState, u.schema.RecordSequences)},
			{Name: "note what moves", Do: u.parts.Moves.Record},
			{Name: packagesToNew, Do: to(manifest.New, u.packages.converge)},
			{Name: "files to new", Do: to(manifest.New, u.files.converge)},
			{Name: "move files", Do: to(manifest.New, u.parts.Moves.Converge)},
			{Name: "hooks of the switch", Do: u.hooks.Of(hook.Switch)},
			{Name: "schema to new", Do: together(to(manifest.New, u.schema.Converge), to(manifest.New, u.units.Adopt), to(manifest.New, u.units.Listen))},
			{Name: "start the services", Do: to(manifest.New, u.units.Start)},
			{Name: "see that everything runs", Do: u.confirm},
			{Name: "try the door", Do: u.door.Try},
		},
		line.Open: {
			{Name: "start the services", Do: to(manifest.New, u.units.StartAgain)}, // those that have ended since, of an attempt that was resumed all
			{Name: "open the door", Do: to(manifest.New, u.door.Open)},
			{Name: "start what needs the product", Do: u.units.StartDependents},
			{Name: "take the marks away", Do: u.door.Unmark},
			{Name: "forget the stores' copies", Do: u.stores.Forget},
			{Name: "keep the packages from updates", Do: u.packages.keepFromUpdates}, // before the next: dnf does not see what it leaves out, and the jump before may have had it leave these out
			{Name: "mark packages as installed by the user", Do: u.packages.markUserInstalled},
			{Name: "hooks of open", Do: u.hooks.Of(hook.Open)},
			{Name: "erase what is not needed any more", Do: u.parts.Late.Erase},
			{Name: "hand over the agents", Do: u.agents.handOver},
		},
		line.Undo: {
			{Name: "stores to old", Do: to(manifest.Old, u.stores.Converge)},
			{Name: "schema to old", Do: to(manifest.Old, u.schema.Converge)},
			{Name: "undo the hooks", Do: u.hooks.Undo},
			{Name: "remove what came early", Do: u.parts.RemoveEarly},
			{Name: "take the marks away", Do: u.door.Unmark},
			{Name: "see the product serve", Do: u.units.AwaitOld}, // after a loss of power it is still starting
		},
		line.Reopen: { // the services were never stopped: work under way goes on
			{Name: "start the services", Do: to(manifest.Old, u.units.Start)}, // they run, but for those that a loss of power has ended
			{Name: "open the door", Do: to(manifest.Old, u.door.Open)},
			{Name: "start what needs the product", Do: u.units.StartDependents},
			{Name: "stores to old", Do: to(manifest.Old, u.stores.Converge)},
			{Name: "schema to old", Do: to(manifest.Old, u.schema.Converge)},
			{Name: "undo the hooks", Do: u.hooks.Undo},
			{Name: "remove what came early", Do: u.parts.RemoveEarly},
			{Name: "take the marks away", Do: u.door.Unmark},
		},
		line.Restore: {
			{Name: "mark the window", Do: u.units.MarkBack},
			{Name: "stop the services", Do: u.units.Stop},
			{Name: "wait for the file systems", Do: u.files.awaitMounts}, // after a boot some come late
			{Name: "stores to old", Do: to(manifest.Old, u.stores.Converge)},
			{Name: "schema to old", Do: together(to(manifest.Old, u.schema.Converge), to(manifest.Old, u.units.Listen))},
			{Name: "undo the hooks", Do: u.hooks.Undo},
			{Name: "move files back", Do: to(manifest.Old, u.parts.Moves.Converge)},
			{Name: "packages to old", Do: u.packages.restore},
			{Name: "remove what came early", Do: u.parts.RemoveEarly},
			{Name: "files to old", Do: to(manifest.Old, u.files.converge)},
			{Name: "start the sources", Do: u.units.StartSources},
			{Name: "prove the sources", Do: u.stores.Prove}, // before anybody writes to them
			{Name: "start the services", Do: to(manifest.Old, u.units.Start)},
		},
		line.Serve: {
			{Name: "start the services", Do: to(manifest.Old, u.units.StartAgain)},
			{Name: "open the door", Do: to(manifest.Old, u.door.Open)},
			{Name: "start what needs the product", Do: u.units.StartDependents},
			{Name: "take the marks away", Do: u.door.Unmark},
		},
	}
}

// to is a step that makes a resource that of a side.
func to(side manifest.Side, converge func(context.Context, manifest.Side) error) func(context.Context) error {
	return func(ctx context.Context) error { return converge(ctx, side) }
}

// together does two things at the same time that have nothing to do with one another, while nobody is served.
func together(do ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		for _, f := range do {
			group.Go(func() error { return f(ctx) })
		}
		return group.Wait()
	}
}

// outline has the steps' names and order; nothing can be done with it.
func outline() line.Steps { return (&Upgrade{parts: &parts.Parts{}}).steps() }

// Place tells where a step stands in its stage: from 1, of how many. 0 when it has no such step.
func Place(r journal.Record, name string) (at, of int) { return outline().Place(r, name) }
