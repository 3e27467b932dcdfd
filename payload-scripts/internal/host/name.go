package host

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Name is a path or link in JSON: bytes that are no UTF-8 are written %XX.
type Name string

// MarshalText escapes what JSON would lose.
func (n Name) MarshalText() ([]byte, error) {
	var b strings.Builder
	for i := 0; i < len(n); {
		r, size := utf8.DecodeRuneInString(string(n[i:]))
		if r == '%' || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, "%%%02X", n[i])
		} else {
			b.WriteString(string(n[i : i+size]))
		}
		i += size
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (n *Name) UnmarshalText(data []byte) error {
	var out []byte
	for i := 0; i < len(data); i++ {
		if data[i] != '%' {
			out = append(out, data[i])
			continue
		}
		var c [1]byte
		if i+2 >= len(data) {
			return fmt.Errorf("%q is cut off", data)
		}
		if _, err := hex.Decode(c[:], data[i+1:i+3]); err != nil {
			return err
		}
		out = append(out, c[0])
		i += 2
	}
	*n = Name(out)
	return nil
}
