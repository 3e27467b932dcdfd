package host

import (
	"strings"
	"testing"
)

func TestWhatAProgramSaidHasBothEnds(t *testing.T) {
	t.Parallel()
	err := &ExitError{Name: "rpm", Result: Result{Code: 7, Stderr: "the cause\n" + strings.Repeat("and so on\n", 1000) + "the verdict\n"}}
	text := err.Error()
	if !strings.Contains(text, ": the cause\n") || !strings.HasSuffix(text, "\nthe verdict") || !strings.Contains(text, "\n...\n") || len(text) > 1300 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}
