package mapping

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Readable shows the key of a row to people.
func Readable(key []byte) string {
	var b strings.Builder
	for len(key) > 0 {
		n, size := binary.Uvarint(key)
		if size <= 0 || n > uint64(len(key)-size) || size == len(key) {
			break // the place of an item in its list
		}
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		fmt.Fprintf(&b, "%q", key[size:size+int(n)])
		key = key[size+int(n):]
	}
	return b.String()
}
