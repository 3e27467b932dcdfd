package view

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/progress"
)

// Poll is how often who waits for an attempt reads its journal.
const Poll = 200 * time.Millisecond

// Attempt is what is followed.
type Attempt struct {
	Journal  string        // the folder of its journal
	Progress string        // the file that tells how far the running step is
	Estimate string        // the file that tells what a rehearsal expects
	Limit    time.Duration // of the time out of service

	// Stalled (optional) tells why nothing works on the attempt, "" when something may.
	Stalled func(context.Context, time.Time) string
}

// Follow prints the steps as they end to out and returns the record of the attempt's
// end. On a terminal what is under way is shown below them, as it goes. With out nil it
// only waits. The error is the context's when that ends first. An attempt that is stalled is no longer followed.
func Follow(ctx context.Context, out io.Writer, a Attempt) (journal.Record, error) {
	t := onTerminal(out)
	shown := 0
	for {
		rec, err := journal.Read(a.Journal)
		if err != nil {
			return rec, err
		}
		if rec.Outcome == journal.Running && a.Stalled != nil && a.Stalled(ctx, time.Now()) != "" {
			return rec, nil // the caller tells why
		}
		var ended strings.Builder
		page := On(out) // its width may change
		page.Out = &ended
		for ; shown < len(rec.Steps); shown++ {
			s := rec.Steps[shown]
			if s.Ended.IsZero() && shown == len(rec.Steps)-1 && rec.Outcome == journal.Running {
				break // it is running: told when it has ended
			}
			page.Step(s)
		}
		var block []string
		if rec.Outcome == journal.Running {
			block = a.block(rec, time.Now())
		}
		switch {
		case out == nil:
		case t != nil:
			err = t.draw(ended.String(), block)
		default:
			_, err = fmt.Fprint(out, ended.String())
		}
		if err != nil || rec.Outcome != journal.Running {
			return rec, err
		}
		select {
		case <-ctx.Done():
			return rec, ctx.Err()
		case <-time.After(Poll):
		}
	}
}

// block is the live view of an attempt that is under way, from the most to the least important line.
func (a Attempt) block(rec journal.Record, now time.Time) []string {
	lines := []string{phases(rec) + "   " + clock(now.Sub(rec.Began))}
	if n := len(rec.Steps); n > 0 {
		s := rec.Steps[n-1]
		text := "  " + place(rec, s)
		if s.Ended.IsZero() {
			text += "   " + clock(now.Sub(s.Began))
		}
		lines = append(lines, text)
		if !rec.Closed.IsZero() {
			lines = append(lines, outage(rec, a.Limit, now))
		}
		if e, ok := estimate.Read(a.Estimate, rec); ok {
			if text := (Page{Now: now, Zone: time.Local}).expected(e.Of(rec), down(rec)); text != "" {
				lines = append(lines, "  "+text)
			}
		}
		if note, ok := progress.Read(a.Progress, rec.ID, s.Name); ok && s.Ended.IsZero() {
			lines = append(lines, "  "+progressText(note))
		}
		return lines
	}
	return append(lines, "  about to begin")
}

// phases is the line of phases with marks: [x] behind, [>] under way, [<] going back from there, [ ] ahead.
func phases(rec journal.Record) string {
	var parts []string
	mark := "x"
	for _, p := range []journal.Phase{journal.Preparing, journal.Switching, journal.Opening} {
		if p == rec.Phase {
			here := ">"
			if rec.Back {
				here = "<"
			}
			parts, mark = append(parts, "["+here+"] "+string(p)), " "
			continue
		}
		parts = append(parts, "["+mark+"] "+string(p))
	}
	text := strings.Join(parts, "  ") + "  to " + rec.To
	if rec.Back {
		text = strings.Join(parts, "  ") + "  back to " + rec.From
	}
	return text
}

// outage tells for how long the product does not serve, or did not.
func outage(rec journal.Record, limit time.Duration, now time.Time) string {
	if !rec.Reopened.IsZero() {
		return fmt.Sprintf("  serves again; out of service for %s (limit %s)", clock(rec.Window()), limit)
	}
	return fmt.Sprintf("  out of service for %s (limit %s)", clock(now.Sub(rec.Closed)), limit)
}

// progressText tells how far a step is, with a bar where the end is known.
func progressText(n progress.Note) string {
	done, total := strconv.FormatInt(n.Done, 10), strconv.FormatInt(n.Total, 10)
	switch n.Unit {
	case "bytes":
		done, total = Size(n.Done), Size(n.Total)
	case "percent":
		return fmt.Sprintf("%s %d%% %s", bar(n.Done, n.Total), n.Done, n.What)
	default:
		done, total = done+" "+n.Unit, total+" "+n.Unit
	}
	if n.Total <= 0 {
		return done + " " + n.What
	}
	return fmt.Sprintf("%s %s of %s %s", bar(n.Done, n.Total), done, total, n.What)
}

func bar(done, total int64) string {
	const width = 20
	if total <= 0 {
		return ""
	}
	full := int(float64(width) * float64(min(max(done, 0), total)) / float64(total))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// clock writes a time that goes on: tenths of a second below a minute, then seconds.
func clock(d time.Duration) string {
	d = max(d, 0)
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Truncate(time.Second).String()
}
