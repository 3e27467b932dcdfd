package inspect

import (
	"strings"
	"testing"
)

// Release notes are told as the header has them; those that would do something to a terminal are a problem, and are not told.
func TestNotes(t *testing.T) {
	t.Parallel()
	for notes, problem := range map[string]string{"# New\n\n- a <b>": "", "": "", "a\x1b[2J": "its release notes cannot be shown: line 1 has the control character U+001B", strings.Repeat("x", 20000): "its release notes cannot be shown: 20000 bytes"} {
		b := sample()
		b.Notes = notes
		r := read(t, write(t, b, demoKey(t)), nil)
		if got := strings.Join(r.Problems, "|"); !strings.HasPrefix(got, problem) || problem == "" && got != "" {
			t.Errorf("%.20q: problems %q, want %q", notes, got, problem)
		}
		if want := notes; problem == "" && r.Notes != want || problem != "" && r.Notes != "" {
			t.Errorf("%.20q: told as %.20q", notes, r.Notes)
		}
	}
}
