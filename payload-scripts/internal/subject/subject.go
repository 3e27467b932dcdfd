// Package subject finds which upgrade a command tells of. It promises that nobody who asks about the last installation or
// start of a bundle is told how an older upgrade ended.
package subject

import (
	"errors"
	"fmt"
	"regexp"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/layout"
)

// Subject is what a command tells of: an attempt, or why there is none.
type Subject struct {
	layout.Attempt
	Newest bool               // the attempt is the newest one on this machine
	None   *answer.NotStarted // why there is none, nil when there is one
	Never  bool               // nothing was ever tried with this bundle
}

// form is that of an attempt's id, which is a folder's name.
var form = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+~^-]*$`)

// CheckID fails for what cannot be an attempt's id. An empty one is a script's mistake, and not the latest attempt.
func CheckID(id string) error {
	if !form.MatchString(id) {
		return errors.New("it is no id of an upgrade")
	}
	return nil
}

// Latest returns the newest attempt with a bundle's release; false when there is none that was started.
func Latest(b *layout.Bundle) (layout.Attempt, bool) {
	p := b.Places()
	a, ok := attempt.Latest(p, b.Manifest.To)
	return a, ok && attempt.Started(p, a)
}

// Find finds the attempt with an id or, for "", the latest of a bundle, but where the last installation or start of it began
// no attempt.
func Find(b *layout.Bundle, id string) (Subject, error) {
	p := b.Places()
	standing, err := attempt.Stand(p)
	if err != nil {
		return Subject{}, err
	}
	if id != "" {
		return withID(b, id, standing)
	}
	a, ok := Latest(b)
	is := Subject{Attempt: a, Newest: a.ID == standing.ID}
	if ok && standing.Unfinished() {
		return is, nil
	}
	g, err := attempt.ReadGated(p, standing.ID)
	if err != nil {
		return Subject{}, err
	}
	if g != nil {
		none := NotStarted(b, g.Why)
		none.From, none.To, none.Refused, none.Time, none.Bundle, none.Before = g.From, g.To, true, g.Time, g.Bundle, g.After
		return Subject{None: &none}, nil
	}
	after := ""
	if ok {
		after = a.ID
	}
	u, err := attempt.ReadUnstarted(p, b.Manifest.To, after)
	switch {
	case err != nil:
		return Subject{}, err
	case u != nil:
		none := NotStarted(b, u.Why)
		none.Refused, none.Time, none.Before = u.Refused, u.Time, after
		none.Findings = append(none.Findings, u.Findings...)
		return Subject{None: &none}, nil
	case !ok:
		return Never(b), nil
	}
	return is, nil
}

// withID finds the attempt with an id.
func withID(b *layout.Bundle, id string, standing attempt.Standing) (Subject, error) {
	known, ok, err := attempt.Find(b.Places(), id)
	none := NotStarted(b, "")
	none.ID = id
	switch {
	case err != nil:
		return Subject{}, err
	case !ok:
		none.Why = "there is no upgrade " + id + " on record on this machine"
		return Subject{None: &none}, nil
	case known.To != "" && known.To != b.Manifest.To:
		return Subject{}, advice.With(fmt.Errorf("the upgrade %s is one to %s, and this program is for those to %s", id, known.To, b.Manifest.To),
			"ask its own program, %s/bin/engine", known.Run)
	case !known.Started:
		none.Why = "the start of the upgrade " + id + " was cut short before it began anything"
		return Subject{None: &none}, nil
	}
	return Subject{Attempt: known.Attempt, Newest: id == standing.ID}, nil
}

// Never is for a bundle with which nothing was ever tried on this machine.
func Never(b *layout.Bundle) Subject {
	none := NotStarted(b, "no upgrade to "+b.Manifest.To+" was started on this machine")
	return Subject{None: &none, Never: true}
}

// NotStarted is the answer where there is no upgrade of a bundle to tell of.
func NotStarted(b *layout.Bundle, why string) answer.NotStarted {
	m := b.Manifest
	return answer.NotStarted{From: m.From, To: m.To, Outcome: answer.NotStartedWord, Why: redact.Prose(why), Findings: []finding.Finding{}}
}
