// Package notes is for the release notes that travel with a bundle: Markdown that a release engineer writes, and that people
// read in the RPM's changelog, in a terminal and on the download page.
//
// It promises that what Check accepts is text of a bounded size that changes nothing but what is shown in a terminal, and that
// HTML makes of any text, accepted or not, a handful of harmless elements: whatever is not text of its own is escaped.
package notes

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes bounds notes: what is longer belongs on a page of its own, to which they can link.
const MaxBytes = 16 << 10

// ChangelogName ends the name of the entry of an RPM's changelog that has the notes.
const ChangelogName = " - release notes"

// Read takes the notes out of a file's bytes, with plain line ends.
func Read(file []byte) (string, error) {
	text := strings.TrimRight(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n \t")
	return text, Check(text)
}

// Check refuses what are no notes, and says where.
func Check(text string) error {
	switch {
	case len(text) > MaxBytes:
		return fmt.Errorf("%d bytes; notes have at most %d", len(text), MaxBytes)
	case !utf8.ValidString(text):
		return errors.New("not UTF-8")
	case strings.TrimSpace(text) == "":
		return errors.New("nothing in it")
	}
	line := 1
	for _, r := range text {
		switch {
		case r == '\n':
			line++
		case r == '\t':
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return fmt.Errorf("line %d has the control character %U", line, r)
		}
	}
	return nil
}
