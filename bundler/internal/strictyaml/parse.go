package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"onerpm/bundler/internal/mistake"
)

// The limits of a file. The YAML parser takes time that grows with the square of
// what it is given, so they are not far above what people write.
const (
	MaxBytes = 128 << 10
	maxLines = 4000
	maxMarks = 20000 // characters that may mean something in YAML
	maxDepth = 40    // of brackets, or of "- " and "? " at the start of one line
)

const marks = "[]{},:\"'&*!?|>#" // and a - before a space

// parse returns the body of the first document in src, nil when there is none or it
// is no YAML, and what is wrong with the file as a whole.
func parse(file string, src []byte) (ast.Node, *mistake.Mistake) {
	if m := bound(file, src); m != nil {
		return nil, m
	}
	tree, err := parseSafely(src)
	if err != nil {
		m := &mistake.Mistake{File: file, What: "not YAML: " + strings.TrimSpace(err.Error())}
		if syntax := yaml.Error(nil); errors.As(err, &syntax) {
			m.What = "not YAML: " + syntax.GetMessage()
			if tk := syntax.GetToken(); tk != nil && tk.Position != nil {
				m.Line, m.Column = tk.Position.Line, max(tk.Position.Column, 1)
			}
		}
		return nil, m
	}
	var body ast.Node
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if _, comment := doc.Body.(*ast.CommentGroupNode); comment {
			continue
		}
		if body != nil {
			line, column := place(doc.Body)
			if doc.Start != nil && doc.Start.Position != nil {
				line, column = doc.Start.Position.Line, doc.Start.Position.Column
			}
			return body, &mistake.Mistake{File: file, Line: line, Column: column,
				What: "a second document starts here", Allowed: "a file holds one document"}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, &mistake.Mistake{File: file, Line: 1, Column: 1, What: "the file is empty"}
	}
	return body, nil
}

// parseSafely turns a panic of the parser, which foreign bytes may cause, into an
// error. The parser counts a line that ends in a comment and \r\n twice, so it gets \n.
func parseSafely(src []byte) (tree *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			tree, err = nil, fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	return parser.ParseBytes(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n")), 0, parser.AllowDuplicateMapKey())
}

// bound refuses what would be too much for the parser, before it sees it.
func bound(file string, src []byte) *mistake.Mistake {
	if len(src) > MaxBytes {
		return &mistake.Mistake{File: file, What: fmt.Sprintf("the file has %d bytes", len(src)),
			Allowed: fmt.Sprintf("at most %d", MaxBytes)}
	}
	open, number, count := 0, 0, 0
	for line := range bytes.Lines(src) {
		number++
		at := func(i int, what, allowed string) *mistake.Mistake {
			return &mistake.Mistake{File: file, Line: number, Column: utf8.RuneCount(line[:i]) + 1, What: what, Allowed: allowed}
		}
		if number > maxLines {
			return at(0, "the file is too long", fmt.Sprintf("at most %d lines", maxLines))
		}
		if i := badByte(line); i >= 0 {
			return at(i, fmt.Sprintf("byte 0x%02x is no text", line[i]), "a file is UTF-8 without control characters")
		}
		if n := bytes.Count(line, []byte("- ")) + bytes.Count(line, []byte("? ")); n > maxDepth && len(bytes.Trim(line, "-? \r\n")) == 0 {
			return at(0, "nested too deeply", fmt.Sprintf("at most %d levels", maxDepth))
		}
		for i, c := range line {
			if strings.IndexByte(marks, c) >= 0 || c == '-' && i+1 < len(line) && line[i+1] <= ' ' {
				count++
			}
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			}
			if count > maxMarks {
				return at(i, "the file has too many values", fmt.Sprintf("at most %d of the characters %s", maxMarks, marks))
			}
			if open > maxDepth {
				return at(i, "nested too deeply", fmt.Sprintf("at most %d brackets may be open", maxDepth))
			}
		}
	}
	return nil
}

func badByte(line []byte) int {
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && n == 1 || r == 0x7f || r < 0x20 && r != '\t' && r != '\n' && (r != '\r' || !bytes.HasPrefix(line[i:], []byte("\r\n"))) {
			return i
		}
		i += n
	}
	return -1
}

// place is where a person would say that a node starts.
func place(n ast.Node) (line, column int) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.Start != nil && n.Start.Value == "{" {
			break
		}
		if len(n.Values) > 0 {
			return place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(n.Key)
	}
	if n == nil {
		return 0, 0
	}
	tk := n.GetToken()
	if tk == nil || tk.Position == nil {
		return 0, 0
	}
	return tk.Position.Line, max(tk.Position.Column, 1)
}
