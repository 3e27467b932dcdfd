// Package comments reads what Go source says of its types, for tests that keep schemas and pages equal to them.
package comments

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Read reads the comments of the types in folders of Go source: Type and Type.Field -> text.
func Read(folders ...string) (map[string]string, error) {
	out := reader{}
	err := each(out.file, folders)
	return out, err
}

// Words reads the constants of types of text in folders of Go source: Type -> values, in their order.
func Words(folders ...string) (map[string][]string, error) {
	out := map[string][]string{}
	err := each(func(file *ast.File) {
		for _, d := range file.Decls {
			if decl, ok := d.(*ast.GenDecl); ok && decl.Tok == token.CONST {
				words(out, decl)
			}
		}
	}, folders)
	return out, err
}

func words(out map[string][]string, decl *ast.GenDecl) {
	for _, s := range decl.Specs {
		spec := s.(*ast.ValueSpec) // by the token
		of, ok := spec.Type.(*ast.Ident)
		if !ok || len(spec.Values) != 1 {
			continue
		}
		if text, is := spec.Values[0].(*ast.BasicLit); is && text.Kind == token.STRING {
			if word, err := strconv.Unquote(text.Value); err == nil {
				out[of.Name] = append(out[of.Name], word)
			}
		}
	}
}

// each calls do for every file of source in folders, but for tests.
func each(do func(*ast.File), folders []string) error {
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return fmt.Errorf("read the comments: %w", err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, e.Name()), nil, parser.ParseComments)
			if err != nil {
				return fmt.Errorf("read the comments: %w", err)
			}
			do(file)
		}
	}
	return nil
}

// reader collects comments.
type reader map[string]string

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
