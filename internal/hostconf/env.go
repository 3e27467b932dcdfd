package hostconf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// assignment is KEY=, with what may stand before it.
var assignment = regexp.MustCompile(`^[ \t]*(export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=`)

// parseEnv reads a file of KEY=value lines as systemd and shells read them: a
// value may be quoted and then go over lines. Of a key that stands twice the
// last one holds. Lines that are no assignment belong to nobody and stay.
func parseEnv(src []byte) (*Node, error) {
	root := &Node{Kind: Mapping, end: len(src)}
	text := string(src)
	for pos := 0; pos < len(text); {
		eol := lineEnd(text, pos)
		m := assignment.FindStringSubmatchIndex(text[pos:eol])
		if m == nil {
			pos = next(text, eol)
			continue
		}
		e := &Entry{Key: text[pos+m[4] : pos+m[5]], start: pos, colon: pos + m[1], exported: m[2] >= 0}
		var err error
		if e.Value, err = envValue(text, pos+m[1]); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", 1+strings.Count(text[:pos], "\n"), e.Key, err)
		}
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

func envValue(text string, start int) (*Node, error) {
	n := &Node{Kind: String, start: start}
	eol := lineEnd(text, start)
	if start < eol && (text[start] == '"' || text[start] == '\'') {
		end, err := closing(text, start)
		if err != nil {
			return nil, err
		}
		rest := strings.TrimLeft(text[end:lineEnd(text, end)], " \t")
		if rest == "" || rest[0] == '#' {
			n.end = end
			n.Text, n.Style = text[start+1:end-1], Single
			if text[start] == '"' {
				n.Text, n.Style = unescape(n.Text), Double
			}
			return n, nil
		}
	}
	n.end = eol
	for n.end > start && strings.IndexByte(" \t\r", text[n.end-1]) >= 0 {
		n.end--
	}
	n.Text = text[start:n.end]
	if strings.HasSuffix(n.Text, `\`) {
		return nil, errors.New("a value that goes on in the next line by a backslash is not supported; put it in quotes")
	}
	return n, nil
}

// closing returns the position behind the quote that closes the one at start.
func closing(text string, start int) (int, error) {
	quote := text[start]
	for i := start + 1; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return i + 1, nil
		case text[i] == '\\' && quote == '"':
			i++
		}
	}
	return 0, errors.New("a quote that is not closed")
}

var (
	unescaper = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
	escaper   = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
)

func unescape(s string) string { return unescaper.Replace(s) }

// renderEnv writes a value in the style of the one it replaces if that can hold it.
func renderEnv(v *Node, s Style) (string, error) {
	if v.Kind == List || v.Kind == Mapping {
		return "", errors.New("a list or mapping cannot be a value of an env file")
	}
	t := v.Text
	if v.Kind == Null {
		t = ""
	}
	if strings.ContainsRune(t, '\r') {
		return "", errors.New("a carriage return cannot be in a value of an env file")
	}
	if strings.ContainsAny(t, "$`\\") {
		s = v.Style // shells read these by the quotes: as the release wrote it
	}
	bare := !strings.ContainsAny(t, "\"'`$\\#;&|<>()*?[]~! \t\n")
	switch {
	case s == Plain && bare:
		return t, nil
	case s == Plain && !strings.ContainsAny(t, "\"'`$\\#\n") && t == strings.TrimSpace(t) && v.Style == Plain:
		return t, nil // as systemd reads it, and as the release wrote it
	case s != Double && !strings.Contains(t, "'"):
		return "'" + t + "'", nil
	}
	return `"` + escaper.Replace(t) + `"`, nil
}
