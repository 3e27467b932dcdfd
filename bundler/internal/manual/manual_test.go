package manual_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/manual"
	"onerpm/test/need"
)

// shown is the page as man shows it, without a warning, in one line.
func shown(t *testing.T, page string) string {
	t.Helper()
	need.Program(t, "man")
	path := filepath.Join(t.TempDir(), "some.1")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "man", "--warnings", "-l", path)
	cmd.Env = append(os.Environ(), "MANWIDTH=120", "LC_ALL=C", "MANPAGER=cat", "MANROFFOPT=-c")
	var warnings bytes.Buffer
	cmd.Stderr = &warnings
	out, err := cmd.Output()
	if err != nil || warnings.Len() > 0 {
		t.Fatalf("man: %v\n%s", err, warnings.String())
	}
	return strings.Join(strings.Fields(string(bytes.ReplaceAll(out, []byte("\b"), nil))), " ")
}

// Text that looks like roff stands as it is, and what is hidden is not there.
func TestWrite(t *testing.T) {
	t.Parallel()
	app := &cli.App{Name: "some", Usage: "do something", Flags: []cli.Flag{&cli.StringFlag{Name: "project", Usage: "it is in `DIR`"}}, Commands: []*cli.Command{
		{Name: "make", Usage: "make a thing", ArgsUsage: "[THING...]", Description: ".first of 'all'\nC:\\new\\file\n\n   as it --is\n   'and' here\n\nend", Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Aliases: []string{"t"}, Usage: "into `FILE`-a", Value: "x"},
			&cli.BoolFlag{Name: "fast", Usage: "in no time"},
			&cli.BoolFlag{Name: "secret", Usage: "for nobody", Hidden: true},
			&cli.StringFlag{Name: "project", Usage: "it is in `DIR`"},
		}},
		{Name: "concealed", Usage: "do not show", Hidden: true},
	}}
	text := shown(t, manual.Write(app, manual.Page{Version: "1.0-x", Description: "One.\n\nTwo.", Exit: []manual.Entry{{"0", "Done."}}, Environment: []manual.Entry{{"HOME", "'Home'."}},
		Files: []manual.Entry{{".x", "A file."}}, Examples: []manual.Entry{{"some make --fast", "Make it:"}}, See: []string{"a-b(8)", "c(1)"}}))
	for _, want := range []string{
		"SOME(1) User Commands SOME(1) NAME some - do something SYNOPSIS some [option...] command [option...] [argument...] DESCRIPTION One. Two.", "some 1.0-x",
		"--project DIR It is in DIR.", "--help, -h Show help.", "some make [option...] [THING...] Make a thing. .first of 'all' C:\\new\\file as it --is 'and' here end",
		"--to, -t FILE Into FILE-a. Default: \"x\". --fast In no time. EXIT STATUS 0 Done.", "HOME 'Home'.", ".x A file.", "Make it: some make --fast", "SEE ALSO a-b(8), c(1)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "conceal") || strings.Count(text, "--project") != 1 {
		t.Errorf("what is hidden is shown, or a flag of all twice:\n%s", text)
	}
}
