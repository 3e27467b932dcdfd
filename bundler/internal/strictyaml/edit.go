package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Change sets one key of one mapping.
type Change struct {
	Path  []any    // of the mapping
	Key   string   //
	Value string   // as it is to stand in the file
	After []string // when the key is new: it goes behind the first of these that the mapping has
}

// Edit makes the changes in the text that Decode read, and touches nothing else of
// it: comments, order, quotes and line ends stay. Values that are replaced, and
// those behind which a key is put, must stand on one line. Nothing is made when
// one change cannot be.
func (d *Doc) Edit(src []byte, changes []Change) ([]byte, error) {
	var cuts []cut
	lines := strings.SplitAfter(string(src), "\n")
	for _, c := range changes {
		one, err := d.cut(lines, c)
		if err != nil {
			return nil, fmt.Errorf("%s: set %s of %s: %w", d.File, c.Key, Path(c.Path...), err)
		}
		cuts = append(cuts, one)
	}
	slices.SortStableFunc(cuts, func(a, b cut) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.from, b.from))
	})
	var out strings.Builder
	for i, line := range lines {
		done := 0
		for _, c := range cuts {
			if c.line == i {
				out.WriteString(line[done:c.from] + c.text)
				done = c.to
			}
		}
		out.WriteString(line[done:])
	}
	return []byte(out.String()), nil
}

// cut replaces the bytes from up to to of a line (from 0) by text.
type cut struct {
	line, from, to int
	text           string
}

func (d *Doc) cut(lines []string, c Change) (cut, error) {
	pairs, ok := (&decoder{doc: d}).pairs(d.nodes[Path(c.Path...)])
	if !ok {
		return cut{}, fmt.Errorf("there is no such mapping")
	}
	find := func(key string) *ast.MappingValueNode {
		for _, p := range pairs {
			if p.key == key {
				return p.node
			}
		}
		return nil
	}
	if node := find(c.Key); node != nil {
		at, err := spanOf(lines, node.Value)
		at.text = c.Value
		return at, err
	}
	for _, key := range c.After {
		node := find(key)
		if node == nil {
			continue
		}
		at, err := spanOf(lines, node.Value)
		if err != nil {
			return cut{}, err
		}
		if flow, is := d.nodes[Path(c.Path...)].(*ast.MappingNode); is && flow.Start != nil && flow.Start.Value == "{" {
			return cut{at.line, at.to, at.to, ", " + c.Key + ": " + c.Value}, nil
		}
		return insertAfter(lines, at.line, node, c), nil
	}
	return cut{}, fmt.Errorf("it has none of the keys %s", strings.Join(c.After, ", "))
}

// insertAfter puts a new line after the one on which a key of a block mapping stands.
func insertAfter(lines []string, line int, sibling *ast.MappingValueNode, c Change) cut {
	_, column := place(sibling.Key)
	end := "\n"
	if strings.HasSuffix(lines[line], "\r\n") {
		end = "\r\n"
	}
	entry := strings.Repeat(" ", column-1) + c.Key + ": " + c.Value
	at := len(lines[line])
	if strings.HasSuffix(lines[line], "\n") {
		return cut{line, at, at, entry + end}
	}
	return cut{line, at, at, end + entry}
}

// spanOf finds the bytes of a scalar in the text.
func spanOf(lines []string, n ast.Node) (cut, error) {
	line, column := place(n)
	if _, block := n.(*ast.LiteralNode); block || !isScalar(n) || line < 1 || line > len(lines) {
		return cut{}, fmt.Errorf("its value is not one value on one line")
	}
	raw := strings.TrimSpace(n.GetToken().Origin)
	from := byteOffset(lines[line-1], column)
	if raw == "" || strings.ContainsAny(raw, "\r\n") || !strings.HasPrefix(lines[line-1][from:], raw) {
		return cut{}, fmt.Errorf("its value is not one value on one line")
	}
	return cut{line: line - 1, from: from, to: from + len(raw)}, nil
}

// byteOffset turns a column, counted in characters from 1, into bytes from 0.
func byteOffset(line string, column int) int {
	n := 1
	for i := range line {
		if n == column {
			return i
		}
		n++
	}
	return len(line)
}
