// Package sqltext takes SQL text apart as far as that is possible without a parser:
// quotes, comments, statements, names.
package sqltext

import "strings"

// Semicolon is a ; in SQL.
type Semicolon struct {
	Offset int  // bytes from the start
	Top    bool // ends a statement: not inside quotes, a dollar quote or a comment
}

// Blank replaces what is inside comments and quotes by spaces, so that what is left
// can be searched for words, and finds all semicolons. Line ends stay. It knows
// '...', E'...', "...", $tag$...$tag$, -- and nested /* */, as PostgreSQL does.
func Blank(sql string) (bare string, marks []Semicolon) {
	out := []byte(sql)
	for i := 0; i < len(sql); {
		n := hidden(sql, i)
		if n == 0 {
			if sql[i] == ';' {
				marks = append(marks, Semicolon{i, true})
			}
			i++
			continue
		}
		for j := i; j < i+n; j++ {
			if sql[j] == ';' {
				marks = append(marks, Semicolon{j, false})
			}
			if sql[j] != '\n' {
				out[j] = ' '
			}
		}
		i += n
	}
	return string(out), marks
}

// hidden returns the length of the comment or quote that starts at i, 0 when none does.
func hidden(sql string, i int) int {
	rest := sql[i:]
	switch {
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return end
		}
		return len(rest)
	case strings.HasPrefix(rest, "/*"):
		return comment(rest)
	case rest[0] == '\'':
		escapes := i > 0 && (sql[i-1] == 'E' || sql[i-1] == 'e') && (i < 2 || !word(sql[i-2]))
		return quoted(rest, '\'', escapes)
	case rest[0] == '"':
		return quoted(rest, '"', false)
	case rest[0] == '$' && (i == 0 || !word(sql[i-1])):
		return dollar(rest)
	}
	return 0
}

func quoted(s string, quote byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

func comment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func dollar(s string) int {
	tag := s[:dollarTag(s)]
	if tag == "" {
		return 0
	}
	if close := strings.Index(s[len(tag):], tag); close >= 0 {
		return len(tag) + close + len(tag)
	}
	return len(s)
}

// dollarTag returns the length of $tag$ at the start of s, 0 when none is there.
func dollarTag(s string) int {
	end := 1
	for end < len(s) && word(s[end]) {
		end++
	}
	if end >= len(s) || s[end] != '$' || end > 1 && s[1] >= '0' && s[1] <= '9' {
		return 0 // $1 is a parameter
	}
	return end + 1
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
