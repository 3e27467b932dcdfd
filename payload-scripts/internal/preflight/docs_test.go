package preflight

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryFindingIsInTheDocs looks for IDs in the source of the whole engine, and
// for IDs in the docs that no source has.
func TestEveryFindingIsInTheDocs(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{AlreadyNew: "preflight.go"}
	literal := regexp.MustCompile(`(?:finding\.Finding\{\{?ID: |\tID: |\tadd\(|\tc\.refuse\(|return refuse\(|, refuse\()"([a-z][a-z-]*[a-z])"`)
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range literal.FindAllSubmatch(source, -1) {
			ids[string(m[1])] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) < 25 {
		t.Errorf("only %d IDs were found in the source", len(ids))
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllSubmatch(docs, -1) {
		id := string(m[1])
		documented[id] = true
		if ids[id] == "" {
			t.Errorf("docs/findings.md lists %s, which no source has", id)
		}
	}
	for id, path := range ids {
		if !documented[id] {
			t.Errorf("%s of %s is not in docs/findings.md", id, path)
		}
	}
}
