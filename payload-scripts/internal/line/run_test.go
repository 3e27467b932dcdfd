package line

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/journal"
)

// recorder writes down what a line asks of its host and which steps it makes.
type recorder struct {
	calls []string
	wish  bool
	disk  []journal.Record           // every record that was written, in order
	write func(journal.Record) error // nil for one that succeeds
}

// line makes a line whose steps do what is given by "stage/step", or nothing.
func (c *recorder) line(r journal.Record, do map[string]func(context.Context) error) *Line {
	steps := Steps{}
	for stage, names := range map[Stage]string{
		Prepare: "look", Switch: "wait mark change", Open: "open", Undo: "undo", Reopen: "reopen", Restore: "restore", Serve: "serve",
	} {
		for name := range strings.FieldsSeq(names) {
			steps[stage] = append(steps[stage], Step{Name: name, Down: name == "mark", Do: func(ctx context.Context) error {
				c.calls = append(c.calls, name)
				if f := do[string(stage)+"/"+name]; f != nil {
					return f(ctx)
				}
				return nil
			}})
		}
	}
	call := func(what string) { c.calls = append(c.calls, what) }
	return New(steps, Host{
		RollbackWanted: func() bool { return c.wish },
		ReleaseReserve: func() { call("release reserve") },
		Sync:           func() error { call("sync"); return nil },
		Finish:         func(_ context.Context, o journal.Outcome) error { call("finish " + string(o)); return nil },
		Todo:           func(journal.Record, error) string { return "mend it" },
		Began:          func(string) {},
		Pause:          func(context.Context, time.Duration) error { call("pause"); return nil },
	}, journal.New(r, func(r journal.Record) error {
		if c.write != nil {
			if err := c.write(r); err != nil {
				return err
			}
		}
		c.disk = append(c.disk, r)
		return nil
	}))
}

var begun = journal.Record{ID: "a", Phase: journal.Preparing}

// TestCalls holds the order of what is asked of the host.
func TestCalls(t *testing.T) {
	t.Parallel()
	failing := func(times int) func(context.Context) error {
		return func(context.Context) error {
			if times--; times >= 0 {
				return errors.New("no")
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		do   map[string]func(context.Context) error
		want string
	}{
		"all well": {nil, "look, wait, mark, change, sync, open, release reserve, sync, finish upgraded"},
		"back, at the second try": {map[string]func(context.Context) error{"switch/change": failing(1), "restore/restore": failing(1)},
			"look, wait, mark, change, release reserve, restore, release reserve, pause, restore, sync, serve, release reserve, sync, finish rolled-back"},
		"a person": {map[string]func(context.Context) error{"prepare/look": failing(1), "undo/undo": failing(3)},
			"look, release reserve, undo, release reserve, pause, undo, release reserve, pause, undo, release reserve, sync, finish needs-a-person"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			if _, err := r.line(begun, c.do).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(r.calls, ", "); got != c.want {
				t.Errorf("calls %s\nwant  %s", got, c.want)
			}
		})
	}
}

// TestStopFromOutside leaves a journal that says which step was interrupted, and no failure.
func TestStopFromOutside(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"prepare/look", "switch/change", "open/open"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			r := &recorder{}
			l := r.line(begun, map[string]func(context.Context) error{key: func(ctx context.Context) error {
				stop()
				return ctx.Err()
			}})
			outcome, err := l.Run(ctx)
			if outcome != "" || !errors.Is(err, context.Canceled) {
				t.Errorf("outcome %q, error %v; want none and the context's", outcome, err)
			}
			last := r.disk[len(r.disk)-1]
			if step := last.Steps[len(last.Steps)-1]; !step.Ended.IsZero() || step.Error != "" || last.Back || last.Error != "" {
				t.Errorf("the journal says %+v of the step, going back %t, error %q; want a step without an end", step, last.Back, last.Error)
			}
			if !slices.Contains(r.calls, key[strings.Index(key, "/")+1:]) || slices.Contains(r.calls, "release reserve") {
				t.Errorf("calls %v", r.calls)
			}
			// The next process tells in which step the one before was stopped.
			again := &recorder{}
			if _, err := again.line(last, nil).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			end := again.disk[len(again.disk)-1]
			if told := strings.Contains(end.Error, `the engine was stopped in the step "change"`); told != (key == "switch/change") {
				t.Errorf("the cause is %q", end.Error)
			}
		})
	}
}

