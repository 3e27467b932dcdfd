package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/preflight"
	"onerpm/payload-scripts/internal/rehearsal"
	"onerpm/payload-scripts/internal/view"
)

// runRehearse tries the upgrade on copies and predicts the window.
func runRehearse(ctx context.Context, e *env, _ options) int {
	if err := needRoot(); err != nil {
		return e.fail(err, exitUsage)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the engine's log is an upgrade's; what is done is told below
	fmt.Fprintln(e.err, "rehearsal: check the machine")
	found := e.check(ctx)
	for _, f := range found {
		if f.Level == finding.Refuse || f.ID == preflight.AlreadyNew {
			return e.tell(found)
		}
	}
	r, err := rehearsal.Run(ctx, e.bundle, e.bundle.Places().Rehearsal(), found, func(what string) {
		fmt.Fprintln(e.err, "rehearsal: "+what)
	})
	if err != nil {
		code := exitFailed
		if errors.Is(err, rehearsal.ErrBusy) {
			code = exitUnderWay
		}
		return e.fail(fmt.Errorf("rehearse the upgrade: %w", err), code)
	}
	code := exitDone
	switch {
	case !r.Ready():
		code = exitRefused
	case len(r.Untried) > 0:
		code = exitFailed
	}
	if e.json {
		return e.encode(r, code)
	}
	printRehearsal(e.out, r)
	return code
}

func printRehearsal(w io.Writer, r *rehearsal.Report) {
	fmt.Fprintf(w, "%s: %s to %s, rehearsed in %s; nothing that serves was touched\n", r.Product, r.From, r.To, r.Took.D().Round(time.Second))
	for _, f := range r.Findings {
		fmt.Fprintf(w, "  note: %s: %s\n", f.ID, view.Indent(f.What))
	}
	for _, d := range r.Databases {
		fmt.Fprintf(w, "database %s, %d rows: copied in %s, expanded in %s while it serves, switched in %s, taken back in %s\n",
			d.Name, d.Rows, short(d.Copy.D()), short(d.Expand.D()), short(d.Switch.D()), short(d.Back.D()))
	}
	for _, s := range r.Stores {
		fmt.Fprintf(w, "store %s, %d documents: copied to %d rows in %s while it serves, brought up to date in %s\n", s.Name, s.Documents, s.Rows, short(s.First.D()), short(s.Second.D()))
		for _, left := range s.Left {
			fmt.Fprintf(w, "  note: %s\n", left)
		}
	}
	changed := 0
	for _, c := range r.Changes {
		if len(c.Changes) > 0 {
			changed++
		}
	}
	fmt.Fprintf(w, "configuration: %d files merged, %d of them change\n", len(r.Changes), changed)
	if len(r.Untried) > 0 {
		fmt.Fprintln(w, "this could not be rehearsed here, and says nothing about the upgrade:")
		for _, p := range r.Untried {
			fmt.Fprintf(w, "  %s\n", view.Indent(p))
		}
	}
	if len(r.Problems) > 0 {
		fmt.Fprintln(w, "the upgrade would go back:")
		for _, p := range r.Problems {
			fmt.Fprintf(w, "  %s\n", view.Indent(p))
		}
		return
	}
	if len(r.Untried) > 0 {
		fmt.Fprintln(w, "the window to expect, without that:")
	} else {
		fmt.Fprintln(w, "the window to expect:")
	}
	for _, p := range r.Parts {
		fmt.Fprintf(w, "  %-40s %10s  %s\n", p.Name, short(p.Takes.D()), p.How)
	}
	fmt.Fprintf(w, "  %-40s %10s  (limit %s)\n", "together", short(r.Window.D()), r.Limit.D())
}

func short(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
