package documents

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// JSON is built here and not by encoding/json, because a key may stand twice, members have an order, and
// numbers and escapes stand in a document as whoever wrote it put them.
type (
	object []member
	member struct {
		key   string
		value any // object, []any, raw, string, int, bool or nil
	}
	raw string // JSON as it is to stand
)

// with returns the object with the member put in its place, or at its end.
func (o object) with(key string, value any) object {
	out := append(object{}, o...)
	for i := range out {
		if out[i].key == key {
			out[i].value = value
			return out
		}
	}
	return append(out, member{key, value})
}

func (o object) without(keys ...string) object {
	var out object
	for _, m := range o {
		keep := true
		for _, k := range keys {
			keep = keep && m.key != k
		}
		if keep {
			out = append(out, m)
		}
	}
	return out
}

// style is how a program writes JSON.
type style struct {
	comma, colon string
	ascii        bool
}

var (
	python = style{", ", ": ", true} // the REST service: json.dumps
	ruby   = style{",", ":", false}  // logstash
)

func (s style) encode(v any) []byte {
	var b strings.Builder
	s.write(&b, v)
	return []byte(b.String())
}

func (s style) write(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int:
		b.WriteString(strconv.Itoa(v))
	case raw:
		b.WriteString(string(v))
	case string:
		s.text(b, v)
	case []any:
		for i, e := range v {
			b.WriteString(map[bool]string{true: "[", false: s.comma}[i == 0])
			s.write(b, e)
		}
		b.WriteString(map[bool]string{true: "[]", false: "]"}[len(v) == 0])
	case object:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteString(s.comma)
			}
			s.text(b, m.key)
			b.WriteString(s.colon)
			s.write(b, m.value)
		}
		b.WriteByte('}')
	default:
		panic(fmt.Sprintf("no JSON of a %T", v))
	}
}

func (s style) text(b *strings.Builder, text string) {
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || s.ascii && r > '~':
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04x`, u)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
