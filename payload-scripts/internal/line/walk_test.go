package line

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/journal"
)

// upgrade lets the world's systemd start the engine until the attempt has ended, and its admin do
// what is asked of a person, once. It returns everything that is not as it must be.
func (w *world) upgrade(r *rules) error {
	for range 40 {
		outcome, died, err := w.live(r)
		switch {
		case w.points > endless:
			return errors.Join(w.wrong...)
		case died, err != nil:
			w.trace = append(w.trace, "|")
			w.deaths++
			w.demand()
			if w.deaths > 10 && !w.aside { // nothing can be written at all: the admin frees space
				w.fullAt = 0
			}
		case outcome == journal.NeedsAPerson:
			w.trace = append(w.trace, "person")
			if w.person++; w.person > 1 {
				return errors.Join(append(w.wrong, errors.New("a person was asked twice"))...)
			}
			if w.disk.Todo == "" || w.finished != outcome || w.disk.Starts > 13 {
				w.fault("a person was asked to do %q after %d starts; the host was told %q", w.disk.Todo, w.disk.Starts, w.finished)
			}
			for range 3 {
				w.clients()
			}
			w.fails, w.refuse, w.killEach = nil, false, ""
			w.disk.Outcome, w.disk.Starts, w.finished = journal.Running, 1, ""
		default:
			w.trace = append(w.trace, string(outcome))
			w.ended(outcome)
			return errors.Join(w.wrong...)
		}
	}
	return errors.Join(append(w.wrong, errors.New("it does not end"))...)
}

// clients write once, if they are let in.
func (w *world) clients() {
	if !w.door || !w.up {
		return
	}
	w.acked, w.kept = w.acked+1, w.kept+1
	if w.release == "new" {
		w.rows++
	} else {
		w.docs++
	}
}

// demand notes how an attempt must end by what is on disk when its engine stops.
func (w *world) demand() {
	switch {
	case w.disk.Outcome != journal.Running:
		w.must = w.disk.Outcome
	case w.disk.Phase == journal.Opening:
		w.must = journal.Upgraded
	case w.disk.Back, w.disk.Phase == journal.Switching:
		w.must = journal.RolledBack
	}
}

// ended holds the machine against the outcome.
func (w *world) ended(outcome journal.Outcome) {
	if w.finished != outcome || w.disk.Outcome != outcome || w.must != "" && w.must != outcome && w.must != journal.NeedsAPerson {
		w.fault("ended %q; the host was told %q, the journal says %q, before it demanded %q", outcome, w.finished, w.disk.Outcome, w.must)
	}
	if w.kept != w.acked {
		w.fault("%d writes were acknowledged, %d are there", w.acked, w.kept)
	}
	if !w.up || !w.door || w.marked || w.unsynced {
		w.fault("services run %t, clients are let in %t, units are kept down %t, something is not on disk %t", w.up, w.door, w.marked, w.unsynced)
	}
	late := w.late
	if outcome == journal.Upgraded && len(w.disk.Late) > 0 { // what could not be erased is noted
		late = "gone"
	}
	got := fmt.Sprintf("%s, schema %s, hook %t, early packages %s, places %s, late packages %s", w.release, w.schema, w.hooked, w.early, w.places, late)
	want := "old, schema old, hook false, early packages none, places old, late packages there"
	if outcome == journal.Upgraded {
		want = "new, schema new, hook true, early packages there, places new, late packages gone"
	}
	if got != want {
		w.fault("%s and the machine is %s, want %s", outcome, got, want)
	}
	switch {
	case w.ledger, w.source != (outcome != journal.Upgraded):
		w.fault("%s, and the engine's record of the copy is there %t, the source runs %t", outcome, w.ledger, w.source)
	case outcome == journal.Upgraded && w.rows != w.acked:
		w.fault("%d writes were acknowledged, the database has %d", w.acked, w.rows)
	case outcome != journal.Upgraded && (w.rows >= 0 || w.docs < w.acked):
		w.fault("%d writes were acknowledged, the source has %d, the database %d", w.acked, w.docs, w.rows)
	case outcome != journal.Upgraded && w.proof >= 0 && !w.returned:
		w.fault("the source was not proved to have what it had")
	}
	if outcome != journal.Upgraded && w.disk.Error == "" {
		w.fault("no cause is told of %s", outcome)
	}
	if w.disk.Back != (outcome == journal.RolledBack) {
		w.fault("%s, and the journal says going back: %t", outcome, w.disk.Back)
	}
	if outcome == journal.Upgraded && w.disk.Phase != journal.Finished {
		w.fault("upgraded in the phase %s", w.disk.Phase)
	}
}

// always is a failure that ends when a person is asked.
const always = 1000

// triggers bring a machine into each stage of the way back.
var triggers = map[Stage]script{
	Prepare: {}, Switch: {}, Open: {},
	Undo:    {fails: map[string]int{"prepare/expand": always}},
	Reopen:  {fails: map[string]int{"switch/drain": always}},
	Restore: {fails: map[string]int{"switch/start": always}},
	Serve:   {fails: map[string]int{"switch/start": always}},
}

