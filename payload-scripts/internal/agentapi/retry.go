package agentapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Patience is how long is waited for what, on a product that is restarted for instance, is not as it should be.
type Patience struct {
	Away   time.Duration // no answer, or one that says later
	First  time.Duration // the first pause before the same question; each further one is twice as long
	Last   time.Duration // the longest of them
	Server time.Duration // the longest pause that the product may ask for, and all of them together
	Lag    time.Duration // from a question that got no answer until its work can be seen
	Lost   time.Duration // a work that the product does not know
	Look   time.Duration // before the groups are looked for again
}

var patient = Patience{
	Away: 2 * time.Minute, First: 250 * time.Millisecond, Last: 5 * time.Second, Server: 10 * time.Minute,
	Lag: 5 * time.Second, Lost: 2 * time.Minute, Look: time.Second,
}

// Again are how often something that is not there is asked for once more: what is read may lag behind what was written.
const Again = 3

// AwayError says that the product did not answer for as long as patience lasts.
type AwayError struct{ err error }

func (e *AwayError) Error() string {
	return fmt.Sprintf("the product does not answer: %v; see that it is up", e.err)
}

func (e *AwayError) Unwrap() error { return e.err }

// Attempts counts how often a question was asked in vain.
type Attempts struct {
	patience Patience
	deadline time.Time
	pause    time.Duration
	granted  time.Duration // of the deadline, for pauses that the product asked for
	missing  int
}

// Attempts begins to count for a question.
func (a *API) Attempts() *Attempts {
	return &Attempts{patience: a.Patience, deadline: time.Now().Add(a.Patience.Away), pause: a.Patience.First}
}

// Wait pauses before a question is asked again that got err, for as long as the product wants, or returns why it is not asked again.
func (t *Attempts) Wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var impossible *listError
	switch {
	case errors.As(err, &impossible), errors.Is(err, errTooLarge):
		return err
	case StatusOf(err) == http.StatusNotFound:
		if t.missing++; t.missing > Again {
			return err
		}
	case Refused(err):
		return err
	case time.Now().After(t.deadline):
		return &AwayError{err}
	}
	wait := t.pause
	t.pause = min(2*t.pause, t.patience.Last)
	if after := PauseOf(err); after > 0 {
		wait = min(after, t.patience.Server)
		more := min(wait, t.patience.Server-t.granted) // that pause is the product's own
		t.granted, t.deadline = t.granted+more, t.deadline.Add(more)
	}
	slog.Warn("agents: asked again", "in", wait, "error", err)
	return Pause(ctx, wait)
}

// retry asks again what may be asked any number of times.
func (a *API) retry(ctx context.Context, question func() error) error {
	for t := a.Attempts(); ; {
		err := question()
		if err == nil {
			return nil
		}
		if err := t.Wait(ctx, err); err != nil {
			return err
		}
	}
}

// Pause waits, and returns the error of ctx when that ends first.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
