package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/answer"
)

// Summary prints a summary, a line for each thing that is known.
func Summary(w io.Writer, s answer.Summary) {
	window := ""
	if s.Window != 0 {
		window = s.Window.D().Round(time.Millisecond).String()
	}
	for _, line := range [][2]string{{"id", s.ID}, {"from", s.From}, {"to", s.To}, {"outcome", string(s.Outcome)}, {"window", window}, {"cause", s.Cause}, {"todo", s.Todo}} {
		if line[1] != "" {
			fmt.Fprintf(w, "%-8s %s\n", line[0], strings.ReplaceAll(strings.TrimSpace(line[1]), "\n", "\n         "))
		}
	}
}
