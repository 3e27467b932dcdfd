package exit_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
)

func TestCodeAndHint(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such file")
	missing := exit.With(exit.Missing, cause, "run make components")
	tests := []struct {
		name string
		err  error
		code int
		hint string
	}{
		{"nil", nil, 0, ""},
		{"without a code", cause, exit.Failed, ""},
		{"with a code", missing, exit.Missing, "run make components"},
		{"wrapped", fmt.Errorf("fetch a.rpm: %w", missing), exit.Missing, "run make components"},
		{"nil gets no code", exit.With(exit.Output, nil, "x"), 0, ""},
		{"the inner code wins", exit.With(exit.Output, fmt.Errorf("build: %w", missing), "free some space"), exit.Missing, "run make components"},
		{"an outer hint fills in", exit.With(exit.Output, exit.With(exit.Missing, cause, ""), "look"), exit.Missing, "look"},
		{"formatted", exit.Errorf(exit.Usage, "see --help", "no jump %q", "x"), exit.Usage, "see --help"},
	}
	for _, tt := range tests {
		if got := exit.Code(tt.err); got != tt.code {
			t.Errorf("%s: code %d, want %d", tt.name, got, tt.code)
		}
		if got := exit.Hint(tt.err); got != tt.hint {
			t.Errorf("%s: hint %q, want %q", tt.name, got, tt.hint)
		}
	}
	if err := exit.With(exit.Output, fmt.Errorf("build: %w", missing), ""); !errors.Is(err, cause) {
		t.Errorf("%v does not unwrap to its cause", err)
	}
}

// The package comment is what people read: it must be the table.
func TestTableIsThePackageComment(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("exit.go")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(exit.Table()) {
		if !strings.Contains(string(src), "//\t"+line) {
			t.Errorf("the package comment lacks %q", line)
		}
	}
}
