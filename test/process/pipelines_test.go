// Package process holds docs/process.md true: its test makes the RPMs of a release that does not exist,
// and then does nothing but run the document's own commands, until customers have the upgrade.
package process

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/test/docs"
)

// process is the document. That TestProcess runs each of its blocks of commands is told there; any other would be left out.
func process(t *testing.T) docs.Document {
	t.Helper()
	text, err := os.ReadFile("../../docs/process.md")
	if err != nil {
		t.Fatal(err)
	}
	d, err := docs.Read("docs/process.md", string(text))
	if err != nil {
		t.Fatal(err)
	}
	d.Blocks = slices.DeleteFunc(d.Blocks, func(b docs.Block) bool { return b.Language == "mermaid" })
	for _, b := range d.Blocks {
		if b.Language != "sh" || b.How != "TestProcess" {
			t.Fatalf("%s: a block of %s %s, want sh TestProcess", b, b.Language, b.How)
		}
	}
	return d
}

// commands returns every command of the document.
func commands(d docs.Document) []string {
	var out []string
	for _, b := range d.Blocks {
		out = append(out, docs.Commands(b.Text)...)
	}
	return out
}

var word = regexp.MustCompile(`^bundler ([a-z]+)`)

// TestNothingIsToldThatIsNotRun: a command of the bundler that the text names is one that stands in a block.
func TestNothingIsToldThatIsNotRun(t *testing.T) {
	t.Parallel()
	d := process(t)
	run := map[string]bool{}
	for _, c := range commands(d) {
		if m := word.FindStringSubmatch(c); m != nil {
			run[m[1]] = true
		}
	}
	for _, s := range d.Spans {
		if m := word.FindStringSubmatch(s.Text); m != nil && !run[m[1]] {
			t.Errorf("line %d names %q, and no block runs it", s.Line, s.Text)
		}
	}
}

// What stands in a pipeline for what is one release's in the document.
var values = strings.NewReplacer(
	`"$JUMP"`, "4.2.0-4.3.0", `"$BUNDLE"`, "dist/cloudify-upgrade-4.3.0.rpm", `"$PLATFORM"`, "debian12.x86_64",
	`echo "$PWD/dist/bin" >>"$GITHUB_PATH"`, `export PATH="$PWD/dist/bin:$PATH"`,
)

// whole are the steps that a pipeline must have, in this order.
var whole = []string{
	"make bundler", "bundler check ", "bundler build ", "bundler inspect ", "bundler publish ", "bundler certify ", "bundler publish ",
}

// problems are the commands that are none of the document's, and the steps that were left out.
func problems(d docs.Document, lines []string) []string {
	var out []string
	known, next := commands(d), 0
	for _, line := range lines {
		for _, c := range docs.Commands(values.Replace(line)) {
			if !slices.Contains(known, c) {
				out = append(out, fmt.Sprintf("%q is no command of docs/process.md", c))
			}
			if next < len(whole) && strings.HasPrefix(c+" ", whole[next]) {
				next++
			}
		}
	}
	if next < len(whole) {
		out = append(out, fmt.Sprintf("%q lacks, or stands in the wrong place", whole[next]))
	}
	for _, last := range []string{"matrix", "verify"} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "bundler "+last+" ") }) {
			out = append(out, "nothing runs bundler "+last)
		}
	}
	return out
}

