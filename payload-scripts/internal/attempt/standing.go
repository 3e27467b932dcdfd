package attempt

import (
	"context"
	"time"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// Standing is how this machine stands with its upgrades, whatever bundle they are of.
type Standing struct {
	// Word is the state word, but where the newest attempt has not ended it is Running or NeedsAPerson, whatever became of
	// the file with that word.
	Word  string
	ID    string        // of the newest attempt; "" when there is none
	From  string        // release that it starts from; "" when its journal cannot be read
	To    string        // release that it leads to; likewise
	Phase journal.Phase // that it came to
	Error string        // why it failed
	Held  bool          // the product's units are held down, and no attempt is on record that did it
}

// Unfinished reports whether an upgrade has not come to an end by itself: nothing about the machine can be judged then.
func (s Standing) Unfinished() bool { return s.Word == Running || s.Word == NeedsAPerson }

// Stand finds out how the machine stands with its upgrades.
func Stand(p layout.Places) (Standing, error) {
	word, err := State(p)
	if err != nil {
		return Standing{}, err
	}
	all, err := attempts(p)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Word: word}
	if n := len(all); n > 0 {
		newest := all[n-1]
		s.ID, s.From, s.To, s.Phase, s.Error = newest.ID, newest.From, newest.To, newest.Phase, newest.Error
		switch {
		case word == Running, newest.unreadable: // what the word says is all that is known
		case newest.Outcome == journal.Running && Started(p, p.At(newest.ID)):
			s.Word = Running
		case newest.Outcome == journal.NeedsAPerson:
			s.Word = NeedsAPerson
		}
	}
	if !s.Unfinished() && exists(p.Window()) {
		s = Standing{Word: NeedsAPerson, Held: true}
	}
	return s, nil
}

// StandNow is Stand, and tells besides why nothing works on an attempt that is Running, "" when something does. It takes
// some seconds where nothing does: a start and an end take a moment.
func StandNow(ctx context.Context, p layout.Places) (s Standing, idle string, err error) {
	watch := NewWatch(p)
	for {
		s, err = Stand(p)
		if err != nil || s.Word != Running {
			return s, "", err
		}
		if idle = watch.Why(ctx, time.Now()); idle != "" || watch.since.IsZero() {
			return s, idle, nil
		}
		select {
		case <-ctx.Done():
			return s, "", ctx.Err()
		case <-time.After(lookEvery / 4):
		}
	}
}
