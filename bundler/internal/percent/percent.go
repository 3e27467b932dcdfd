// Package percent escapes names in URLs, for readers that take more signs for something special than RFC 3986 does.
//
// S3 takes a plus in a path for a space. yum and dnf take a dollar sign in their settings for a variable and a comma for
// the end of a URL. In a package URL everything has to be escaped that may be.
package percent

import (
	"fmt"
	"strings"
)

// Path escapes every byte of s but slashes and RFC 3986's unreserved ones: letters, digits and "-._~".
func Path(s string) string { return escape(s, "/") }

// Escaped does what Path does with a path in which percent signs begin escapes already.
func Escaped(s string) string { return escape(s, "/%") }

func escape(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		_, _ = fmt.Fprintf(&b, "%%%02X", c) // a Builder takes everything
	}
	return b.String()
}
