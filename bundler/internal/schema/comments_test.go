package schema_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"onerpm/bundler/internal/schema"
)

// reader collects comments.
type reader schema.Comments

// readComments reads the comments of the types in folders of Go source.
func readComments(folders ...string) (schema.Comments, error) {
	out := reader{}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, fmt.Errorf("read the comments: %w", err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, e.Name()), nil, parser.ParseComments)
			if err != nil {
				return nil, fmt.Errorf("read the comments: %w", err)
			}
			out.file(file)
		}
	}
	return schema.Comments(out), nil
}

func (c reader) file(file *ast.File) {
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.TypeSpec) // by the token
			if structure, is := spec.Type.(*ast.StructType); is {
				c.structure(spec.Name.Name, oneLine(decl.Doc, spec.Doc), structure)
			}
		}
	}
}

// structure notes a struct and its fields; one without a name is called after its field.
func (c reader) structure(name, text string, s *ast.StructType) {
	if text != "" {
		if rest, is := strings.CutPrefix(text, name+" "); is { // "Service is a unit" is about the Go type
			text = withoutVerb(rest)
		}
		c[name] = upper(text)
	}
	for _, f := range s.Fields.List {
		for _, n := range f.Names {
			said := oneLine(f.Doc, f.Comment)
			if said != "" {
				if rest, is := strings.CutPrefix(said, n.Name+" "); is {
					said = withoutVerb(rest)
				}
				c[name+"."+n.Name] = upper(strings.TrimPrefix(said, n.Name+": "))
			}
			inner := f.Type
			if list, is := inner.(*ast.ArrayType); is {
				inner = list.Elt
			}
			if nested, is := inner.(*ast.StructType); is {
				c.structure(n.Name, "", nested)
			}
		}
	}
}

// withoutVerb leaves out what only makes a sentence of a Go comment.
func withoutVerb(text string) string {
	for _, verb := range []string{"is ", "are ", "tells ", "names ", "name "} {
		if rest, is := strings.CutPrefix(text, verb); is {
			return rest
		}
	}
	return text
}

// oneLine joins comments into one line of text.
func oneLine(groups ...*ast.CommentGroup) string {
	var parts []string
	for _, g := range groups {
		parts = append(parts, strings.Fields(g.Text())...)
	}
	return strings.Join(parts, " ")
}

func upper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
