package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"onerpm/bundler/internal/cli"
	"onerpm/test/need"
)

// The man page has no mistake, and every variable of the environment that the command line asks for.
func TestManPage(t *testing.T) {
	t.Parallel()
	need.Program(t, "man")
	var page, errs bytes.Buffer
	if code := cli.Run(context.Background(), []string{"bundler", "man"}, strings.NewReader(""), &page, &errs, nil); code != 0 {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	path := filepath.Join(t.TempDir(), "bundler.1")
	if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "man", "--warnings", "-l", path)
	cmd.Env = append(os.Environ(), "MANWIDTH=100", "LC_ALL=C", "MANPAGER=cat", "MANROFFOPT=-c")
	var warnings bytes.Buffer
	cmd.Stderr = &warnings
	shown, err := cmd.Output()
	if err != nil || warnings.Len() > 0 {
		t.Fatalf("man: %v\n%s", err, warnings.String())
	}
	_, environment, _ := strings.Cut(string(shown), "\nENVIRONMENT")
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`s\.getenv\("([A-Z_]+)"\)`).FindAllSubmatch(text, -1) {
			n++
			if !strings.Contains(environment, "\n       "+string(m[1])) {
				t.Errorf("%s asks for %s, and the man page does not tell", source, m[1])
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d variables were found", n)
	}
}
