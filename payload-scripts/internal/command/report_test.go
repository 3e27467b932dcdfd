package command

import (
	"testing"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
)

// TestSummary: id, outcome, window, cause and what to do, however the upgrade stands.
func TestSummary(t *testing.T) {
	for name, c := range map[string]struct {
		record func(*journal.Record) // nil for no attempt
		note   bool                  // the last start was refused
		args   []string
		code   int
		want   answer.Result
		text   string
	}{
		"upgraded":       {record: upgraded, want: answer.Upgraded, text: "id       " + id + "\nfrom     4.1.1\nto       4.2.0\noutcome  upgraded\nwindow   7.25s\n"},
		"rolled back":    {record: rolledBack, want: answer.RolledBack, text: "outcome  rolled-back\nwindow   7.25s\ncause    packages to new: no\ntodo     remove the cause, then run `p start`\n"},
		"needs a person": {record: needsAPerson, want: answer.WantsAPerson, text: "todo     do this\n"},
		"under way":      {record: running, want: answer.AtWork, text: "todo     wait for its end: `p wait --id " + id + "`\n"},
		"refused":        {record: rolledBack, note: true, want: answer.NeverBegan, text: "outcome  not-started\ncause    it was refused: no room (room)\ntodo     make room; then run `p start`\n"},
		"of that id":     {record: rolledBack, note: true, args: []string{"--id", id}, want: answer.RolledBack, text: "outcome  rolled-back\n"},
		"no such id":     {record: rolledBack, args: []string{"--id", later}, code: exitNotStarted, want: answer.NeverBegan, text: "cause    there is no upgrade " + later},
		"never started":  {want: answer.NeverBegan, text: "todo     run `p start`\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.record != nil {
				w.attempt(id, c.record)
			}
			if c.note {
				if err := attempt.NoteUnstarted(w.bundle.Places(), attempt.Unstarted{To: "4.2.0", After: id, Why: "it was refused", Refused: true, Findings: noRoom}); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string{"report", "--summary"}, c.args...)
			text, _ := w.run(c.code, args...)
			contains(t, text, c.text)
			out, _ := w.run(c.code, append(args, "--json")...)
			if s := decode[answer.Summary](t, out); s.Outcome != c.want || s.From != "4.1.1" || s.To != "4.2.0" {
				t.Errorf("%s", out)
			}
		})
	}
}
