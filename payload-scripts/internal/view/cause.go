package view

import (
	"regexp"
	"strings"
)

// cause is the text of an error, taken apart for people.
type cause struct {
	what string   // its first line: what was done to what, and why it failed
	said string   // of what a program said the one line that matters; "" when it said nothing
	all  []string // every line, where there is more than one
}

// A line of systemd's journal (journalctl --output=short-iso): time, host, who said it, what.
var journalLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\S+ \S+ ([^\s\[:]+)(?:\[\d+\])?:(?: (.*))?$`)

// telling is what lines say that tell why something failed.
var telling = regexp.MustCompile(`(?i)\b(error|fatal|panic|fail(s|ed|ure)?|\w*exception|\w*error|denied|refused|cannot|can't|could not|unable|invalid|unknown|missing|no such|not found|not permitted|in use|timed out|killed|violates|broken)\b`)

// causeOf takes a text apart. Of lines that a program said, the last one that tells of a failure matters; of lines
// of systemd's journal what systemd itself says of a unit counts only where the unit said nothing.
func causeOf(text string) cause {
	text = strings.TrimSpace(text)
	first, rest, more := strings.Cut(text, "\n")
	c := cause{what: strings.TrimSpace(first)}
	if !more {
		return c
	}
	c.all = strings.Split(text, "\n")
	best := 0
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if line == "" || line == "..." || strings.HasPrefix(line, "last lines of ") {
			continue
		}
		rank := 3
		if m := journalLine.FindStringSubmatch(line); m != nil {
			if line = strings.TrimSpace(m[2]); m[1] == "systemd" {
				rank = 1
			}
		}
		if telling.MatchString(line) {
			rank++
		}
		if line != "" && rank >= best {
			best, c.said = rank, line
		}
	}
	return c
}
