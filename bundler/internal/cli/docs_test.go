package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/bundler/internal/cli"
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

// The picture in the documents is that of the project's own releases.
func TestCoveragePicture(t *testing.T) {
	t.Parallel()
	got := filepath.Join(t.TempDir(), "coverage.svg")
	var out, errs bytes.Buffer
	code := cli.Run(context.Background(), []string{"bundler", "matrix", "--project", "../../..", "--dist", t.TempDir(), "--svg", got},
		strings.NewReader(""), &out, &errs, nil)
	if code != exit.OK {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	picture, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	const kept = "../../../docs/coverage.svg"
	if *update {
		if err := os.WriteFile(kept, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if was, err := os.ReadFile(kept); err != nil || !bytes.Equal(was, picture) {
		t.Errorf("docs/coverage.svg is not of this project (%v): go test ./bundler/internal/cli -run TestCoveragePicture -update", err)
	}
}

// The project leaves customers behind, and only by decision: as docs/writing-a-jump.md tells.
func TestTheProjectsCustomers(t *testing.T) {
	t.Parallel()
	check := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		all := append([]string{"bundler", "matrix", "--project", "../../..", "--dist", t.TempDir(), "--check"}, args...)
		return cli.Run(context.Background(), all, strings.NewReader(""), &out, &errs, nil), errs.String()
	}
	if code, said := check(); code != exit.Gap || !strings.Contains(said, "3.4.2 (14)") {
		t.Errorf("code %d: %s", code, said)
	}
	if code, said := check("--accept", "3.4.2"); code != exit.OK {
		t.Errorf("code %d: %s", code, said)
	}
}
