package preflight

import (
	"go/ast"
	"go/parser"
	"go/token"
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
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id := idOf(n); id != "" {
				ids[id] = path
			}
			return true
		})
		return nil
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

// idOf returns the ID that a piece of source makes a finding with: a field ID in a literal, or the first argument of
// add or refuse. "" when it makes none.
func idOf(n ast.Node) string {
	var value ast.Expr
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "ID" {
			value = n.Value
		}
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		if (name == "add" || name == "refuse") && len(n.Args) > 0 {
			value = n.Args[0]
		}
	}
	text, ok := value.(*ast.BasicLit)
	if !ok || text.Kind != token.STRING || !regexp.MustCompile(`^"[a-z][a-z-]*[a-z]"$`).MatchString(text.Value) {
		return ""
	}
	return strings.Trim(text.Value, `"`)
}
