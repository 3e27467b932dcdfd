package cli_test

import (
	"os"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
)

// The document has every exit code with the program's own words.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(exit.Table()) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.Contains(string(doc), "| "+code+" | "+meaning) {
			t.Errorf("docs/exit-codes.md lacks | %s | %s |", code, meaning)
		}
	}
}