func (s script) failing(key string, times int) script {
	s.fails = maps.Clone(s.fails)
	if s.fails == nil {
		s.fails = map[string]int{}
	}
	s.fails[key] = times
	return s
}

// try lets one script happen and demands an outcome, "" for any that is consistent; person -1 for any.
func try(r *rules, s script, outcome journal.Outcome, person int) (*world, error) {
	w := newWorld(s)
	err := w.upgrade(r)
	if err == nil && outcome != "" && w.disk.Outcome != outcome {
		err = fmt.Errorf("ended %s, want %s", w.disk.Outcome, outcome)
	}
	if err == nil && person >= 0 && w.person != person {
		err = fmt.Errorf("a person was asked %d times, want %d", w.person, person)
	}
	stops := len(s.killAt) + s.cutAt + s.stopAt + s.fullAt
	if err == nil && stops == 0 && s.killIn == "" && s.killEach == "" && w.deaths > 0 {
		err = fmt.Errorf("the engine ended %d times without an end of the attempt", w.deaths)
	}
	if err != nil {
		err = fmt.Errorf("%s\n  went %s\n  %w", s, strings.Join(w.trace, " "), err)
	}
	return w, err
}

// walker tries scripts until something is not as it must be.
type walker struct {
	rules   *rules
	lacks   string // step that the line does not have
	earlier string // step that stands before the one that it follows
	runs    int
	err     error
}

func (k *walker) try(s script, outcome journal.Outcome, person int) *world {
	if k.err != nil {
		return nil
	}
	k.runs++
	s.lacks, s.earlier = k.lacks, k.earlier
	var w *world
	w, k.err = try(k.rules, s, outcome, person)
	return w
}

// everywhere lets a script happen with something more at every point that it passes.
func (k *walker) everywhere(s script, outcome journal.Outcome, more func(*script, int)) {
	whole := k.try(s, outcome, -1)
	if whole == nil {
		return
	}
	for at := 1; at <= whole.points && k.err == nil; at++ {
		one := s
		more(&one, at)
		k.try(one, "", -1)
	}
}

func kill(s *script, at int)      { s.killAt = []int{at} }
func cut(s *script, at int)       { s.cutAt = at }
func terminate(s *script, at int) { s.stopAt = at }
func full(s *script, at int)      { s.fullAt = at }

// stages are walked each on its own.
var stages = []Stage{Prepare, Switch, Open, Undo, Reopen, Restore, Serve}

// ends is how an attempt ends that something happens to in a stage.
func (s Stage) ends() journal.Outcome {
	if s == Open {
		return journal.Upgraded
	}
	return journal.RolledBack
}

// failing has each step of a stage fail once, twice and until a person comes, with a stop at
// every point of that; has the admin ask to go back in it; and kills every process in it.
func (k *walker) failing(stage Stage) {
	want, trigger := stage.ends(), triggers[stage]
	forward := stage == Prepare || stage == Switch
	for _, step := range newWorld(script{lacks: k.lacks, earlier: k.earlier}).steps()[stage] {
		key := string(stage) + "/" + step.Name
		k.try(trigger.failing(key, 1), want, 0)
		k.try(trigger.failing(key, 2), want, 0)
		k.everywhere(trigger.failing(key, always), want, kill)
		wish, each := trigger, trigger
		wish.wishIn, each.killEach = key, key
		k.try(wish, want, 0)
		if forward {
			k.try(trigger.failing(key, always), want, 0)
		} else {
			k.try(trigger.failing(key, always), want, 1)
			k.everywhere(trigger.failing(key, 1), want, cut)
		}
		switch stage {
		case Switch: // the first kill leads back
			k.try(each, journal.RolledBack, 0)
		case Prepare:
			k.try(each, journal.Upgraded, 1)
		default:
			k.try(each, want, 1)
		}
	}
}

// stopped stops the way through a stage at every point, in every manner, once and twice.
func (k *walker) stopped(stage Stage) {
	trigger := triggers[stage]
	for _, stop := range []func(*script, int){kill, cut, terminate, full} {
		k.everywhere(trigger, "", stop)
	}
	for _, gap := range []int{1, 6, 20} {
		k.everywhere(trigger, "", func(s *script, at int) { s.killAt = []int{at, at + gap} })
	}
	k.everywhere(trigger, "", func(s *script, at int) { s.cutAt, s.fullAt = at, at+6 })
}

// walk is stage x failing step x stop x restart x full disk x the admin's wish.
func (k *walker) walk(stage Stage) {
	k.failing(stage)
	switch stage {
	case Prepare:
		k.try(script{}, journal.Upgraded, 0)
		k.try(script{refuse: true}, journal.Refused, 0)
		k.everywhere(script{refuse: true, later: true}, journal.Upgraded, kill)
	case Open, Undo, Reopen, Restore: // whose triggers pass through all others
		k.stopped(stage)
	}
}

// TestWalk goes every way that a line can go, in a world in memory.
func TestWalk(t *testing.T) {
	t.Parallel()
	for _, stage := range stages {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			k := &walker{rules: transitions()}
			k.walk(stage)
			if k.err != nil {
				t.Fatal(k.err)
			}
			if k.runs < 100 {
				t.Errorf("only %d ways", k.runs)
			}
		})
	}
}
