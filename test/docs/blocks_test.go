package docs_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onerpm/test/docs"
)

const project = "../.."

// pages are the documents that tell people what to run.
func pages(t *testing.T) map[string]docs.Document {
	t.Helper()
	files, err := filepath.Glob(project + "/docs/*.md")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d pages in docs, %v", len(files), err)
	}
	all := map[string]docs.Document{}
	for _, path := range append(files, project+"/README.md", project+"/CONTRIBUTING.md", project+"/SECURITY.md", project+"/findings/README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(project, path)
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = docs.Read(name, string(text)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// blocks are those of all pages that are tried in a certain way, in their order on each page.
func blocks(t *testing.T, how string) map[string][]docs.Block {
	t.Helper()
	out := map[string][]docs.Block{}
	for name, page := range pages(t) {
		for _, b := range page.Blocks {
			if b.How == how {
				out[name] = append(out[name], b)
			}
		}
	}
	return out
}

// tests are the names of all tests in the project, and the text of the packages that they are in.
func tests(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	name := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(project, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{".git", ".cache", "dist"}, d.Name()) {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range name.FindAllSubmatch(text, -1) {
			out[string(m[1])] += string(text)
		}
		return err
	})
	if err != nil || len(out) < 100 {
		t.Fatalf("%d tests, %v", len(out), err)
	}
	return out
}

var testName = regexp.MustCompile(`^Test[A-Z]\w*$`)

// problem says what is wrong with how a block is tried; before is the block above it on the page.
func problem(b, before docs.Block, tests map[string]string) string {
	if testName.MatchString(b.How) {
		switch text := tests[b.How]; {
		case text == "":
			return "there is no test " + b.How
		case !strings.Contains(text, filepath.Base(b.File)):
			return b.How + " does not read this page"
		}
		return ""
	}
	why, notRun := strings.CutPrefix(b.How, "not run: ")
	switch b.Language {
	case "sh":
		if b.How != "here" && b.How != "machine" && !notRun {
			return "who runs these commands? (the package's comment says what to write behind sh)"
		}
		if notRun && len(strings.Fields(why)) < 3 {
			return "why are these commands not run?"
		}
	case "text":
		if b.How != "output" && b.How != "drawing" {
			return "who compares this text? (the package's comment says what to write behind text)"
		}
		if b.How == "output" && (before.Language != "sh" || before.How != "here" && before.How != "machine") {
			return "it is to be what the block before it prints, and that is not run"
		}
	case "mermaid", "go":
	case "json":
		var v any
		text := strings.TrimSpace(b.Text)
		if !strings.HasPrefix(text, "{") {
			text = "{" + text + "}" // a part of a file
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return err.Error()
		}
	case "yaml", "sql", "http":
		return "which test reads this example?"
	default:
		return "a block of " + b.Language + ": commands are sh, what is shown is text"
	}
	if b.Language != "sh" && b.Language != "text" && b.How != "" {
		return "only a test's name may stand behind " + b.Language
	}
	return ""
}

func TestEveryBlockIsTried(t *testing.T) {
	t.Parallel()
	known, n := tests(t), 0
	for _, page := range pages(t) {
		var before docs.Block
		for _, b := range page.Blocks {
			if p := problem(b, before, known); p != "" {
				t.Errorf("%s: %s", b, p)
			}
			before = b
			n++
		}
	}
	if n < 50 {
		t.Errorf("only %d blocks were found", n)
	}
}

// TestBlocksThatNobodyTries: the check finds what it is there for.
func TestBlocksThatNobodyTries(t *testing.T) {
	t.Parallel()
	known := map[string]string{"TestPage": "reads page.md", "TestOther": ""}
	for text, want := range map[string]string{
		"```\nls\n```":                                      "a block of ",
		"```sh\nls\n```":                                    "who runs",
		"```console here\nls\n```":                          "a block of console",
		"```sh not run:\nls\n```":                           "who runs",
		"```sh not run: so\nls\n```":                        "why",
		"```sh not run: it takes a day\nls\n```":            "",
		"```sh here\nls\n```":                               "",
		"```sh machine\nls\n```":                            "",
		"```sh TestPage\nls\n```":                           "",
		"```sh TestNo\nls\n```":                             "there is no test",
		"```text\nx\n```":                                   "who compares",
		"```text output\nx\n```":                            "that is not run",
		"```sh here\nls\n```\n\n```text output\nx\n```":     "",
		"```sh TestPage\nls\n```\n\n```text output\nx\n```": "that is not run",
		"```text drawing\nx\n```":                           "",
		"```yaml\na: 1\n```":                                "which test",
		"```yaml here\na: 1\n```":                           "which test",
		"```go here\nf()\n```":                              "only a test",
		"```json\n\"a\": 1\n```":                            "",
		"```json\n\"a\"\n```":                               "invalid",
	} {
		d, err := docs.Read("docs/page.md", text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		var before docs.Block
		if len(d.Blocks) > 1 {
			before = d.Blocks[0]
		}
		if got := problem(d.Blocks[len(d.Blocks)-1], before, known); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	b := docs.Block{File: "docs/another.md", Language: "sh", How: "TestPage"}
	if got := problem(b, docs.Block{}, known); !strings.Contains(got, "does not read this page") {
		t.Errorf("%q", got)
	}
}

// TestRead: what is written into files is no command, a command may have several lines, and a block ends.
func TestRead(t *testing.T) {
	t.Parallel()
	d, err := docs.Read("a.md", "# One\n`a b` and\n```sh not run: so\n# why\nfirst \\\n   --with  # so much\ncat >f <<'EOF'\nsecond\nEOF\nthird\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Blocks) != 1 || d.Blocks[0].String() != "a.md:4" || d.Blocks[0].Heading != "One" || d.Blocks[0].Language != "sh" || d.Blocks[0].How != "not run: so" ||
		len(d.Spans) != 1 || d.Spans[0].Text != "a b" || d.Spans[0].Line != 2 {
		t.Fatalf("%+v", d)
	}
	if got, want := docs.Commands(d.Blocks[0].Text), []string{"first --with", "cat >f <<'EOF'", "third"}; !slices.Equal(got, want) {
		t.Errorf("commands %q, want %q", got, want)
	}
	if _, err := docs.Read("a.md", "```sh\nfirst\n"); err == nil {
		t.Error("a block without an end is taken")
	}
}
