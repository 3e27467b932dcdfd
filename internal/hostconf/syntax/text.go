package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep lists and mappings of a file may nest.
const MaxDepth = 64

// Error is a file that is not of its format, or a form of it that is not supported.
type Error struct {
	Line, Column int // from 1, the column in characters; 0 where it is the file as a whole
	What         string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.What)
}

// ErrorAt is a mistake at a byte of a text.
func ErrorAt(text string, pos int, format string, a ...any) error {
	line, column := place(text, pos)
	return &Error{Line: line, Column: column, What: fmt.Sprintf(format, a...)}
}

// place turns a byte of a text into line and column, from 1, the column in characters.
func place(text string, pos int) (line, column int) {
	before := text[:min(max(pos, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(strings.TrimPrefix(before[start:], "\ufeff")) + 1
}

// BOM returns the length of the byte order mark that a text may start with.
func BOM(text string) int {
	if strings.HasPrefix(text, "\ufeff") {
		return len("\ufeff")
	}
	return 0
}

// LineEnd returns where the line that pos is in ends, its line break not counted.
func LineEnd(text string, pos int) int {
	if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
		end := pos + i
		if end > pos && text[end-1] == '\r' {
			end--
		}
		return end
	}
	return len(text)
}

// NextLine returns where the line behind a line's end starts.
func NextLine(text string, eol int) int {
	if i := strings.IndexByte(text[eol:], '\n'); i >= 0 {
		return eol + i + 1
	}
	return len(text)
}
