package view

import (
	"time"

	"onerpm/payload-scripts/internal/answer"
)

// Summary prints a summary, a line for each thing that is known. Of the cause it is the one that matters; the report has all of it.
func (p Page) Summary(s answer.Summary) {
	window, c := "", causeOf(s.Cause)
	if s.Window != 0 {
		window = s.Window.D().Round(time.Millisecond).String()
	}
	for _, line := range [][2]string{
		{"id       ", s.ID}, {"from     ", s.From}, {"to       ", s.To}, {"outcome  ", string(s.Outcome)}, {"window   ", window},
		{"cause    ", c.what}, {"         it said: ", c.said}, {"todo     ", s.Todo},
	} {
		if line[1] != "" {
			p.Item(line[0], line[1])
		}
	}
}
