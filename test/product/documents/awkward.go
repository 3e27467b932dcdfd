package documents

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// numbers are what a reader makes something else of, or none at all.
var numbers = []raw{
	"0", "-0", "1", "-1", "255", "256", "65535", "65536", "2147483647", "2147483648", "-2147483648", "-2147483649",
	"123456789012", "9007199254740993", "9223372036854775807", "-9223372036854775808",
	"0.0", "-0.0", "1.0", "1.10", "0.1", "1e22", "1E5", "5e-324", "1e-400", "1.7976931348623157e308", "123456789.123456789012345",
}

// largeNumbers make a document that Elasticsearch cannot update in parts any more.
var largeNumbers = []raw{
	"9223372036854775808", "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890",
	"-123456789012345678901234567890", raw("1" + strings.Repeat("0", 99)), "1e400", "-1e400",
}

// texts are awkward strings, as they stand in JSON.
var texts = []raw{
	`""`, `" "`, `"null"`, `"1.0"`, `"true"`, `"\u0000"`, `"a\u0000b"`, `"\ud800"`, `"cut \ud83d"`, `"\ude00\ud83d, the wrong way round"`,
	`"\ud83d\ude00"`, `"raw 😀 and é"`, `"\u00e9\u2028\ufeff\uffff\ufffd"`, `"\"quotes\" \\ \/ \b\f\n\r\t"`, `"C:\\new\\table"`, `"\\N"`, `"\\u0000"`,
	`"{\"json\": [1]}"`, `"tab\tand new\nline"`, `"\u007f\u0080\u001f"`,
}

// objects are awkward objects.
var objects = []raw{
	`{}`, `{"": 1}`, `{"a.b": {"c.d": 1}, "a": {"b": 2}}`, `{"twice": 1, "twice": 2.0}`, `{"twice": {"a": 1}, "twice": {"b": 2}}`,
	`{"\ud800": 1, "\u0000": 2, "\u00e9": 3, "😀": 4}`, `{"float": 1.0}`, `{"$ref": "#", "@type": "x", "_id": 1, "__class__": "y"}`,
	`{ "blanks" :  [ 1 ,2,	3 ] }`, `{"get_attribute": ["SELF", "ip"]}`,
}

// deep returns an object in an object, and so on.
func deep(levels int) raw {
	return raw(strings.Repeat(`{"k": [`, levels/2) + "1" + strings.Repeat("]}", levels/2))
}

// large returns a text of so many bytes, in words of a length that an index takes.
func large(rng *rand.Rand, bytes int) string {
	var b strings.Builder
	for b.Len() < bytes {
		fmt.Fprintf(&b, "%016x ", rng.Uint64())
	}
	return b.String()
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// value returns any JSON, of at most that depth.
func (p *Product) value(depth int) any {
	if depth == 0 {
		return p.leaf()
	}
	switch p.rng.IntN(5) {
	case 0:
		var list []any
		for range p.rng.IntN(4) {
			list = append(list, p.value(depth-1))
		}
		return list
	case 1:
		return p.properties(depth - 1)
	case 2:
		return pick(p.rng, objects)
	}
	return p.leaf()
}

func (p *Product) leaf() any {
	switch p.rng.IntN(6) {
	case 0:
		return nil
	case 1:
		return p.rng.IntN(2) == 0
	case 2, 3:
		return pick(p.rng, numbers)
	}
	return pick(p.rng, texts)
}

var keys = []string{"a", "b.c", "", "key with blanks", "é", "😀", "id", "port", "ip", "x/y", "nul\x00", "UPPER", "_private", "0"}

// properties returns an object of awkward values, free of numbers that stop Elasticsearch from updating the document.
func (p *Product) properties(depth int) object {
	out := object{}
	for range p.rng.IntN(5) {
		out = append(out, member{pick(p.rng, keys), p.value(depth)})
	}
	return out
}