// TestStoppedBetweenSteps says so in the cause.
func TestStoppedBetweenSteps(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	rec := journal.Record{ID: "a", Phase: journal.Switching, Starts: 1, Steps: []journal.Step{{Name: "look", Phase: journal.Preparing, Ended: time.Now()}}}
	outcome, err := r.line(rec, nil).Run(t.Context())
	if err != nil || outcome != journal.RolledBack || !strings.Contains(r.disk[len(r.disk)-1].Error, "between two steps") {
		t.Errorf("outcome %s, %v, cause %q", outcome, err, r.disk[len(r.disk)-1].Error)
	}
}

// TestWayBackIsTold: the journal says of each step whether it is of the way back, and what kept an attempt from its end.
func TestWayBackIsTold(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	outcome, err := r.line(begun, map[string]func(context.Context) error{
		"switch/change":   func(context.Context) error { return errors.New("first") },
		"restore/restore": func(context.Context) error { return errors.New("second") },
	}).Run(t.Context())
	if err != nil || outcome != journal.NeedsAPerson {
		t.Fatalf("outcome %q, %v", outcome, err)
	}
	end := r.disk[len(r.disk)-1]
	if end.Error != "change: first" || end.Stopped != "restore: second" {
		t.Errorf("the first cause is %q, what stopped it %q", end.Error, end.Stopped)
	}
	for _, s := range end.Steps {
		if s.Back != (s.Name == "restore") {
			t.Errorf("%s: back %t", s.Name, s.Back)
		}
	}
}

// TestForward tells which way an attempt goes that is resumed.
func TestForward(t *testing.T) {
	t.Parallel()
	touched := []journal.Step{{Phase: journal.Switching, Name: "mark"}}
	for _, c := range []struct {
		rec     journal.Record
		forward bool
	}{
		{journal.Record{Phase: journal.Preparing}, true},
		{journal.Record{Phase: journal.Preparing, Back: true}, false},
		{journal.Record{Phase: journal.Switching}, false},
		{journal.Record{Phase: journal.Switching, Steps: touched}, false},
		{journal.Record{Phase: journal.Switching, Steps: touched, Back: true, Restored: true}, false},
		{journal.Record{Phase: journal.Opening, Steps: touched}, true},
	} {
		if got := (&recorder{}).line(begun, nil).Steps.Forward(c.rec); got != c.forward {
			t.Errorf("%+v: forward %t", c.rec, got)
		}
	}
}

// TestRollbackEndsAWaitingStep while nothing was stopped, and only then.
func TestRollbackEndsAWaitingStep(t *testing.T) {
	t.Parallel()
	for key, ended := range map[string]bool{"prepare/look": true, "switch/wait": true, "switch/mark": false, "switch/change": false} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			wish := make(chan struct{})
			wasEnded := false
			r := &recorder{}
			l := r.line(begun, map[string]func(context.Context) error{key: func(ctx context.Context) error {
				close(wish)
				for range 50 {
					if ctx.Err() != nil {
						wasEnded = true
						return ctx.Err()
					}
					time.Sleep(time.Millisecond)
				}
				return nil
			}})
			l.rules.poll = time.Millisecond
			l.Host.RollbackWanted = func() bool {
				select {
				case <-wish:
					return true
				default:
					return false
				}
			}
			outcome, err := l.Run(t.Context())
			if err != nil || outcome != journal.RolledBack {
				t.Errorf("outcome %q, %v; want rolled back", outcome, err)
			}
			if wasEnded != ended {
				t.Errorf("the step was ended: %t, want %t", wasEnded, ended)
			}
			if got := r.disk[len(r.disk)-1].Error; !strings.Contains(got, errRollback.Error()) {
				t.Errorf("the cause is %q", got)
			}
		})
	}
}

// TestNothingIsDoneThatIsNotWritten: a step whose begin cannot be recorded does not begin.
func TestNothingIsDoneThatIsNotWritten(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	r.write = func(rec journal.Record) error {
		if n := len(rec.Steps); n > 0 && rec.Steps[n-1].Name == "change" {
			return unix.EIO
		}
		return nil
	}
	outcome, err := r.line(begun, nil).Run(t.Context())
	if err != nil || outcome != journal.RolledBack || slices.Contains(r.calls, "change") {
		t.Errorf("outcome %q, %v, calls %v; want rolled back without the step", outcome, err, r.calls)
	}
}

