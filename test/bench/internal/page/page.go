// Package page puts measured figures into a document that people write.
package page

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// WriteSection puts text between the markers of a section in a document, and adds
// them at its end when they are not there.
func WriteSection(path, name, text string) error {
	open, end := "<!-- measured: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before, rest, found := strings.Cut(string(old), open)
	_, after, closed := strings.Cut(rest, end)
	if found != closed {
		return fmt.Errorf("%s: section %s has no end", path, name)
	}
	return os.WriteFile(path, []byte(before+open+"\n"+text+"\n"+end+after), 0o644)
}
