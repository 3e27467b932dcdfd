package plan

import "strings"

// command is a simple command of a shell script: its words without their quotes, and the
// files that its output goes to.
type command struct {
	words   []string
	outputs []string
}

// commands cuts a shell script into simple commands. It knows quotes, comments, $(...)
// and the operators between commands, which is enough to find what stands there in plain
// words; here documents and other grammar come out as commands that mean nothing.
func commands(script string) []command {
	l := lexer{text: strings.ReplaceAll(script, "\\\n", " ")}
	l.run()
	return l.out
}

type lexer struct {
	text   string
	at     int
	depth  int // of $( ... ), bounded
	out    []command
	now    command
	word   strings.Builder
	inWord bool
	next   byte // '>' when the next word is a file that is written, '<' when it is one that is read
}

const maxShellDepth = 8

func (l *lexer) run() {
	for l.at < len(l.text) {
		c := l.text[l.at]
		switch {
		case c == ' ' || c == '\t' || c == '\r':
			l.endWord()
		case strings.IndexByte("\n;&|()`", c) >= 0:
			if c == '&' && l.at > 0 && l.text[l.at-1] == '>' { // >&2
				l.add(c)
				break
			}
			l.endCommand()
		case c == '#' && !l.inWord:
			for l.at+1 < len(l.text) && l.text[l.at+1] != '\n' {
				l.at++
			}
		case c == '>':
			if l.word.String() == "1" || l.word.String() == "2" {
				l.word.Reset()
				l.inWord = false
			}
			l.endWord()
			l.next = c
		case c == '<':
			l.endWord()
			l.next = c
		case c == '\\' && l.at+1 < len(l.text):
			l.at++
			l.add(l.text[l.at])
		case c == '\'' || c == '"':
			l.quoted(c)
		case c == '$' && l.at+1 < len(l.text) && l.text[l.at+1] == '(':
			l.inner()
		default:
			l.add(c)
		}
		l.at++
	}
	l.endCommand()
}

func (l *lexer) add(c byte) {
	l.inWord = true
	l.word.WriteByte(c)
}

// quoted reads to the closing quote, or to the end when there is none.
func (l *lexer) quoted(quote byte) {
	l.inWord = true
	for l.at++; l.at < len(l.text) && l.text[l.at] != quote; l.at++ {
		switch {
		case quote == '"' && l.text[l.at] == '\\' && l.at+1 < len(l.text):
			l.at++
			l.add(l.text[l.at])
		case quote == '"' && l.text[l.at] == '$' && l.at+1 < len(l.text) && l.text[l.at+1] == '(':
			l.inner()
		default:
			l.add(l.text[l.at])
		}
	}
}

// inner reads $( ... ): its commands count, and in the word it stands for something unknown.
func (l *lexer) inner() {
	open, start := 0, l.at+2
	for l.at++; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '(':
			open++
		case ')':
			open--
		}
		if open == 0 {
			break
		}
	}
	if l.depth < maxShellDepth {
		in := lexer{text: l.text[start:min(l.at, len(l.text))], depth: l.depth + 1}
		in.run()
		l.out = append(l.out, in.out...)
	}
	l.add('$')
}

func (l *lexer) endWord() {
	if !l.inWord {
		return
	}
	switch l.next {
	case '>':
		l.now.outputs = append(l.now.outputs, l.word.String())
	case 0:
		l.now.words = append(l.now.words, l.word.String())
	}
	l.word.Reset()
	l.inWord, l.next = false, 0
}

func (l *lexer) endCommand() {
	l.endWord()
	l.next = 0
	if len(l.now.words)+len(l.now.outputs) > 0 {
		l.out = append(l.out, l.now)
	}
	l.now = command{}
}
