package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"onerpm/test/docs"
)

// usage is what the programs say of themselves.
type usage struct {
	flags    map[string][]string // of each command ("bundler check"): --json
	makefile string
	tests    map[string]string
}

var (
	inHelp  = regexp.MustCompile(`(?m)^\s+(--[a-z-]+)`)
	listed  = regexp.MustCompile(`(?m)^ {2,3}([a-z]+)  `)
	anyFlag = regexp.MustCompile(`^--?[a-zA-Z][a-zA-Z-]*`)
)

var asked struct {
	sync.Mutex
	usage
}

// readUsage builds both programs and asks them, once for all tests.
func readUsage(t *testing.T) usage {
	t.Helper()
	asked.Lock()
	defer asked.Unlock()
	if len(asked.flags) > 0 {
		return asked.usage
	}
	u := usage{flags: map[string][]string{}, tests: tests(t)}
	text, err := os.ReadFile(project + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	u.makefile = string(text)
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = project
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	for name, source := range map[string]string{"bundler": "./bundler", "engine": "./payload-scripts"} {
		program := filepath.Join(dir, name)
		run("go", "build", "-o", program, source)
		help, of := run(program, "--help"), func(command string) string { return run(program, command, "--help") }
		if name == "engine" {
			of = func(command string) string { return run(program, "help", command) }
		} else {
			_, help, _ = strings.Cut(help, "\nCOMMANDS:\n")
		}
		for _, m := range listed.FindAllStringSubmatch(help, -1) {
			if m[1] == "help" {
				continue
			}
			command := name + " " + m[1]
			u.flags[command] = []string{"--help"}
			for _, f := range inHelp.FindAllStringSubmatch(of(m[1]), -1) {
				u.flags[command] = append(u.flags[command], f[1])
			}
		}
	}
	if len(u.flags) < 25 || len(u.flags["bundler certify"]) < 8 || len(u.flags["engine log"]) < 4 {
		t.Fatalf("the help tells of %v", u.flags)
	}
	asked.usage = u
	return u
}

// simple are the simple commands of a line of shell, as words without quotes.
func simple(line string) [][]string {
	out, word, quote, open := [][]string{{}}, "", rune(0), false
	end := func() {
		if open {
			out[len(out)-1] = append(out[len(out)-1], word)
		}
		word, open = "", false
	}
	for _, c := range line + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word += string(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case strings.ContainsRune("|&;()", c):
			end()
			out = append(out, []string{})
		case c == ' ':
			end()
		default:
			word, open = word+string(c), true
		}
	}
	return slices.DeleteFunc(out, func(words []string) bool { return len(words) == 0 })
}

var assignment = regexp.MustCompile(`^[A-Z_0-9]+=`)

// wrong says what the programs do not have of a command; known is whether it is a command that can be looked up at all.
func (u usage) wrong(words []string) (problem string, known bool) {
	for len(words) > 0 && (words[0] == "sudo" || words[0] == "do" || assignment.MatchString(words[0])) {
		words = words[1:]
	}
	if len(words) == 0 {
		return "", true
	}
	switch name := filepath.Base(words[0]); {
	case name == "make":
		return u.wrongMake(words[1:]), true
	case name == "go" && len(words) > 1:
		return u.wrongGo(words[1:]), true
	case strings.HasSuffix(words[0], ".cache/bin/golangci-lint"):
		return exists(words[2:]), len(words) > 2 && words[1] == "run"
	case strings.HasPrefix(words[0], "findings/"):
		return exists(words[:1]), true
	case name == "for" || name == "done" || name == "echo" || words[0] == "$f":
		return "", true
	case name == "bundler":
		return u.wrongFlags("bundler", words[1:]), true
	case name == product || name == "<p>" || name == "engine":
		return u.wrongFlags("engine", words[1:]), true
	}
	return "", false
}

// wrongFlags looks for a command and its flags in the program's own help.
func (u usage) wrongFlags(program string, words []string) string {
	if len(words) == 0 || words[0] == "help" || words[0] == "COMMAND" {
		return ""
	}
	flags, there := u.flags[program+" "+words[0]]
	if !there {
		return fmt.Sprintf("%s has no command %s", program, words[0])
	}
	for _, w := range words[1:] {
		if f := anyFlag.FindString(w); f != "" && !slices.Contains(flags, f) {
			return fmt.Sprintf("%s %s has no %s", program, words[0], f)
		}
	}
	return ""
}

// wrongMake looks for targets, and for the variables that they use.
func (u usage) wrongMake(words []string) string {
	for _, w := range words {
		name, _, isVariable := strings.Cut(w, "=")
		if isVariable && !strings.Contains(u.makefile, "$("+name) {
			return "the Makefile does not use " + name
		}
		if isVariable && name == "TEST" && u.tests[w[len("TEST="):]] == "" {
			return "there is no test " + w[len("TEST="):]
		}
		if !isVariable && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(w)+`:`).MatchString(u.makefile) {
			return "the Makefile has no target " + w
		}
	}
	return ""
}

