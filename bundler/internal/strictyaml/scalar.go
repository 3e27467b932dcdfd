package strictyaml

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"onerpm/bundler/internal/mistake"
)

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return true
	}
	return false
}

// refused tells what of YAML is not read here; "" when n is fine.
func refused(n ast.Node) (what, allowed string) {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "no value", "write one, or leave the key out"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "anchors, aliases and merge keys are not read here", "write the value out"
	case *ast.TagNode:
		return "tags are not read here", "quote the value when it is text"
	}
	return "", ""
}

// text is the value of a scalar as it was written, without quotes.
func text(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		if n.Value == nil {
			return ""
		}
		return n.Value.Value
	}
	return strings.TrimSpace(n.GetToken().Value)
}

func keyText(n ast.MapKeyNode) (string, bool) {
	if node, ok := n.(ast.Node); ok && isScalar(node) {
		if _, block := node.(*ast.LiteralNode); !block {
			return text(node), true
		}
	}
	return "", false
}

func unmarshaler(v reflect.Value) encoding.TextUnmarshaler {
	if !v.CanAddr() {
		return nil
	}
	u, _ := v.Addr().Interface().(encoding.TextUnmarshaler)
	return u
}

// Undecided begins a value that a program could not know and left to a person. Such
// a value is a mistake, wherever it stands, and what follows says what to decide.
const Undecided = "DECIDE:"

const toDecide = "still to be decided: "

// IsUndecided reports whether a mistake is no more than a value that was left to a person.
func IsUndecided(m mistake.Mistake) bool { return strings.HasPrefix(m.What, toDecide) }

// undecided tells what is still to be decided about a text.
func undecided(s string) (string, bool) {
	what, is := strings.CutPrefix(s, Undecided)
	return toDecide + strings.TrimSpace(what), is
}

// unprintable reports whether a character does something to a terminal or a page instead of being shown.
func unprintable(c rune) bool {
	return c != '\n' && c != '\t' && unicode.In(c, unicode.Cc, unicode.Zl, unicode.Zp)
}

func (d *decoder) scalar(n ast.Node, v reflect.Value) {
	s := text(n)
	if what, is := undecided(s); is {
		d.wrong(n, what, "")
		return
	}
	if i := strings.IndexFunc(s, unprintable); i >= 0 {
		c, _ := utf8.DecodeRuneInString(s[i:])
		d.wrong(n, fmt.Sprintf("a control character (%U) in the text", c), "letters, signs, spaces, tabs and line breaks")
	}
	if u := unmarshaler(v); u != nil {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			d.wrong(n, err.Error(), "")
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.wrong(n, fmt.Sprintf("%q is neither true nor false", s), "")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int64, reflect.Int32:
		i, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if _, ok := n.(*ast.IntegerNode); !ok || err != nil || octal(n) {
			d.wrong(n, fmt.Sprintf("%q is no whole number", s), "")
			return
		}
		v.SetInt(i)
	case reflect.Interface:
		if value := d.free(n); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			if f.scalar {
				d.scalar(n, v.Field(f.index))
				return
			}
		}
		fallthrough
	default:
		d.wrong(n, fmt.Sprintf("%q where %s is expected", s, expected(v)), "")
	}
}

// free reads a scalar of any type: string, bool, int64 or float64; nil after a mistake.
func (d *decoder) free(n ast.Node) any {
	s := text(n)
	switch n := n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return s
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil && !octal(n) {
			return i
		}
		d.wrong(n, fmt.Sprintf("%s is read as one number here and as another there", s), "write it in decimal, or quote it")
		return nil
	case *ast.FloatNode:
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	}
	d.wrong(n, fmt.Sprintf("%s is no number", s), "quote it when it is text")
	return nil
}

func octal(n ast.Node) bool {
	t := n.GetToken().Type
	return t == token.OctetIntegerType || t == token.HexIntegerType || t == token.BinaryIntegerType
}

// kind names what a node is, for people.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	}
	return "one value"
}

// expected names what a Go value takes, for people.
func expected(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var keys []string
		one := ""
		for _, f := range fieldsOf(v.Type()) {
			if f.scalar {
				one = "one value, or "
				continue
			}
			keys = append(keys, f.key)
		}
		return one + "a mapping with the keys " + strings.Join(keys, ", ")
	case reflect.Map:
		return "a mapping"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "one value"
}
