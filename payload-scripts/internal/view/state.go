package view

import (
	"fmt"
	"strconv"
	"time"

	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// Screen is an attempt as people are shown it.
type Screen struct {
	Report  upgrade.Report
	Record  journal.Record
	Command string // what an admin types
	Log     string // where the attempt's log is
	Backup  string // and what was saved
	Stalled string // why nothing works on the attempt; "" when something does, or nothing has to
	Wish    bool   // the admin asked to go back, and the attempt has yet to heed it
}

// Stall notes why nothing works on the attempt, "" when something does, and reports whether that is so.
func (s *Screen) Stall(why string) bool {
	if why != "" {
		s.Stalled, s.Report.Todo = why, fmt.Sprintf("Nothing works on the upgrade: %s.\nRemove the cause, then run `%s start`: it resumes the attempt.", why, s.Command)
	}
	return why != ""
}

// way is which way the attempt goes when it is resumed.
func (s Screen) way() string {
	if s.turns() {
		return "back to " + s.Record.From + ", as you asked"
	}
	return upgrade.Way(s.Record)
}

// turns reports whether an attempt that is on its way to the new release will go back.
func (s Screen) turns() bool {
	return s.Wish && !s.Record.Back && (s.Record.Phase == journal.Preparing || s.Record.Phase == journal.Switching)
}

// Labels of one width, below which everything stands.
const (
	causeLabel = "cause: "
	doLabel    = "do:    "
	stepLabel  = "step:  "
	nextLabel  = "next:  "
	firstLabel = "first: "
	noteLabel  = "note:  "
)

// State prints what is so, then why, then what to do; then what else there is to know in short.
func (p Page) State(s Screen) {
	line, t := p.headline(s)
	p.item("", line, t, 2)
	switch {
	case s.Stalled != "":
		p.cause(s.Stalled, bad)
		p.Item(doLabel, fmt.Sprintf("remove the cause, then run `%s start`: it goes on, %s", s.Command, s.way()))
	case s.Report.Outcome == journal.NeedsAPerson:
		p.forAPerson(s)
	case s.Report.Outcome == journal.RolledBack:
		asked := upgrade.Asked(s.Record)
		p.cause(s.Report.Error, tone(!asked))
		do := fmt.Sprintf("remove the cause, then run `%s start`", s.Command)
		if asked {
			do = fmt.Sprintf("when it suits, run `%s start`", s.Command)
		}
		p.Item(doLabel, do)
		p.Item("", outOfService(s.Report))
	case s.Report.Outcome == journal.Refused:
		p.cause(s.Report.Error, bad)
		p.Item(doLabel, fmt.Sprintf("remove the cause (`%s check` tells all that is in the way), then run `%[1]s start`", s.Command))
	case s.Report.Outcome == journal.Running:
		if s.Record.Back {
			p.cause(s.Report.Error, tone(!upgrade.Asked(s.Record)))
		}
		p.running(s)
	}
	for _, warning := range s.Report.Warnings {
		p.Item(noteLabel, warning)
	}
	if s.Report.Excluded != "" {
		p.Item(noteLabel, s.Report.Excluded)
	}
}

// Begun prints that the engine was set to work on an attempt as its record says: anew, or from where it stopped.
func (p Page) Begun(s Screen) {
	r := s.Report
	if s.Record.Starts == 0 && !s.turns() {
		p.Line("the upgrade of %s from %s to %s has started: it goes forward, and back by itself if anything fails before its commit", r.Product, r.From, r.To)
	} else {
		p.Line("the upgrade of %s from %s to %s goes on from where it stopped: it goes %s", r.Product, r.From, r.To, s.way())
	}
	p.Line("  follow it:        `%s status --follow`", s.Command)
	p.Line("  wait for its end: `%s wait`", s.Command)
}

// cause prints why, in the one line that matters and what was said about it. The rest stands in the report.
func (p Page) cause(text string, t tone) { p.because(causeLabel, text, t) }

func (p Page) because(label, text string, t tone) {
	c := causeOf(text)
	p.item(label, c.what, t, 0)
	if c.said != "" {
		p.item("       it said: ", c.said, t, 0)
	}
}

// forAPerson is for an attempt that needs one: what stopped it, what to do, and why it had gone back.
func (p Page) forAPerson(s Screen) {
	rec := s.Record
	if rec.Stopped == "" { // an engine before this one noted it in one text
		p.cause(rec.Error, bad)
		p.Item(doLabel, rec.Todo)
		return
	}
	p.cause(rec.Stopped, bad)
	p.Item(doLabel, fmt.Sprintf("remove the cause, then run `%s start`: it goes on, %s", s.Command, s.way()))
	if rec.Back && rec.Error != "" && rec.Error != rec.Stopped {
		p.because(firstLabel, "it was going back because of this: "+rec.Error, false)
	}
	p.Item("log:    ", s.Log)
	p.Item("backup: ", s.Backup)
}

// down reports whether the product does not serve, as far as the upgrade knows: it has shut the door and not opened it.
func down(r journal.Record) bool {
	return !r.Closed.IsZero() && r.Reopened.IsZero() && (r.Outcome == journal.Running || r.Outcome == journal.NeedsAPerson)
}

// headline is what is so.
func (p Page) headline(s Screen) (string, tone) {
	r, rec := s.Report, s.Record
	since := func() string {
		return fmt.Sprintf("%s is DOWN since %s, for %s", r.Product, p.Stamp(rec.Closed), p.ago(rec.Closed))
	}
	switch {
	case s.Stalled != "" && down(rec):
		return since() + "; nothing works on its upgrade any more", bad
	case s.Stalled != "":
		return fmt.Sprintf("stopped: nothing works on the upgrade of %s to %s any more; phase %s, %s", r.Product, r.To, r.Phase, p.serving(s)), bad
	case r.Outcome == journal.Upgraded:
		return fmt.Sprintf("done: %s is %s; %s", r.Product, r.To, outOfService(r)), false
	case r.Outcome == journal.Refused:
		return fmt.Sprintf("refused: nothing was changed, %s is %s", r.Product, r.From), false
	case r.Outcome == journal.RolledBack:
		if !upgrade.Serves(rec) {
			return fmt.Sprintf("rolled back: %s is %s as before, and one of its services is not well", r.Product, r.From), bad
		}
		return fmt.Sprintf("rolled back: %s %s serves as before", r.Product, r.From), false
	case r.Outcome == journal.NeedsAPerson && down(rec):
		return since() + "; it needs a person", bad
	case r.Outcome == journal.NeedsAPerson:
		return "needs a person: " + p.unfinished(s), bad
	}
	over := down(rec) && p.Now.Sub(rec.Closed) > r.Limit.D()
	if rec.Back {
		return fmt.Sprintf("going back to %s, for %s: %s", r.From, p.ago(wentBack(rec)), p.serving(s)), tone(over)
	}
	return fmt.Sprintf("under way to %s, phase %s, for %s: %s", r.To, r.Phase, p.ago(r.Began), p.serving(s)), tone(over)
}

// unfinished is how the product is when what was left to do could not be done, though it serves.
func (p Page) unfinished(s Screen) string {
	r, rec := s.Report, s.Record
	opened := ""
	if !rec.Reopened.IsZero() {
		opened = ", open to clients again since " + p.Stamp(rec.Reopened)
	}
	switch {
	case rec.Phase == journal.Opening:
		return fmt.Sprintf("%s is %s%s; what remained to be done failed", r.Product, r.To, opened)
	case rec.Back:
		return fmt.Sprintf("%s is %s, as before%s; what remained of the way back failed", r.Product, r.From, opened)
	}
	return fmt.Sprintf("%s is %s, as before; its upgrade never got beyond the phase %s", r.Product, r.From, rec.Phase)
}

// serving tells whether clients are served.
func (p Page) serving(s Screen) string {
	r, rec := s.Report, s.Record
	switch {
	case rec.Closed.IsZero():
		return r.Product + " serves"
	case rec.Reopened.IsZero():
		return fmt.Sprintf("%s does not serve, for %s (limit %s)", r.Product, p.ago(rec.Closed), r.Limit.D())
	}
	return fmt.Sprintf("%s serves again, after %s out of service", r.Product, about(rec.Window()))
}

// wentBack is when an attempt began to go back.
func wentBack(rec journal.Record) time.Time {
	for _, s := range rec.Steps {
		if s.Back {
			return s.Began
		}
	}
	return rec.Began
}

// running prints the step under way, and what is expected.
func (p Page) running(s Screen) {
	if n := len(s.Record.Steps); n > 0 {
		step := s.Record.Steps[n-1]
		text := place(s.Record, step)
		if step.Ended.IsZero() {
			text += ", for " + p.ago(step.Began)
		}
		p.Item(stepLabel, text)
	}
	if s.turns() {
		p.Item(nextLabel, "it goes "+s.way())
		return
	}
	if text := p.expected(s.Report.Expected, down(s.Record)); text != "" {
		p.Item(nextLabel, text)
	}
}

// place is a step with its place in its stage.
func place(rec journal.Record, s journal.Step) string {
	if at, of := upgrade.Place(rec, s.Name); at > 0 {
		return strconv.Itoa(at) + "/" + strconv.Itoa(of) + " " + s.Name
	}
	return s.Name
}

// expected tells when the product is out of service and until when, as the rehearsal found.
func (p Page) expected(x *estimate.Expected, isDown bool) string {
	if x == nil {
		return ""
	}
	takes, how := about(x.Window.D()), fmt.Sprintf(" (rehearsed %s)", x.Rehearsed.In(p.Zone).Format("2006-01-02 15:04 MST"))
	switch {
	case isDown && p.Now.After(x.Serves):
		return fmt.Sprintf("it should have served again %s ago, after %s%s", p.ago(x.Serves), takes, how)
	case isDown:
		return fmt.Sprintf("it serves again in about %s, after %s%s", about(x.Serves.Sub(p.Now)), takes, how)
	case p.Now.After(x.Stops):
		return fmt.Sprintf("it is out of service soon, for about %s%s", takes, how)
	}
	return fmt.Sprintf("it is out of service in about %s, for about %s%s", about(x.Stops.Sub(p.Now)), takes, how)
}
