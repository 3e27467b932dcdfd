package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/journal"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	debug.SetGCPercent(800) // some ten thousand upgrades leave small garbage, and only that
	os.Exit(m.Run())
}

// world is a machine in memory with a product on it, its clients, its admin and its systemd.
// Clients write whenever they are let in, to the source of a store at the old release, to the database at
// the new one. The steps are the real line's, as far as they matter to what must hold.
type world struct {
	disk journal.Record // what a process that starts now reads

	release, schema  string          // old, mixed, new; old, expanded, new
	hooked           bool            // what a hook of prepare did is there
	early            string          // packages that come early: none, half, there
	places           string          // of files that move: old, mixed, new
	noted            bool            // what moves is on disk
	late             string          // packages that go late: there, half, gone
	up, door, marked bool            // services run; clients are let in; units stay down over a reboot
	acked, kept      int             // writes: acknowledged; to be found in the state
	saved            int             // writes in the saved state, -1 when none was saved in the window
	docs             int             // documents in the source of the store
	rows             int             // documents that are rows in the database, -1 for no copy
	ledger           bool            // the engine's record of the copy is in the database
	source           bool            // what has the documents runs
	proof            int             // documents that the source was proved to have, -1 before
	returned         bool            // on the way back it was proved to have them still
	unsynced         bool            // the packages on disk are not durable yet
	touched          bool            // the journal says that services were to be stopped
	aside            bool            // room is set aside for a full disk
	wishes           atomic.Bool     // the admin's request to go back is on disk
	finished         journal.Outcome // what the host was told of the end
	person           int             // how often a person was asked

	journal   *journal.Journal // of the process that runs
	ctx       context.Context
	terminate context.CancelFunc

	script
	stage  Stage
	points int      // points passed by all processes
	trace  []string // stages as they begin, a failed step after its stage
	deaths int
	must   journal.Outcome // what the journal demands since the last stop; "" for nothing
	wrong  []error
}

// script is what befalls a machine.
type script struct {
	fails    map[string]int // "stage/step" -> how often it fails yet
	refuse   bool           // the check of prepare finds something
	later    bool           // it does so only after the first stop
	killAt   []int          // points at which the engine is killed
	cutAt    int            // point at which the power is cut
	stopAt   int            // point at which the engine is asked to stop (SIGTERM)
	wishIn   string         // "stage/step" in which the admin asks to go back
	fullAt   int            // point from which on the disk is full, until room is given free
	killEach string         // "stage/step" in which every process is killed
	killIn   string         // likewise, but only the first
	lacks    string         // "stage/step" that the line does not have
	earlier  string         // "stage/step" that changes places with the one before
}

func (s script) String() string {
	return strings.TrimSpace(fmt.Sprintf("fails %v refuse %t %t kill %v %s cut %d stop %d wish %q full %d in %q lacks %q earlier %q",
		s.fails, s.refuse, s.later, s.killAt, s.killEach, s.cutAt, s.stopAt, s.wishIn, s.fullAt, s.killIn, s.lacks, s.earlier))
}

// killed is the panic by which a process of the world dies.
type killed struct{}

// endless ends a line that goes round in circles.
const endless = 2000

func newWorld(s script) *world {
	w := &world{
		release: "old", schema: "old", early: "none", places: "old", late: "there", up: true, door: true,
		saved: -1, rows: -1, source: true, proof: -1, script: s,
	}
	w.fails = maps.Clone(s.fails)
	w.disk = journal.Record{ID: "a", Phase: journal.Preparing}
	return w
}

// point is passed between any two things that happen.
func (w *world) point() {
	w.points++
	w.clients()
	if w.door && w.up {
		committed := w.disk.Phase == journal.Opening || w.disk.Phase == journal.Finished
		if w.release != "old" && !committed || w.release == "mixed" || w.release == "old" && committed {
			w.fault("clients were let in: release %s, phase %s", w.release, w.disk.Phase)
		}
		if w.release == "old" && !w.source {
			w.fault("clients were let in without the source of what they ask for")
		}
		if w.places != w.release {
			w.fault("clients were let in: release %s, files in their %s places", w.release, w.places)
		}
	}
	if w.points > endless {
		w.fault("no end after %d points", w.points)
		panic(killed{})
	}
	if w.points == w.stopAt {
		w.terminate()
	}
	for _, at := range w.killAt {
		if w.points == at {
			panic(killed{})
		}
	}
	if w.points == w.cutAt {
		w.up, w.door = !w.marked, !w.marked
		if w.unsynced {
			w.release = "mixed"
		}
		w.source = !w.marked && w.release == "old"
		panic(killed{})
	}
}