// TestSyncThatFails is in the way of both commits and of every end but one: a person is asked, rather
// than the engine started for ever.
func TestSyncThatFails(t *testing.T) {
	t.Parallel()
	for name, rec := range map[string]journal.Record{
		"before the commit":  begun,
		"after so many ends": {ID: "a", Phase: journal.Preparing, Back: true, Starts: transitions().starts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			l := r.line(rec, nil)
			l.Host.Sync = func() error { return unix.EIO }
			outcome, err := l.Run(t.Context())
			if err != nil || outcome != journal.NeedsAPerson || slices.Contains(r.calls, "open") || slices.Contains(r.calls, "serve") {
				t.Fatalf("outcome %q, %v, calls %v; want a person to be asked", outcome, err, r.calls)
			}
			if end := r.disk[len(r.disk)-1]; end.Outcome != outcome || end.Todo == "" || end.Error == "" {
				t.Errorf("the journal says outcome %q, to do %q, because %q", end.Outcome, end.Todo, end.Error)
			}
		})
	}
	r := &recorder{}
	l := r.line(journal.Record{ID: "a", Phase: journal.Preparing, Back: true}, nil)
	l.Host.Sync = func() error { return unix.EIO }
	if outcome, err := l.Run(t.Context()); !errors.Is(err, unix.EIO) || outcome != "" {
		t.Errorf("outcome %q, %v; what is not on disk is not all old", outcome, err)
	}
}

// TestEndOfAStepIsWritten: one whose end cannot be recorded has failed.
func TestEndOfAStepIsWritten(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	r.write = func(rec journal.Record) error {
		if n := len(rec.Steps); n > 0 && rec.Steps[n-1].Name == "look" && !rec.Steps[n-1].Ended.IsZero() && !rec.Back {
			return unix.EIO
		}
		return nil
	}
	outcome, err := r.line(begun, nil).Run(t.Context())
	if err != nil || outcome != journal.RolledBack || slices.Contains(r.calls, "wait") {
		t.Errorf("outcome %q, %v, calls %v; want rolled back before the next stage", outcome, err, r.calls)
	}
}

// TestFullDisk leads back before the commit, and is no reason to stop after it or on the way back.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]journal.Outcome{
		"prepare/look": journal.RolledBack, "switch/change": journal.RolledBack, "open/open": journal.Upgraded,
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			r, full := &recorder{}, false
			r.write = func(journal.Record) error {
				if full {
					return unix.ENOSPC
				}
				return nil
			}
			l := r.line(begun, map[string]func(context.Context) error{key: func(context.Context) error { full = true; return nil }})
			l.Host.ReleaseReserve = func() { full = false }
			l.Steps[Open] = append(l.Steps[Open], Step{Name: "tidy", Do: func(context.Context) error { return nil }}) // whose begin is written
			outcome, err := l.Run(t.Context())
			if err != nil || outcome != want {
				t.Errorf("outcome %q, %v; want %q", outcome, err, want)
			}
			warned := strings.Contains(strings.Join(r.disk[len(r.disk)-1].Warnings, " "), "the disk was full")
			if warned != (key == "open/open") {
				t.Errorf("warned %t", warned)
			}
		})
	}
}

// TestUnknownJournal is an error, and nothing is done.
func TestUnknownJournal(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	if outcome, err := r.line(journal.Record{ID: "a", Phase: "later"}, nil).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "phase later") || outcome != "" || len(r.calls) > 0 {
		t.Errorf("outcome %q, %v, calls %v; want an error only", outcome, err, r.calls)
	}
}

// TestPlace tells where a step stands in the stage that the record is in.
func TestPlace(t *testing.T) {
	t.Parallel()
	steps := (&recorder{}).line(begun, nil).Steps
	mark := []journal.Step{{Phase: journal.Switching, Name: "mark"}}
	for name, c := range map[string]struct {
		rec    journal.Record
		step   string
		at, of int
	}{
		"prepare":       {journal.Record{Phase: journal.Preparing}, "look", 1, 1},
		"switch":        {journal.Record{Phase: journal.Switching}, "change", 3, 3},
		"switch, mark":  {journal.Record{Phase: journal.Switching, Steps: mark}, "change", 3, 3},
		"undo":          {journal.Record{Phase: journal.Preparing, Back: true}, "undo", 1, 1},
		"reopen":        {journal.Record{Phase: journal.Switching, Back: true}, "reopen", 1, 1},
		"restore":       {journal.Record{Phase: journal.Switching, Back: true, Steps: mark}, "restore", 1, 1},
		"serve":         {journal.Record{Phase: journal.Switching, Back: true, Restored: true, Steps: mark}, "serve", 1, 1},
		"no such step":  {journal.Record{Phase: journal.Opening}, "look", 0, 1},
		"no such phase": {journal.Record{Phase: "later"}, "look", 0, 0},
	} {
		if at, of := steps.Place(c.rec, c.step); at != c.at || of != c.of {
			t.Errorf("%s: %d of %d, want %d of %d", name, at, of, c.at, c.of)
		}
	}
}
