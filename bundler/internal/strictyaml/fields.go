package strictyaml

import (
	"reflect"
	"strings"
)

// field is a field of a struct that a file may fill.
type field struct {
	key    string // in the file; "" for the one that takes a scalar
	index  int
	scalar bool
}

func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("yaml")
		if !ok || tag == "-" || !t.Field(i).IsExported() {
			continue
		}
		key, option, _ := strings.Cut(tag, ",")
		out = append(out, field{key: key, index: i, scalar: option == "scalar"})
	}
	return out
}

// suggest says which keys are known, and first the one that was probably meant.
func suggest(key string, fields []field) string {
	var known []string
	best, nearest := "", 3
	for _, f := range fields {
		if f.scalar {
			continue
		}
		known = append(known, f.key)
		if n := distance(strings.ToLower(key), f.key); n < nearest && n < len(f.key) {
			best, nearest = f.key, n
		}
	}
	list := "allowed: " + strings.Join(known, ", ")
	if best == "" {
		return list
	}
	return "did you mean " + best + "? " + list
}

// distance is the number of letters to add, drop or change to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
