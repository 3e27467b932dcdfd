package view

import (
	"strings"
	"unicode"
)

// least is the narrowest text that is made: below it the words matter more than the edge of the screen.
const least = 24

// paragraph is a label and a text behind it as lines of at most width columns, 0 for any. A line of the text that does
// not fit goes on below its beginning, and so do the text's own further lines, more columns to the right. What stands in
// quotes, a command or a line of settings, is not broken: it is to be copied.
func paragraph(label, text string, more, width int) []string {
	var out []string
	if width > 0 {
		text = strings.Map(harmless, text)
	}
	hang := strings.Repeat(" ", len([]rune(label))+more)
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimRight(line, " \t\r")
		bare := strings.TrimLeft(line, " ")
		first, rest := label, hang
		if i > 0 {
			first = hang + line[:len(line)-len(bare)]
			rest = first
		}
		out = append(out, fill(first, rest, bare, width)...)
	}
	return out
}

// harmless replaces what would mean something to a terminal: a text may quote what a program or a server said.
func harmless(r rune) rune {
	switch {
	case r == '\n':
		return r
	case r == '\t':
		return ' '
	case unicode.IsControl(r):
		return '?'
	}
	return r
}

// fill breaks one line between its words.
func fill(first, rest, text string, width int) []string {
	if width == 0 || columns(first)+columns(text) <= width {
		return []string{strings.TrimRight(first+text, " ")}
	}
	width = max(width, columns(rest)+least)
	var out []string
	line, empty := first, true
	for _, word := range words(text) {
		switch {
		case empty:
			line, empty = line+word, false
		case columns(line)+1+columns(word) <= width:
			line += " " + word
		default:
			out = append(out, line)
			line = rest + word
		}
	}
	return append(out, line)
}

// words are a line's words; what stands in quotes of one kind is one.
func words(text string) []string {
	var out []string
	word, quote := strings.Builder{}, rune(0)
	for i, r := range text {
		switch {
		case r == ' ' && quote == 0:
			if word.Len() > 0 {
				out = append(out, word.String())
				word.Reset()
			}
			continue
		case r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '`') && word.Len() == strings.Count(word.String(), "(") && closes(text[i+1:], r):
			quote = r
		}
		word.WriteRune(r)
	}
	if word.Len() > 0 {
		out = append(out, word.String())
	}
	return out
}

// longestQuote is how long what stands in quotes may be, in bytes, to be kept in one line: a command is, what somebody said is not.
const longestQuote = 100

// closes reports whether a quote that was opened ends soon.
func closes(rest string, quote rune) bool {
	at := strings.IndexRune(rest, quote)
	return at >= 0 && at <= longestQuote
}

// columns is how many columns of a screen a text takes, as far as letters of one column go.
func columns(text string) int { return len([]rune(text)) }
