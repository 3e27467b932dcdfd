package dump

// quotes follows SQL byte by byte and tells whether it stands in a string, a quoted name, a function's body or a comment.
type quotes struct {
	in      byte   // ' " $ (a body), t (what may be the tag before a body), - and * (a comment to the line's end, to */), 0 outside
	escapes bool   // the string is E'...'
	escaped bool   // the next byte stands for itself
	depth   int    // of comments in comments
	tag     []byte // of the body, as $name$
	tail    []byte // the last bytes of the body, as many as the tag has
	last    byte
	before  byte // the one before last
}

func (q *quotes) read(text []byte) {
	for _, c := range text {
		q.next(c)
		q.before, q.last = q.last, c
	}
}

func (q *quotes) next(c byte) {
	switch q.in {
	case '\'':
		switch {
		case q.escaped:
			q.escaped = false
		case q.escapes && c == '\\':
			q.escaped = true
		case c == '\'':
			q.in = 0
		}
	case '"':
		if c == '"' {
			q.in = 0
		}
	case '-':
		if c == '\n' {
			q.in = 0
		}
	case '*':
		q.comment(c)
	case '$':
		if len(q.tail) == len(q.tag) {
			q.tail = q.tail[:copy(q.tail, q.tail[1:])]
		}
		if q.tail = append(q.tail, c); string(q.tail) == string(q.tag) {
			q.in = 0
		}
	case 't':
		switch {
		case c == '$':
			q.in, q.tag, q.tail = '$', append(q.tag, c), q.tail[:0]
		case letter(c) || len(q.tag) > 1 && digit(c):
			q.tag = append(q.tag, c)
		default: // it was $1 or an operator
			q.in = 0
			q.open(c)
		}
	default:
		q.open(c)
	}
}

// open is next outside of everything.
func (q *quotes) open(c byte) {
	switch {
	case c == '\'':
		if q.last != '\'' { // else it goes on: two in a row stand for one
			q.escapes = (q.last == 'E' || q.last == 'e') && !letter(q.before) && !digit(q.before)
		}
		q.in, q.escaped = c, false
	case c == '"':
		q.in = c
	case c == '-' && q.last == '-':
		q.in = c
	case c == '*' && q.last == '/':
		q.in, q.depth = c, 1
	case c == '$' && !letter(q.last) && !digit(q.last):
		q.in, q.tag = 't', append(q.tag[:0], c)
	}
}

// comment is next in one that comments can be in.
func (q *quotes) comment(c byte) {
	switch {
	case c == '*' && q.last == '/':
		q.depth++
	case c == '/' && q.last == '*':
		if q.depth--; q.depth == 0 {
			q.in = 0
		}
	}
}

// letter tells what a name may begin with; bytes of other alphabets are from 0x80 on.
func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
