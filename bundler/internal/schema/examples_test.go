package schema_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/test/docs"
)

// Where the parts of a file that pages show stand in it.
var within = map[string]string{"  - unit: ": "services:\n", "    - run: ": "hooks:\n  switch:\n"}

// TestExamples: what pages show of a release's or a jump's file is what the schemas take: each key is there, and has such a value.
func TestExamples(t *testing.T) {
	t.Parallel()
	n := 0
	for _, page := range []string{"agents.md", "certification.md", "hooks.md", "starting-a-project.md", "writing-a-jump.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		d, err := docs.Read("docs/"+page, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range d.Blocks {
			if b.How != "TestExamples" {
				continue
			}
			n++
			if err := example(t, b.Text); err != nil {
				t.Errorf("%s: %v", b, err)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d examples were found", n)
	}
	for text, want := range map[string]string{
		"  - unit: nginx\n    holt: [ 80 ]\n": "holt", "moves:\n  - { from: 7, into: /a }\n": "from", "version: 1\nplatform: el7\n": "platform",
		"product: A\nprefix: B\nvendor: C\nlicense: MIT\n": "prefix", "installed: [ { release: 1, customer: 2 } ]\n": "customer",
		"# yaml-language-server: $schema=../../schemas/jump.schema.json\n": "jump.schema.json",
	} {
		if err := example(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

var (
	named   = regexp.MustCompile(`schemas/([a-z-]+\.schema\.json)`)
	leftOut = regexp.MustCompile(`(?m)^.*: \.\.\. *(#.*)?\n`) // a value that the reader can imagine
)

// example judges a block: a part of a file, or what an editor is told of the schemas.
func example(t *testing.T, text string) error {
	t.Helper()
	if names := named.FindAllStringSubmatch(text, -1); names != nil {
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(root, "bundler", "schemas", name[1])); err != nil {
				return err
			}
		}
		return nil
	}
	for begins, above := range within {
		if strings.HasPrefix(text, begins) {
			text = above + text
		}
	}
	file, whole := "upgrade", map[string]any{"from": "1.0", "to": "2.0", "revision": 1, "limits": map[string]any{"window": "60s", "lock_timeout": "3s"}}
	for begins, is := range map[string]string{"version:": "release", "product:": "product", "installed:": "installed-base"} {
		if strings.HasPrefix(text, begins) {
			file, whole = is, map[string]any{}
		}
	}
	var part map[string]any
	if err := yaml.Unmarshal([]byte(leftOut.ReplaceAllString(text, "")), &part); err != nil {
		return err
	}
	maps.Copy(whole, part)
	return valid(t, compiled(t, file), whole)
}
