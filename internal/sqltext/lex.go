package sqltext

import "strings"

// Kind is what a token is.
type Kind byte

// The kinds of tokens.
const (
	Word   Kind = iota // a name, keyword or number, in lower case
	Name               // a name that stood between double quotes, as it is
	String             // a text, without its quotes
	Sign               // one character
)

// Token is one piece of SQL.
type Token struct {
	Kind   Kind
	Text   string
	Offset int // bytes from the start
}

// Is reports whether the token is that keyword or sign.
func (t Token) Is(text string) bool {
	return (t.Kind == Word || t.Kind == Sign) && t.Text == text
}

// Lex takes SQL apart into tokens, without comments. What stands in dollar quotes is one text.
func Lex(sql string) []Token {
	var list []Token
	for i := 0; i < len(sql); {
		n := hidden(sql, i)
		switch {
		case n > 0 && sql[i] == '"':
			name := strings.TrimSuffix(sql[i+1:i+n], `"`)
			list = append(list, Token{Name, strings.ReplaceAll(name, `""`, `"`), i})
		case n > 0 && sql[i] == '\'':
			text := strings.TrimSuffix(sql[i+1:i+n], "'")
			list = append(list, Token{String, strings.ReplaceAll(text, "''", "'"), i})
		case n > 0 && sql[i] == '$':
			tag := sql[i : i+dollarTag(sql[i:])]
			list = append(list, Token{String, strings.TrimSuffix(sql[i+len(tag):i+n], tag), i})
		case n > 0: // a comment
		case word(sql[i]):
			for n = 1; i+n < len(sql) && (word(sql[i+n]) || sql[i+n] == '$'); n++ {
			}
			list = append(list, Token{Word, strings.ToLower(sql[i : i+n]), i})
		default:
			n = 1
			if strings.IndexByte(" \t\r\n", sql[i]) < 0 {
				list = append(list, Token{Sign, sql[i : i+1], i})
			}
		}
		i += n
	}
	return list
}
