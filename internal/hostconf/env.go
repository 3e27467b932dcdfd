package hostconf

import (
	"regexp"
	"strconv"
	"strings"
)

// assignment is KEY=, with what may stand before it and with blanks around the sign.
var assignment = regexp.MustCompile(`^[ \t]*(export[ \t]+)?([A-Za-z0-9_][A-Za-z0-9_.-]*)([ \t]*=[ \t]*)`)

// section heads the keys of an INI file that follow.
var section = regexp.MustCompile(`^[ \t]*\[[ \t]*([^\[\]]*[^\[\] \t])[ \t]*\][ \t]*$`)

// parseEnv reads a file of KEY=value lines as systemd and shells read them: a value
// may be quoted, in parts too, and go over lines in quotes or by a backslash. Of a key
// that stands twice the last one holds. Below a line [s] the keys are named s.KEY. A
// line that is neither that nor a comment is a key of its own, of the kind Line.
func parseEnv(src []byte) (*Node, error) {
	root := &Node{Kind: Mapping, end: len(src), index: map[string]*Entry{}}
	text := string(src)
	prefix, same := "", map[string]int{}
	for pos := bom(text); pos < len(text); {
		eol := lineEnd(text, pos)
		line := text[pos:eol]
		m := assignment.FindStringSubmatchIndex(line)
		if m == nil {
			end := next(text, eol)
			if body := strings.TrimSpace(line); body != "" && body[0] != '#' && body[0] != ';' {
				same[body]++
				root.Keys = append(root.Keys, &Entry{
					Key: LineKey(body, same[body]), start: pos, end: end,
					Value: &Node{Kind: Line, Text: body, start: pos + strings.Index(line, body), end: pos + strings.Index(line, body) + len(body)},
				})
				root.index[LineKey(body, same[body])] = root.Keys[len(root.Keys)-1]
			}
			if m := section.FindStringSubmatch(line); m != nil {
				prefix = m[1] + "."
			}
			pos = end
			continue
		}
		e := &Entry{Key: prefix + line[m[4]:m[5]], start: pos, colon: pos + m[1]}
		var err error
		if e.Value, err = envValue(text, pos+m[1], m[2] >= 0); err != nil {
			return nil, syntaxAt(text, pos, "%s: %s", e.Key, err)
		}
		e.Value.sep, e.Value.section, e.Value.exported = line[m[6]:m[7]], prefix, m[2] >= 0
		pos = next(text, lineEnd(text, e.Value.end))
		e.end = pos
		if old := root.Find(e.Key); old != nil {
			earlier := append(old.earlier, [2]int{old.start, old.end}) //nolint:gocritic // old is replaced by e
			*old = *e
			old.earlier = earlier
			continue
		}
		root.Keys = append(root.Keys, e)
		root.index[e.Key] = e
	}
	return root, nil
}

// LineKey is the key of the n-th line (from 1) with a text, which no assignment can have.
func LineKey(text string, n int) string { return "\n" + text + "\n" + strconv.Itoa(n) }

// bom returns the length of the byte order mark that a text may start with.
func bom(text string) int {
	if strings.HasPrefix(text, "\ufeff") {
		return len("\ufeff")
	}
	return 0
}

// lineEnd returns where the line that pos is in ends, its line break not counted.
func lineEnd(text string, pos int) int {
	if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
		end := pos + i
		if end > pos && text[end-1] == '\r' {
			end--
		}
		return end
	}
	return len(text)
}

// next returns where the line behind a line's end starts.
func next(text string, eol int) int {
	if i := strings.IndexByte(text[eol:], '\n'); i >= 0 {
		return eol + i + 1
	}
	return len(text)
}