// wrongGo looks for packages, tests, and the flags of tests.
func (u usage) wrongGo(words []string) string {
	var folders []string
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "./") {
			folders = append(folders, w)
		}
	}
	if len(folders) == 0 {
		return "no package"
	}
	if p := exists(folders); p != "" {
		return p
	}
	if words[0] == "run" {
		return ""
	}
	for i, w := range words {
		in := func(text string) bool {
			found, _ := filepath.Glob(filepath.Join(project, folders[0], "*_test.go"))
			return slices.ContainsFunc(found, func(path string) bool {
				source, err := os.ReadFile(path)
				return err == nil && strings.Contains(string(source), text)
			})
		}
		switch {
		case w == "-update" && !in(`flag.Bool("update"`):
			return folders[0] + " has no -update"
		case w == "-run":
			name, script, isScript := strings.Cut(words[i+1], "/")
			if !in("func " + name) {
				return folders[0] + " has no test " + name
			}
			if isScript {
				return exists([]string{folders[0] + "/testdata/" + script + ".txt"})
			}
		}
	}
	return ""
}

// exists looks for files and folders of the project.
func exists(paths []string) string {
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(project, strings.TrimSuffix(path, "/..."))); err != nil {
			return err.Error()
		}
	}
	return ""
}

// TestCommandsThatAreNotRun: what no test runs is at least what the programs, the Makefile and the tests have.
func TestCommandsThatAreNotRun(t *testing.T) {
	t.Parallel()
	u, n := readUsage(t), 0
	for _, page := range pages(t) {
		for _, b := range page.Blocks {
			if !strings.HasPrefix(b.How, "not run: ") {
				continue
			}
			for _, line := range docs.Commands(b.Text) {
				for _, words := range simple(line) {
					n++
					if p, known := u.wrong(words); p != "" {
						t.Errorf("%s: %s: %s", b, line, p)
					} else if !known {
						t.Errorf("%s: %s: nothing is known of %s", b, line, words[0])
					}
				}
			}
		}
		for _, s := range page.Spans { // inline code: commands with their flags, and make targets
			program, _, _ := strings.Cut(s.Text, " ")
			if program == s.Text || program != "bundler" && program != product && program != "<p>" && program != "make" {
				continue
			}
			n++
			for _, words := range simple(s.Text) {
				if p, _ := u.wrong(words); p != "" {
					t.Errorf("%s:%d: %s: %s", s.File, s.Line, s.Text, p)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d commands were looked up", n)
	}
}

// TestCommandsThatCannotBe: the look-up finds what it is there for.
func TestCommandsThatCannotBe(t *testing.T) {
	t.Parallel()
	u := readUsage(t)
	for line, want := range map[string]string{
		"bundler certify x.rpm --platform el7.x86_64 --via 'ssh root@vm --no' --reset y": "",
		"bundler certify x.rpm --fast":                               "bundler certify has no --fast",
		"bundler certifi x.rpm":                                      "bundler has no command certifi",
		"dist/bin/bundler check && bundler build 1-2 --db":           "bundler build has no --db",
		"cloudify-upgrade wait; echo $?":                             "",
		"cloudify-upgrade status --folow":                            "engine status has no --folow",
		"./opt/cloudify-upgrade/4.2.0/bin/engine look":               "engine has no command look",
		"sudo make host RELEASE=4.1.1":                               "",
		"make hosts":                                                 "no target hosts",
		"make host VERSIONS=4.1.1":                                   "does not use VERSIONS",
		"make e2e TEST=TestNo":                                       "no test TestNo",
		"A=b go test -v ./bundler/internal/cli -run TestScripts/new": "",
		"go test ./bundler/internal/cli -run TestScripts/old":        "old.txt",
		"go test ./bundler/internal/cli -run TestNo":                 "no test TestNo",
		"go test ./bundler/internal/no":                              "no such file",
		"go test ./bundler/internal/sign -update":                    "no -update",
		"findings/no.sh":                                             "no such file",
		".cache/bin/golangci-lint run ./no/...":                      "no such file",
	} {
		got := ""
		for _, words := range simple(line) {
			p, known := u.wrong(words)
			if !known {
				t.Errorf("%s: nothing is known of %q", line, words)
			}
			got += p
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if _, known := u.wrong([]string{"yum", "install"}); known {
		t.Error("yum is looked up")
	}
}

// TestEveryCommandIsInTheReadme: its tables have each command of both programs.
func TestEveryCommandIsInTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(project + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for command := range readUsage(t).flags {
		program, name, _ := strings.Cut(command, " ")
		row := regexp.MustCompile("(?m)^\\| `" + map[string]string{"bundler": "bundler", "engine": product}[program] + " [^|]*\\b" + name + "\\b[^|]*\\|")
		if !row.Match(text) {
			t.Errorf("the README's tables lack %s", command)
		}
	}
}
