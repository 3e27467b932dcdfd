package command

import (
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/view/ptytest"
)

// TestNarrow: on a terminal of 60 columns every command's text is wrapped between its words; what is bad is red, and without
// colours where NO_COLOR is set.
func TestNarrow(t *testing.T) {
	for _, colours := range []bool{true, false} {
		if !colours {
			t.Setenv("NO_COLOR", "1")
		}
		w := anotherWorld(t)
		w.attempt(id, needsAPerson)
		for _, args := range [][]string{{"help"}, {"help", "log"}, {"help", "agents"}, {"status"}, {"report"}, {"report", "--all"}, {"wait"}, {"clean", "--dry-run"}} {
			p := ptytest.New(t, 60, 200)
			code := run(t.Context(), w.bundle, nil, args, p.Slave, p.Slave)
			p.Hangup()
			for _, line := range ptytest.Screen(t, p.Output(), 500) {
				if len(line) > 60 && strings.Contains(strings.TrimSpace(line), " ") && !strings.Contains(line, w.root) {
					t.Errorf("%v, exit %d: wider than 60 columns: %s", args, code, line)
				}
			}
			if red := strings.Contains(p.Output(), "\x1b[31m"); red && !colours || !red && colours && args[0] == "status" {
				t.Errorf("%v, colours %t: %q", args, colours, p.Output())
			}
		}
	}
}
