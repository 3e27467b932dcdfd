// Package attemptlog reads an attempt's log, as log/slog's TextHandler writes it, and chooses lines of it by their level
// and by the phase that they were written in.
package attemptlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// Phases are what lines can be chosen by: the journal's phases, and the way back from whichever.
var Phases = []string{"prepare", "switch", "open", "back"}

// Lines passes lines of a log on. Copy may be called again when the log has grown.
type Lines struct {
	Level slog.Level // lines below it are left out; what has no level is a line of any
	Phase string     // one of Phases; "" for all
	Last  int        // of what is there at first only so many lines; negative for all

	half   string // of a line whose end was not there yet
	phase  string // of the line that was read last
	back   bool
	copied bool
}

// Choose returns the lines of a level, "" for all, and of a phase, "" for all.
func Choose(level, phase string, last int) (*Lines, error) {
	l := &Lines{Level: slog.LevelDebug, Phase: phase, Last: last, phase: Phases[0]}
	if level != "" {
		if err := l.Level.UnmarshalText([]byte(level)); err != nil {
			return nil, fmt.Errorf("--level %s: a level is debug, info, warn or error", level)
		}
	}
	if phase != "" && !slices.Contains(Phases, phase) {
		return nil, fmt.Errorf("--phase %s: a phase is %s", phase, strings.Join(Phases, ", "))
	}
	return l, nil
}

// Copy passes on what is chosen of from, up to its end. A line without an end is kept for the next call, unless this is the last.
func (l *Lines) Copy(to io.Writer, from io.Reader, last bool) error {
	var kept []string // the last ones, where only these are wanted
	tail := l.Last >= 0 && !l.copied
	l.copied = true
	pass := func(line string) error {
		switch {
		case !l.wanted(line):
		case !tail:
			_, err := io.WriteString(to, line)
			return err
		case l.Last > 0:
			if len(kept) == l.Last {
				kept = append(kept[:0], kept[1:]...)
			}
			kept = append(kept, line)
		}
		return nil
	}
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadString('\n')
		line := l.half + text
		l.half = ""
		if errors.Is(err, io.EOF) {
			if line != "" && last {
				err = pass(line)
			} else {
				l.half, err = line, nil
			}
			if err != nil {
				return err
			}
			break
		}
		if err == nil {
			err = pass(line)
		}
		if err != nil {
			return err
		}
	}
	for _, line := range kept {
		if _, err := io.WriteString(to, line); err != nil {
			return err
		}
	}
	return nil
}

// wanted notes where a line was written, and reports whether it is chosen.
func (l *Lines) wanted(line string) bool {
	switch value(line, "msg") {
	case "step":
		l.phase = value(line, "phase")
	case "going back":
		l.back = true
	case "resuming after a stop":
		switch value(line, "stage") {
		case "undo", "reopen", "restore", "serve":
			l.back = true
		}
	}
	at := l.phase
	if l.back {
		at = "back"
	}
	if l.Phase != "" && l.Phase != at {
		return false
	}
	var level slog.Level
	if said := value(line, "level"); said != "" && level.UnmarshalText([]byte(said)) == nil {
		return level >= l.Level
	}
	return l.Level <= slog.LevelDebug
}

// value is the value of a key in a line of key=value, in quotes where it has spaces; "" where the line has no such key. Only
// the first words of a line are looked at: what follows may quote anything.
func value(line, key string) string {
	for range 5 { // time, level, msg, and what the messages that count here have next
		line = strings.TrimLeft(line, " ")
		name, rest, ok := strings.Cut(line, "=")
		if !ok {
			return ""
		}
		var said string
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			said, line, _ = strings.Cut(quoted, `"`)
		} else {
			said, line, _ = strings.Cut(rest, " ")
		}
		if name == key {
			return strings.TrimSpace(said)
		}
	}
	return ""
}
