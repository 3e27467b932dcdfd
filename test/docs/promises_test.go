package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onerpm/test/docs"
)

// promise is what a page says, and who shows it.
type promise struct {
	page, text string
	line       int
	shown      []string // "TestX FILE "TEXT"", or why it need not be
}

var (
	shownBy = regexp.MustCompile(`^(Test\w+) (\S+) "(.+)"$`)
	about   = regexp.MustCompile(`(?i)certif|\bagents?\b`)
	whole   = []string{"docs/agents.md", "docs/certification.md"} // pages of which each sentence counts
)

// readPromises reads testdata/promises.txt.
func readPromises(text string) (all []promise, err error) {
	page, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if name, is := strings.CutPrefix(line, "== "); is {
			page = name
		} else if said, is := strings.CutPrefix(line, "* "); is && page != "" {
			all = append(all, promise{page: page, text: said, line: n})
		} else if by, is := strings.CutPrefix(line, "  "); is && len(all) > 0 {
			all[len(all)-1].shown = append(all[len(all)-1].shown, by)
		} else if line != "" && page != "" {
			return nil, fmt.Errorf("line %d: %q is neither a page, nor a sentence, nor who shows it", n, line)
		}
	}
	return all, nil
}

// unshown says what is wrong with who shows a promise.
func (p promise) unshown(t *testing.T) (problems []string) {
	t.Helper()
	if len(p.shown) == 0 {
		return []string{"nobody shows it"}
	}
	for _, by := range p.shown {
		if !strings.HasPrefix(by, "Test") {
			if len(p.shown) > 1 {
				problems = append(problems, by+": no test, and not the only reason")
			}
			continue
		}
		m := shownBy.FindStringSubmatch(by)
		if m == nil {
			problems = append(problems, by+`: not "TestX FILE "TEXT""`)
			continue
		}
		text, err := os.ReadFile(filepath.Join(project, m[2]))
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		in, folder := string(text), ""
		switch {
		case strings.HasSuffix(m[2], ".txt"): // a script, which the test beside its folder runs
			folder = filepath.Dir(filepath.Dir(m[2]))
		case !strings.Contains(in, "\nfunc Test"): // a table, which the test beside it runs
			folder = filepath.Dir(m[2])
		}
		if folder != "" {
			beside, _ := filepath.Glob(filepath.Join(project, folder, "*_test.go"))
			in = ""
			for _, path := range beside {
				source, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				in += string(source)
			}
		}
		if !strings.Contains(in, "func "+m[1]+"(t *testing.T)") {
			problems = append(problems, by+": there is no such test")
		}
		if !strings.Contains(string(text), m[3]) {
			problems = append(problems, by+": the file does not have this text")
		}
	}
	return problems
}

// TestPromises: what the pages say of certification and agents is shown by a test, or promises nothing.
func TestPromises(t *testing.T) {
	t.Parallel()
	const file = "testdata/promises.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readPromises(string(text))
	if err != nil || len(all) < 100 {
		t.Fatalf("%s: %d promises, %v", file, len(all), err)
	}
	kept := make([]bool, len(all))
	for name, page := range pages(t) {
		switch name {
		case "docs/keys.md", // made of the schemas, which their tests hold to what is read
			"docs/random-run.md": // made of what trials met
			continue
		}
		for _, s := range page.Sentences(name) {
			told := false
			for i, p := range all {
				if p.page == name && strings.Contains(s.Text, p.text) {
					told, kept[i] = true, true
				}
			}
			if !told && (slices.Contains(whole, name) || about.MatchString(s.Text)) {
				t.Errorf("%s:%d: nobody shows: %s", s.File, s.Line, s.Text)
			}
		}
	}
	for i, p := range all {
		if !kept[i] {
			t.Errorf("%s:%d: %s does not say this: %s", file, p.line, p.page, p.text)
		}
		for _, problem := range p.unshown(t) {
			t.Errorf("%s:%d: %s", file, p.line, problem)
		}
	}
}

// TestPromisesThatNobodyKeeps: the check finds what it is there for.
func TestPromisesThatNobodyKeeps(t *testing.T) {
	t.Parallel()
	all, err := readPromises("a head\n* that does not count\n== docs/a.md\n* one\n  TestGate bundler/internal/repo/gate_test.go \"let in\"\n" +
		"* two\n  TestGate bundler/internal/repo/gate_test.go \"no such text\"\n* three\n  TestNo bundler/internal/repo/gate_test.go \"let in\"\n* four\n" +
		"* five\n  TestGate no_test.go \"let in\"\n* six\n  TestGate\n* seven\n  a link\n* eight\n  a link\n  advice\n* nine\n  TestNo bundler/internal/cli/testdata/gate.txt \"stable\"\n" +
		"* ten\n  TestHarms test/harms/table_test.go \"kinds\"\n* eleven\n  TestNo test/harms/table_test.go \"kinds\"\n")
	if err != nil || len(all) != 11 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, want := range []string{"", "does not have this text", "no such test", "nobody shows it", "no such file", "not \"TestX", "", "no test, and not the only reason", "no such test", "", "no such test"} {
		if got := strings.Join(all[i].unshown(t), "; "); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", all[i].text, got, want)
		}
	}
	if _, err := readPromises("== docs/a.md\nsomething\n"); err == nil {
		t.Error("a line of no known kind is taken")
	}
}

// TestSentences: a page's text comes apart at the ends of sentences, items and rows.
func TestSentences(t *testing.T) {
	t.Parallel()
	d, err := docs.Read("a.md", "# No sentence\nOne, e.g. this,\nand on. **Two.** `three` is (it is). Four?\n\n- five\n  goes on\n- six. Seven\n\n| a | b |\n| --- | --- |\n| eight | nine. Ten |\n```sh here\nls\n```\nEleven\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range d.Sentences("a.md") {
		got = append(got, fmt.Sprintf("%d %s", s.Line, s.Text))
	}
	want := []string{"2 One, e.g. this, and on.", "2 **Two.**", "2 `three` is (it is).", "2 Four?", "5 five goes on", "7 six.", "7 Seven", "11 | eight | nine. Ten |", "15 Eleven"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