func (w *world) fault(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Errorf(format, args...))
}

func (w *world) full() bool { return w.fullAt > 0 && w.points >= w.fullAt }

// store is the journal's disk.
func (w *world) store(r journal.Record) error {
	w.point()
	if w.full() {
		return unix.ENOSPC
	}
	if was, is := w.disk, r; (is.Phase == journal.Opening && was.Phase == journal.Switching || is.Restored && !was.Restored) && w.unsynced {
		w.fault("a commit was recorded before what it is about was on disk")
	}
	w.disk = r
	if n := len(r.Steps); n > 0 && r.Steps[n-1].Name == "stop" {
		w.touched = true
	}
	w.point()
	return nil
}

// step makes a step of a name and what it changes. It fails, when the script says so, half way.
func (w *world) step(stage Stage, name string, change func() error) Step {
	key := string(stage) + "/" + name
	return Step{Name: name, Down: stage == Switch && name == "stop", Do: func(ctx context.Context) error {
		if w.stage != stage {
			w.stage = stage
			w.trace = append(w.trace, string(stage))
		}
		w.point()
		if w.wishIn == key {
			w.wishes.Store(true)
		}
		if w.killIn == key {
			w.killIn = ""
			panic(killed{})
		}
		if w.killEach == key {
			panic(killed{})
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.fails[key] > 0 {
			w.fails[key]--
			w.trace, w.stage = append(w.trace, name+"!"), ""
			return errors.New("as the script says")
		}
		err := change()
		w.point()
		return err
	}}
}

func (w *world) steps() Steps {
	list := func(stage Stage, steps ...any) []Step {
		var out []Step
		for i := 0; i < len(steps); i += 2 {
			if w.lacks == string(stage)+"/"+steps[i].(string) {
				continue
			}
			out = append(out, w.step(stage, steps[i].(string), steps[i+1].(func() error)))
			if n := len(out); w.earlier == string(stage)+"/"+steps[i].(string) {
				out[n-2], out[n-1] = out[n-1], out[n-2]
			}
		}
		return out
	}
	set := func(change func()) func() error { return func() error { change(); return nil } }
	nothing := set(func() {})
	open := set(func() { w.marked, w.door = false, true })
	tidy := set(func() { w.marked = false })
	start := set(func() { w.up = true })
	unhook := set(func() { w.hooked = false })
	unexpand := func() error {
		if w.rows >= 0 || w.ledger {
			w.fault("the schema is taken away with %d rows in it", w.rows)
		}
		w.schema = "old"
		return nil
	}
	empty := set(func() { w.rows, w.ledger = -1, false })
	unearly := func() error {
		if !w.journal.Record().Early {
			return nil
		}
		if w.release != "old" || w.hooked || w.schema != "old" {
			w.fault("what came early is removed before what needs it: release %s, hook %t, schema %s", w.release, w.hooked, w.schema)
		}
		w.early = "half"
		w.point()
		w.early = "none"
		return nil
	}
	return Steps{
		Prepare: list(Prepare,
			"check", func() error {
				if w.refuse && (!w.later || w.deaths > 0) {
					return fmt.Errorf("it is in the way: %w", ErrRefused)
				}
				return nil
			},
			"set aside", set(func() { w.aside = true }),
			"early", func() error {
				if err := w.update(func(r *journal.Record) { r.Early = true }); err != nil {
					return err
				}
				w.early = "half"
				w.point()
				if w.full() {
					return unix.ENOSPC
				}
				w.early = "there"
				return nil
			},
			"hook", func() error {
				err := w.update(func(r *journal.Record) { r.Hooks = []string{"hook"} })
				w.hooked = w.hooked || err == nil
				return err
			},
			"expand", func() error {
				if err := w.update(func(r *journal.Record) { r.Schema = map[string]int64{"db": 1} }); err != nil {
					return err
				}
				w.schema = "expanded"
				return nil
			},
			"copy", func() error {
				if w.schema != "expanded" {
					w.fault("documents are copied into the schema %s", w.schema)
				}
				w.rows, w.ledger = w.docs, true
				return nil
			}),
		Switch: list(Switch,
			"drain", nothing,
			"shut", set(func() { w.door = false }),
			"mark", set(func() { w.marked = true }),
			"count", nothing,
			"stop", set(func() { w.up = false }),
			"catch up", func() error {
				if w.up || w.rows < 0 {
					w.fault("the copy is brought up to date: services run %t, it has %d rows", w.up, w.rows)
				}
				if !w.source {
					return errors.New("the source does not answer")
				}
				w.proof = w.docs
				w.point()
				w.rows = w.docs
				return nil
			},
			"stop source", set(func() { w.source = false }),
			"save", set(func() { w.saved = w.kept }),
			"note", set(func() { w.noted = true }),
			"change", func() error {
				if w.early != "there" {
					w.fault("the new packages come with the early ones %s", w.early)
				}
				w.release, w.unsynced = "mixed", true
				w.point()
				if w.full() {
					return unix.ENOSPC
				}
				w.release = "new"
				return nil
			},
			"move", func() error {
				if !w.noted {
					w.fault("files move and nobody knows which")
				}
				w.places = "mixed"
				w.point()
				if w.full() {
					return unix.ENOSPC
				}
				w.places = "new"
				return nil
			},
			"migrate", set(func() { w.schema = "new" }),
			"start", start),
		Open: list(Open, "start", start, "open", open, "tidy", tidy, "forget", set(func() { w.ledger = false }),
			"erase", func() error { // what goes wrong is noted and done later
				w.late = "half"
				w.point()
				if w.full() {
					return w.update(func(r *journal.Record) { r.Late = []string{"source"} })
				}
				w.late = "gone"
				return nil
			}),
		Undo: list(Undo, "empty", empty, "unexpand", unexpand, "unhook", unhook, "unearly", unearly, "tidy", tidy),
		Reopen: list(Reopen,
			"start", set(func() { w.up, w.source = true, true }), "open", open,
			"empty", empty, "unexpand", unexpand, "unhook", unhook, "unearly", unearly, "tidy", tidy),
		Restore: list(Restore,
			"mark", set(func() { w.marked = true }),
			"stop", set(func() {
				if !w.touched {
					w.fault("services were stopped on a way back that had never touched them")
				}
				w.up, w.door = false, false
			}),
			"empty", empty, "unexpand", unexpand, "unhook", unhook,
			"move back", func() error {
				if w.noted {
					w.places = "mixed"
					w.point()
					w.places = "old"
				}
				return nil
			},
			"put back", set(func() {
				w.release, w.unsynced = "old", true
				if w.saved >= 0 {
					w.kept = w.saved
				}
			}),
			"unearly", unearly,
			"start source", set(func() {
				if w.release != "old" {
					w.fault("the source is started at the release %s", w.release)
				}
				w.source = true
			}),
			"prove", func() error {
				if w.proof < 0 || w.returned {
					return nil
				}
				if !w.source || w.docs != w.proof {
					return fmt.Errorf("the source answers %t and has %d documents, not %d", w.source, w.docs, w.proof)
				}
				w.returned = true
				return nil
			},
			"start", set(func() {
				if w.up = true; w.source {
					w.docs++ // the product writes by itself
				}
			})),
		Serve: list(Serve, "start", set(func() { w.up, w.source = true, true }), "open", open, "tidy", tidy),
	}
}

// update is a step's own write to the journal.
func (w *world) update(change func(*journal.Record)) error { return w.journal.Update(change) }

// live runs an engine process until it ends or dies.
func (w *world) live(r *rules) (out journal.Outcome, died bool, err error) {
	w.stage = ""
	w.ctx, w.terminate = context.WithCancel(context.Background())
	defer w.terminate()
	defer func() {
		if recover() != nil {
			died = true
		}
	}()
	w.journal = journal.New(w.disk, w.store)
	l := New(w.steps(), Host{
		RollbackWanted: func() bool { return w.wishes.Load() },
		ReleaseReserve: func() {
			if w.aside {
				w.fullAt, w.aside = 0, false
			}
		},
		Sync:   func() error { w.point(); w.unsynced = false; return nil },
		Finish: func(_ context.Context, o journal.Outcome) error { w.point(); w.finished = o; return nil },
		Todo:   func(journal.Record, error) string { return "mend it" },
		Began:  func(string) {},
		Pause:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}, w.journal)
	l.rules = r
	out, err = l.Run(w.ctx)
	return out, false, err
}
