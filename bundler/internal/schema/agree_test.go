package schema_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
)

// place is a key of a document: where its mapping stands, and how it is reached.
type place struct {
	name   string
	parent map[string]any
	key    string
}

func places(doc any, name string) []place {
	var out []place
	switch doc := doc.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(doc)) {
			out = append(out, place{name + "." + key, doc, key})
			out = append(out, places(doc[key], name+"."+key)...)
		}
	case []any:
		for i, v := range doc {
			if i < 2 && (i < 1 || !strings.Contains(name, "components")) { // the others are of the same type
				out = append(out, places(v, fmt.Sprintf("%s[%d]", name, i))...)
			}
		}
	}
	return out
}

// What the schemas refuse, Load refuses, and what Load says is missing, unknown or of
// the wrong kind, the schemas refuse: every key of the project's files is left out,
// spelt wrong, and given a value of another kind, one after the other.
func TestSchemasAgreeWithCheck(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"versions/product.yaml", "versions/4.2.0.yaml", "versions/installed-base.yaml", "specs/4.1.1-4.2.0/upgrade.yaml"} {
		t.Run(strings.ReplaceAll(file, "/", "-"), func(t *testing.T) {
			t.Parallel()
			agree(t, project(t), file)
		})
	}
}

// project copies the project's files, with two migrations for each jump, tables and the rows that others refer to: it is read
// a thousand times.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"versions", "specs"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	migrations, err := filepath.Glob(filepath.Join(dir, "specs/*/migrations/*_expand_*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, m := range migrations {
		if seen[filepath.Dir(m)]++; seen[filepath.Dir(m)] > 2 {
			if err := os.Remove(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// agree changes every key of a file in every way, and compares what both say.
func agree(t *testing.T, dir, file string) {
	path := filepath.Join(dir, file)
	s, doc := compiled(t, kindOf(path)), read(t, path)
	for _, p := range places(doc, "") {
		value := p.parent[p.key]
		for what, change := range map[string]func(){
			"left out":  func() { delete(p.parent, p.key) },
			"misspelt":  func() { delete(p.parent, p.key); p.parent[p.key+"x"] = value },
			"a list":    func() { p.parent[p.key] = []any{[]any{1}} },
			"a mapping": func() { p.parent[p.key] = map[string]any{"no such": "key"} },
			"odd text":  func() { p.parent[p.key] = "-!" },
		} {
			change()
			refused := valid(t, s, doc)
			text, err := yaml.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			said := mistakesOf(t, dir, file)
			switch {
			case refused != nil && said == nil:
				t.Errorf("%s %s: the schema refuses what check admits: %v", p.name, what, refused)
			case refused == nil && slices.ContainsFunc(said, plainMistake):
				t.Errorf("%s %s: the schema admits what check refuses: %v", p.name, what, said)
			}
			delete(p.parent, p.key+"x")
			p.parent[p.key] = value
		}
	}
}

// mistakesOf returns what check says of the project.
func mistakesOf(t *testing.T, dir, file string) []string {
	t.Helper()
	_, err := release.Load(dir)
	if err == nil {
		return nil
	}
	var list mistake.List
	if !errors.As(err, &list) {
		t.Fatalf("%s: %v", file, err)
	}
	var out []string
	for _, m := range list {
		out = append(out, m.String())
	}
	return out
}

// plainMistake reports whether a mistake needs no look at anything else to be found: a source
// may stand elsewhere, and which hooks need an undo depends on their phase.
func plainMistake(m string) bool {
	if strings.Contains(m, ": no source") || strings.Contains(m, ": no undo") {
		return false
	}
	for _, part := range []string{": no ", ": unknown key ", " is expected", " is neither old nor new", " is no duration", " is no whole number", " is not a valid "} {
		if strings.Contains(m, part) {
			return true
		}
	}
	return false
}
