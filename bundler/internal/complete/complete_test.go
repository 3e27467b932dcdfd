package complete_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/complete"
	"onerpm/test/need"
)

func sample() *cli.App {
	project := &cli.StringFlag{Name: "project", Usage: "it is in `DIR`"}
	return &cli.App{Name: "bundler", Flags: []cli.Flag{project}, Commands: []*cli.Command{
		{Name: "build", Usage: "make it", ArgsUsage: "JUMP", Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Aliases: []string{"k"}, Usage: "sign with `FILE`"}, &cli.StringFlag{Name: "output", Usage: "into `DIR`"},
			&cli.BoolFlag{Name: "json", Usage: "write JSON"}, &cli.StringFlag{Name: "only", Usage: "scenario `NAME`"}, &cli.StringFlag{Name: "text"}, project}},
		{Name: "paths", Usage: "list", ArgsUsage: "FROM [TO]"},
		{Name: "publish", Usage: "give", ArgsUsage: "FILE..."},
		{Name: "fleet", Usage: "tell", ArgsUsage: "report DIR"},
		{Name: "completion", Usage: "print", ArgsUsage: "bash|zsh|fish"},
		{Name: "verify", Usage: "look"},
		{Name: "secret", Hidden: true},
	}}
}

func names(command, at, project string) []string {
	if at == "JUMP" {
		return []string{"1.0-1.1", "2.0-3.0"}
	}
	return []string{strings.ReplaceAll(strings.Join([]string{command, at, project}, "/"), " ", "_")}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                            "build paths publish fleet completion verify",
		"p":                           "paths publish",
		"--":                          "--project --help",
		"x ":                          "",
		"--project d ":                "build paths publish fleet completion verify",
		"--project ":                  ":directory",
		"build ":                      "1.0-1.1 2.0-3.0",
		"build 2":                     "2.0-3.0",
		"build 1.0-1.1 ":              "",
		"build 1.0-1.1 --o":           "--output --only",
		"build --json 2":              "2.0-3.0",
		"build --key ":                ":file",
		"build -k ":                   ":file",
		"build --key x 2":             "2.0-3.0",
		"build --key=x 2":             "2.0-3.0",
		"build --output ":             ":directory",
		"build --output=":             ":directory",
		"build --output = ":           ":directory", // as bash has it
		"build --output = d":          ":directory",
		"build --output = d 2":        "2.0-3.0",
		"build --only ":               "build/--only_NAME/",
		"build --only=b":              "build/--only_NAME/",
		"build --only=c":              "",
		"build --project p --only b":  "build/--only_NAME/p",
		"--project=p build --only b":  "build/--only_NAME/p",
		"--project = p build --only ": "build/--only_NAME/p",
		"build --text ":               "build/--text_VALUE/",
		"build --nothing 2":           "2.0-3.0",
		"build -- --":                 "",
		"build --json=":               "build/--json_VALUE/", // no flag with a value, and nothing that does harm
		"paths ":                      "paths/FROM/",
		"paths 1 ":                    "paths/TO/",
		"paths 1 2 ":                  "",
		"publish a b ":                ":file",
		"fleet ":                      "report",
		"fleet report ":               ":directory",
		"completion ":                 "bash zsh fish",
		"completion z":                "zsh",
		"verify ":                     "",
		"=":                           "",
	} {
		var got []string
		for _, w := range complete.Next(sample(), strings.Split(line, " "), names) {
			got = append(got, w.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q completes to %q, want %q", line, strings.Join(got, " "), want)
		}
	}
	if got := complete.Next(sample(), nil, names); len(got) != 6 || got[0] != (complete.Word{Text: "build", What: "make it"}) {
		t.Errorf("without words: %v", got)
	}
	if got := complete.Next(sample(), []string{"build", "--k"}, names); len(got) != 1 || got[0].What != "sign with FILE" {
		t.Errorf("a flag: %v", got)
	}
}

// TestBash asks bash itself, with a program that tells what it was asked.
func TestBash(t *testing.T) {
	need.Program(t, "bash")
	t.Parallel()
	dir := t.TempDir()
	script, err := complete.Script("bash")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"script":  {string(script), 0o600},
		"bundler": {"#!/bin/sh\nfor a; do printf '%s|' \"$a\"; done >>asked\ncase \"$*\" in *file*) echo :file ;; *folder*) echo :directory ;; *) printf '%s\\t%s\\n' one 'the first' --two 'a $(touch harm) * flag' ;; esac\n", 0o700},
		"a file":  {"", 0o600}, "d/x": {"", 0o600},
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		words []string
		want  string
		asked string
	}{
		{[]string{""}, "--two|one|", "complete|--||"},
		{[]string{"build", "--output", "="}, "--two|one|", "complete|--|build|--output|=|"},
		{[]string{"file", "a"}, "a file|asked|", "complete|--|file|a|"},
		{[]string{"file", "="}, "a file|asked|bundler|d|script|", "complete|--|file|=|"},
		{[]string{"folder", ""}, "d|", "complete|--|folder||"},
		{[]string{"$(touch harm)"}, "--two|one|", "complete|--|$(touch harm)|"},
	} {
		const ask = `. ./script; complete -p bundler >/dev/null || exit; COMP_WORDS=(./bundler "$@"); COMP_CWORD=$#; _bundler ./bundler; printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort`
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{"-uc", "rm -f asked; " + ask, "bash"}, c.words...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		got := strings.Join(strings.Split(strings.TrimSpace(string(out)), "\n"), "|") + "|"
		asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
		if err != nil || got != c.want || string(asked) != c.asked {
			t.Errorf("%q: %q (%v), want %q; asked %q, want %q", c.words, got, err, c.want, asked, c.asked)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "harm")); err == nil {
		t.Error("what stands in the line, or in the answer, was run")
	}
}
