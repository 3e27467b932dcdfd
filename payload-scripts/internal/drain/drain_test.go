package drain

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/job/jobtest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/schema"
	"onerpm/payload-scripts/internal/stores"
)

// counts answers with what each look finds, and the last of them for ever.
type counts struct {
	found []int64
	looks int
	err   error
}

func (c *counts) count(context.Context) (int64, error) {
	c.looks++
	return c.found[min(c.looks, len(c.found))-1], c.err
}

func drainOf(orElse string) (*Drain, manifest.Service, *journal.Journal) {
	j := journal.New(journal.Record{ID: "a", Phase: journal.Switching}, func(journal.Record) error { return nil })
	return &Drain{Job: &job.Job{Journal: j}}, manifest.Service{Unit: "worker", Drain: &manifest.Drain{Else: orElse}}, j
}

func TestDrain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found         []int64
		quiet, within time.Duration
		orElse        string
		looks         int    // at least
		err, warning  string // parts; "" for none
	}{
		"nothing from the start":           {found: []int64{0}, within: time.Minute, looks: 1},
		"ends":                             {found: []int64{2, 1, 0}, within: time.Minute, looks: 3},
		"a moment between two is not over": {found: []int64{1, 0, 2, 0}, quiet: 250 * time.Millisecond, within: time.Minute, looks: 6},
		"does not end":                     {found: []int64{3}, within: 1, orElse: "refuse", looks: 1, err: "worker still has 3 things under way after 1ns; wait for them"},
		"takes up more again and again":    {found: []int64{0, 0, 1, 0}, quiet: 350 * time.Millisecond, within: 1, orElse: "refuse", looks: 4, err: "worker took up work again and again"},
		"took up work that does not end":   {found: []int64{0, 3}, quiet: 350 * time.Millisecond, within: 1, orElse: "refuse", looks: 2, err: "worker still has 3 things"},
		"is stopped all the same":          {found: []int64{3}, within: 1, orElse: "proceed", looks: 1, warning: "worker still had 3 things under way after 1ns and was stopped all the same"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, unit, j := drainOf(c.orElse)
			counted := &counts{found: c.found}
			err := d.wait(t.Context(), unit, counted.count, c.quiet, c.within)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if got := strings.Join(j.Record().Warnings, "; "); got != c.warning {
				t.Errorf("warning %q, want %q", got, c.warning)
			}
			if counted.looks < c.looks {
				t.Errorf("%d looks, want %d at least", counted.looks, c.looks)
			}
		})
	}
}

func TestDrainThatCannotCount(t *testing.T) {
	t.Parallel()
	d, unit, _ := drainOf("proceed") // what is not known is not nothing
	if err := d.wait(t.Context(), unit, (&counts{found: []int64{0}, err: errors.New("no such table")}).count, 0, time.Minute); err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.wait(ctx, unit, (&counts{found: []int64{1}}).count, 0, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// restless is work that ends and begins anew, for longer than any test waits, and never is nothing.
var restless = func() (found []int64) {
	for range 1000 {
		found = append(found, 2, 1)
	}
	return found
}()

// TestDrainBehindTheDoor holds that a unit which clients kept busy must be quiet behind the shut door,
// that one which was quiet before is looked at once, and that the door is not kept shut for work that goes on.
func TestDrainBehindTheDoor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		busy  bool
		found []int64
		looks int // at least
		err   string
	}{
		"was quiet":                       {found: []int64{0}, looks: 1},
		"was taken up and ends":           {found: []int64{1, 1, 0}, looks: 3},
		"was taken up and does not end":   {found: []int64{0, 1}[1:], looks: 2, err: "work is under way behind the shut door: 1 things in worker"},
		"was busy and is quiet now":       {busy: true, found: []int64{1, 0, 1, 0}, looks: 13},
		"was busy and does not get quiet": {busy: true, found: restless, looks: 2, err: "work is under way behind the shut door"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, unit, _ := drainOf("refuse")
			d.busy = map[string]bool{unit.Unit: c.busy}
			counted := &counts{found: c.found}
			err := d.stillUnderWay(t.Context(), unit, counted.count, 200*time.Millisecond)
			if (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || !errors.Is(err, ErrUnderWay)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if counted.looks < c.looks {
				t.Errorf("%d looks, want %d at least", counted.looks, c.looks)
			}
		})
	}
}

// TestDrainGivesUp as the spec says: it refuses, or stops the unit all the same and tells.
func TestDrainGivesUp(t *testing.T) {
	t.Parallel()
	for orElse, want := range map[string]string{"refuse": "", "proceed": "work is under way behind the shut door, each time that the door was shut; it was stopped all the same"} {
		d, unit, j := drainOf(orElse)
		d.Bundle = &layout.Bundle{Manifest: &manifest.Manifest{Services: []manifest.Service{unit}}}
		if err := d.GiveUp(ErrUnderWay); (err == nil) != (orElse == "proceed") {
			t.Errorf("%s: %v", orElse, err)
		}
		if got := strings.Join(j.Record().Warnings, "; "); got != want {
			t.Errorf("%s: warning %q", orElse, got)
		}
	}
}

// TestDrainWhileServing holds that clients who never pause do not keep the upgrade from shutting the door.
func TestDrainWhileServing(t *testing.T) {
	t.Parallel()
	d, unit, _ := drainOf("refuse")
	unit.Drain.Within = manifest.Duration(1)
	d.busy = map[string]bool{}
	if err := d.quiet(t.Context(), unit, (&counts{found: restless}).count); err != nil || !d.busy[unit.Unit] {
		t.Errorf("error %v, busy %v", err, d.busy)
	}
	if err := d.quiet(t.Context(), unit, (&counts{found: []int64{4}}).count); err == nil {
		t.Error("work that does not end shuts the door")
	}
}

// TestDrainOfAStore asks the store's documents, not a database.
func TestDrainOfAStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unit := manifest.Service{Unit: "worker", Drain: &manifest.Drain{Store: "storage", Within: manifest.Duration(time.Minute), Else: "refuse"}}
	m := &manifest.Manifest{Services: []manifest.Service{unit}, Stores: []manifest.Store{{Name: "storage"}}}
	work := &job.Job{Bundle: &layout.Bundle{Manifest: m}, Attempt: layout.Attempt{Var: dir}, Journal: jobtest.Journal(t, dir)}
	d := &Drain{Job: work, Schema: &schema.Set{Job: work}, Stores: &stores.Set{Manifest: m, Secrets: work.Attempt.Backup("stores.json")}}
	if err := d.BehindTheDoor(t.Context(), time.Second); err == nil || !strings.Contains(err.Error(), "store storage: its source was not recorded") {
		t.Errorf("error %v", err)
	}
}
