// Package envsyntax reads env files, and writes their values and lines.
package envsyntax

import (
	"regexp"
	"strconv"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// assignment is KEY=, with what may stand before it and with blanks around the sign.
var assignment = regexp.MustCompile(`^[ \t]*(export[ \t]+)?([A-Za-z0-9_][A-Za-z0-9_.-]*)([ \t]*=[ \t]*)`)

// section heads the keys of an INI file that follow.
var section = regexp.MustCompile(`^[ \t]*\[[ \t]*([^\[\]]*[^\[\] \t])[ \t]*\][ \t]*$`)

// Parse reads a file of KEY=value lines as systemd and shells read them: a value
// may be quoted, in parts too, and go over lines in quotes or by a backslash. Of a key
// that stands twice the last one holds. Below a line [s] the keys are named s.KEY. A
// line that is neither that nor a comment is a key of its own, of the kind Line.
func Parse(src []byte) (*syntax.Node, error) {
	root := &syntax.Node{Kind: syntax.Mapping, End: len(src)}
	text := string(src)
	prefix, same, known := "", map[string]int{}, map[string]*syntax.Entry{}
	for pos := syntax.BOM(text); pos < len(text); {
		eol := syntax.LineEnd(text, pos)
		line := text[pos:eol]
		m := assignment.FindStringSubmatchIndex(line)
		if m == nil {
			end := syntax.NextLine(text, eol)
			if m := section.FindStringSubmatch(line); m != nil {
				prefix = m[1] + "."
			}
			if body := strings.TrimSpace(line); body != "" && body[0] != '#' && body[0] != ';' {
				same[body]++
				root.Keys = append(root.Keys, &syntax.Entry{
					Key: LineKey(body, same[body]), Lines: [][2]int{{pos, end}},
					Value: &syntax.Node{Kind: syntax.Line, Text: body, Section: prefix, Start: pos + strings.Index(line, body), End: pos + strings.Index(line, body) + len(body)},
				})
			}
			pos = end
			continue
		}
		e := &syntax.Entry{Key: prefix + line[m[4]:m[5]], Start: pos + m[4], End: pos + m[5], Colon: pos + m[1]}
		var err error
		if e.Value, err = readValue(text, pos+m[1], m[2] >= 0); err != nil {
			return nil, syntax.ErrorAt(text, pos, "%s: %s", e.Key, err)
		}
		e.Value.Sep, e.Value.Section, e.Value.Exported = line[m[6]:m[7]], prefix, m[2] >= 0
		end := syntax.NextLine(text, syntax.LineEnd(text, e.Value.End))
		e.Lines = [][2]int{{pos, end}}
		pos = end
		if old := known[e.Key]; old != nil {
			lines := append(old.Lines, e.Lines[0]) //nolint:gocritic // old is replaced by e
			*old = *e
			old.Lines = lines
			continue
		}
		root.Keys = append(root.Keys, e)
		known[e.Key] = e
	}
	return root, nil
}

// LineKey is the key of the n-th line (from 1) with a text, which no assignment can have.
func LineKey(text string, n int) string { return "\n" + text + "\n" + strconv.Itoa(n) }
