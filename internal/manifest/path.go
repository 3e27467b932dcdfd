package manifest

import (
	"errors"
	"fmt"
	"strings"
)

// maxPath bounds the keys of a path.
const maxPath = 32

// SplitPath takes a path of keys apart: a.b."c.d". A key with a dot, a quote or a
// backslash stands in double quotes, in which a backslash escapes the next character.
func SplitPath(path string) ([]string, error) {
	var keys []string
	for rest := path; ; {
		key, after, err := nextKey(rest)
		if err != nil {
			return nil, fmt.Errorf("%q is no path: %w", path, err)
		}
		keys = append(keys, key)
		if len(keys) > maxPath {
			return nil, fmt.Errorf("%q is no path: more than %d keys", path, maxPath)
		}
		if after == "" {
			return keys, nil
		}
		if after[0] != '.' {
			return nil, fmt.Errorf("%q is no path: no dot behind a quoted key", path)
		}
		rest = after[1:]
	}
}

func nextKey(s string) (key, after string, err error) {
	if !strings.HasPrefix(s, `"`) {
		key, _, _ = strings.Cut(s, ".")
		switch {
		case key == "":
			return "", "", errors.New("an empty key that is not in quotes")
		case strings.ContainsAny(key, `"\`):
			return "", "", errors.New("a quote or backslash in a key that is not in quotes")
		}
		return key, s[len(key):], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errors.New("it ends in a backslash")
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quote that is not closed")
}
