package process

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const path = "../../docs/process.md"

func process(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := read(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return d
}

// all returns every command of the document.
func (d document) all() []string {
	var out []string
	for _, b := range d.blocks {
		out = append(out, commands(b.script)...)
	}
	return out
}

var word = regexp.MustCompile(`^bundler ([a-z]+)`)

// TestNothingIsToldThatIsNotRun: a command of the bundler that the text names is one that stands in a block.
func TestNothingIsToldThatIsNotRun(t *testing.T) {
	t.Parallel()
	d := process(t)
	run := map[string]bool{}
	for _, c := range d.all() {
		if m := word.FindStringSubmatch(c); m != nil {
			run[m[1]] = true
		}
	}
	for _, s := range d.spans {
		if m := word.FindStringSubmatch(s); m != nil && !run[m[1]] {
			t.Errorf("the text names %q, and no block runs it", s)
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
	"make bundler engine", "bundler check ", "bundler build ", "bundler inspect ", "bundler publish ", "bundler certify ", "bundler publish ",
}

// problems are the commands that are none of the document's, and the steps that were left out.
func (d document) problems(lines []string) []string {
	var out []string
	known, next := d.all(), 0
	for _, line := range lines {
		for _, c := range commands(values.Replace(line)) {
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
		if got := strings.Join(d.problems(lines), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	if got := strings.Join(d.problems(whole), "\n"); !strings.Contains(got, "nothing runs bundler matrix") {
		t.Error(got)
	}
}

// TestRead: what is written into files is no command, a command may have several lines, and a block that nobody runs is refused.
func TestRead(t *testing.T) {
	t.Parallel()
	d, err := read("# One\n`a b` and\n```sh\n# why\nfirst \\\n   --with\ncat >f <<'EOF'\nsecond\nEOF\nthird\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"first --with", "cat >f <<'EOF'", "third"}; !slices.Equal(d.all(), want) {
		t.Errorf("commands %q, want %q", d.all(), want)
	}
	if len(d.blocks) != 1 || d.blocks[0].heading != "One" || d.blocks[0].line != 4 || !slices.Equal(d.spans, []string{"a b"}) {
		t.Errorf("%+v", d)
	}
	for _, bad := range []string{"```\nfirst\n```\n", "```console\n$ first\n```\n", "```sh\nfirst\n"} {
		if _, err := read(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
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
	for _, p := range process(t).problems(lines) {
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
	for _, p := range process(t).problems(lines) {
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
