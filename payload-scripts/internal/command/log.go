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
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/view"
)

func logFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.follow, "follow", false, "go on until the upgrade ends")
	f.IntVar(&o.lines, "lines", -1, "the last `N` lines only")
}

// runLog shows the log of the latest attempt.
func runLog(ctx context.Context, e *env, o options) int {
	if o.lines < -1 {
		return e.fail(fmt.Errorf("--lines %d: a number of lines is 0 or more", o.lines), exitUsage)
	}
	if e.JSON && o.follow {
		return e.fail(advice.With(errors.New("--json tells the log as one value, which --follow never ends"), "leave one of them out"), exitUsage)
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
	if o.lines >= 0 {
		if err := view.LastLines(f, o.lines); err != nil {
			return e.fail(err, exitFailed)
		}
	}
	if e.JSON {
		return e.logJSON(f)
	}
	for {
		rec, err := journal.Read(a.Var) // before the copy: what comes after the end is shown
		if _, copying := io.Copy(e.Out, f); copying != nil {
			return e.fail(copying, exitFailed)
		}
		if !o.follow || err != nil || rec.Outcome != journal.Running {
			return exitDone
		}
		select {
		case <-ctx.Done():
			return exitDone
		case <-time.After(view.Poll):
		}
	}
}

func (e *env) logJSON(f io.Reader) int {
	text, err := io.ReadAll(f)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(text) == 0 {
		lines = []string{}
	}
	return e.Encode(map[string]any{"lines": lines}, exitDone)
}