// TestPipelinesThatLie: the checks of the pipelines find what they are there for.
func TestPipelinesThatLie(t *testing.T) {
	t.Parallel()
	d := process(t)
	good := append(slices.Clone(whole), "bundler matrix --check", "bundler verify")
	for _, c := range []struct {
		name string
		line string // in the place of the third
		want string
	}{
		{"a command that nobody tried", "bundler build \"$JUMP\" --fast", "is no command of"},
		{"no build", "", `"bundler build " lacks`},
	} {
		lines := slices.Clone(good)
		lines[2] = c.line
		if got := strings.Join(problems(d, lines), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	if got := strings.Join(problems(d, whole), "\n"); !strings.Contains(got, "nothing runs bundler matrix") {
		t.Error(got)
	}
}

// TestBalanced: a Jenkinsfile that cannot be read is found.
func TestBalanced(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"stage {", "a)\n", "sh 'x", "{(})"} {
		if balanced(bad) == nil {
			t.Errorf("%q is balanced", bad)
		}
	}
}

func TestGitHubActions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/pipelines/github-actions.yml")
	if err != nil {
		t.Fatal(err)
	}
	var w struct {
		On          map[string]any
		Env         map[string]string
		Permissions map[string]string
		Concurrency map[string]any
		Name        string
		Jobs        yaml.MapSlice
	}
	if err := yaml.UnmarshalWithOptions(text, &w, yaml.Strict()); err != nil {
		t.Fatalf("%v", err)
	}
	jobs := map[string]bool{}
	var lines []string
	for _, item := range w.Jobs {
		var j job
		again, err := yaml.Marshal(item.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalWithOptions(again, &j, yaml.Strict()); err != nil {
			t.Fatalf("job %v: %v", item.Key, err)
		}
		jobs[fmt.Sprint(item.Key)] = true
		if j.Needs != "" && !jobs[j.Needs] {
			t.Errorf("job %v needs %s, which does not stand before it", item.Key, j.Needs)
		}
		for _, s := range j.Steps {
			if (s.Run == "") == (s.Uses == "") {
				t.Errorf("job %v: a step is either run or uses: %+v", item.Key, s)
			}
			lines = append(lines, s.Run)
		}
	}
	for _, name := range []string{"KEYS", "STORE", "LEFT", "BUNDLER_KEY", "BUNDLER_PASSPHRASE_FILE", "JUMP", "BUNDLE", "PLATFORM"} {
		if w.Env[name] == "" {
			t.Errorf("no value for %s", name)
		}
	}
	for _, p := range problems(process(t), lines) {
		t.Error(p)
	}
}

// job is what a workflow may say of one, as far as ours does.
type job struct {
	If          string
	Needs       string
	Environment string
	RunsOn      any `yaml:"runs-on"`
	Timeout     int `yaml:"timeout-minutes"`
	Steps       []struct {
		Name, Uses, Run, If string
		With                map[string]any
	}
}

var shell = regexp.MustCompile(`(?m)^\s*sh '([^']*)'$`)

func TestJenkinsfile(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/pipelines/Jenkinsfile")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	var lines []string
	for _, m := range shell.FindAllStringSubmatch(text, -1) {
		lines = append(lines, m[1])
	}
	if n := len(regexp.MustCompile(`\bsh\b\s*['"(]`).FindAllString(text, -1)); n != len(lines) {
		t.Errorf("%d steps sh, of which %d can be read", n, len(lines))
	}
	if err := balanced(text); err != nil {
		t.Error(err)
	}
	for _, p := range problems(process(t), lines) {
		t.Error(p)
	}
}

// balanced counts the brackets outside of strings and comments, as far as Groovy's grammar is used here.
func balanced(text string) error {
	var open []rune
	pairs := map[rune]rune{'}': '{', ')': '(', ']': '['}
	for n, line := range strings.Split(text, "\n") {
		var quote rune
		for i, c := range line {
			switch {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '\'' || c == '"':
				quote = c
			case strings.HasPrefix(line[i:], "//"):
				c = 0
			case strings.ContainsRune("{([", c):
				open = append(open, c)
			case pairs[c] != 0:
				if len(open) == 0 || open[len(open)-1] != pairs[c] {
					return fmt.Errorf("line %d: %c closes nothing", n+1, c)
				}
				open = open[:len(open)-1]
			}
			if c == 0 {
				break
			}
		}
		if quote != 0 {
			return fmt.Errorf("line %d: a string has no end", n+1)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%d brackets are open at the end", len(open))
	}
	return nil
}
