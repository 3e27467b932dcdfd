// Package view shows upgrades to people: what is so, why, and what to do; the steps, what became of the
// configuration, the attempts before, and on a terminal what is under way. It reads the journal, the
// progress file and what a rehearsal expects, and changes nothing.
package view

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Page is where people read: a terminal of some width, or anything else, where nothing is wrapped or coloured so that
// programs and people can search each line.
type Page struct {
	Out    io.Writer
	Width  int  // columns of the terminal; 0 when it is none
	Colour bool // what is bad is red
	Zone   *time.Location
	Now    time.Time
}

// On returns the page that w is. There are no colours where NO_COLOR is set (https://no-color.org) or TERM is dumb.
func On(w io.Writer) Page {
	p := Page{Out: w, Zone: time.Local, Now: time.Now()}
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		p.Width, _ = size(f)
		p.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return p
}

// tone is whether something is bad.
type tone bool

const bad tone = true

// The SGR of a terminal (ECMA-48): red, and back to how it was.
const red, plain = "\x1b[31m", "\x1b[0m"

// Line prints a paragraph. Its further lines stand two columns to the right of its first.
func (p Page) Line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	bare := strings.TrimLeft(text, " ")
	p.item(text[:len(text)-len(bare)], bare, false, 2)
}

// Item prints a paragraph behind a label; its further lines stand below its first.
func (p Page) Item(label, text string) { p.item(label, text, false, 0) }

// item prints a label and a text, whose further lines stand so many columns to the right of where it begins. All of it is of the tone.
func (p Page) item(label, text string, t tone, more int) {
	p.print(t, paragraph(label, text, more, p.Width))
}

// print prints lines in a tone.
func (p Page) print(t tone, lines []string) {
	for _, line := range lines {
		if t == bad && p.Colour {
			indent := len(line) - len(strings.TrimLeft(line, " "))
			line = line[:indent] + red + line[indent:] + plain
		}
		fmt.Fprintln(p.Out, line)
	}
}

// space is an empty line.
func (p Page) space() { fmt.Fprintln(p.Out) }

// Stamp writes a time as the clock of this machine shows it, and as UTC where that is another time.
func (p Page) Stamp(t time.Time) string {
	local, utc := t.In(p.Zone), t.UTC()
	text := local.Format("2006-01-02 15:04:05 MST")
	_, offset := local.Zone()
	switch {
	case offset == 0:
		return utc.Format("2006-01-02 15:04:05") + " UTC"
	case local.Format(time.DateOnly) != utc.Format(time.DateOnly):
		return text + " (" + utc.Format("2006-01-02 15:04:05") + " UTC)"
	}
	return text + " (" + utc.Format("15:04:05") + " UTC)"
}

// ago is how long ago a time is, in the two units that say most.
func (p Page) ago(t time.Time) string { return about(p.Now.Sub(t)) }

// about writes a time span in whole seconds, minutes, hours or days, as somebody would say it.
func about(d time.Duration) string {
	d = max(d, 0)
	day := 24 * time.Hour
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 2*day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/day)
}
