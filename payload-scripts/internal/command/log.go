package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/attemptlog"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/view"
)

func logFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.follow, "follow", false, "go on until the upgrade ends")
	f.IntVar(&o.lines, "lines", -1, "the last `N` lines only")
	f.StringVar(&o.level, "level", "", "lines of this `LEVEL` and above: debug, info, warn or error")
	f.StringVar(&o.phase, "phase", "", "lines of this `PHASE`: prepare, switch, open, or back for the way back")
}

// runLog shows the log of the latest attempt.
func runLog(ctx context.Context, e *env, o options) int {
	if o.lines < -1 {
		return e.fail(fmt.Errorf("--lines %d: a number of lines is 0 or more", o.lines), exitUsage)
	}
	if e.JSON && o.follow {
		return e.fail(advice.With(errors.New("--json tells the log as one value, which --follow never ends"), "leave one of them out"), exitUsage)
	}
	lines, err := attemptlog.Choose(o.level, o.phase, o.lines)
	if err != nil {
		return e.fail(err, exitUsage)
	}
	a, ok := subject.Latest(e.bundle)
	if err := attempt.Readable(e.bundle.Places()); !ok && err != nil {
		return e.fail(err, exitFailed)
	}
	if !ok {
		return e.fail(fmt.Errorf("no upgrade to %s was started on this machine", e.bundle.Manifest.To), exitFailed)
	}
	f, err := os.Open(a.Log())
	if err != nil {
		return e.fail(err, exitFailed)
	}
	defer f.Close() //nolint:errcheck // read only
	if e.JSON {
		return e.logJSON(lines, f)
	}
	for {
		rec, err := journal.Read(a.Var) // before the copy: what comes after the end is shown
		ended := !o.follow || err != nil || rec.Outcome != journal.Running
		if err := lines.Copy(e.Out, f, ended); err != nil {
			return e.fail(err, exitFailed)
		}
		if ended {
			return exitDone
		}
		select {
		case <-ctx.Done():
			return exitDone
		case <-time.After(view.Poll):
		}
	}
}

func (e *env) logJSON(chosen *attemptlog.Lines, f io.Reader) int {
	var text strings.Builder
	if err := chosen.Copy(&text, f, true); err != nil {
		return e.fail(err, exitFailed)
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if text.Len() == 0 {
		lines = []string{}
	}
	return e.Encode(map[string]any{"lines": lines}, exitDone)
}
