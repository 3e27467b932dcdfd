package release

import (
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/strictyaml"
)

// maxScript bounds how much of a script is looked at, in bytes.
const maxScript = 1 << 20

var stillOpen = regexp.MustCompile(strictyaml.Undecided + `\s*([^"']*)`)

// sketches warns of what nobody has written yet in the scripts that a jump is certified with. They are no part of the bundle,
// so it can be built; certification fails in them.
func (r *reader) sketches(s *Spec, folder string) {
	files, _ := filepath.Glob(filepath.Join(s.Dir, "certify", "*.sh")) // the pattern is good
	for _, file := range files {
		text, err := readBounded(file, maxScript)
		if err != nil {
			continue // told by certify
		}
		name, n := folder+"/certify/"+filepath.Base(file), 0
		for line := range strings.Lines(string(text)) {
			n++
			code := strings.TrimLeft(line, " \t")
			found := stillOpen.FindStringSubmatchIndex(line)
			if found == nil || strings.HasPrefix(code, "#") {
				continue
			}
			r.cat.Warnings.Add(mistake.Mistake{File: name, Line: n, Column: utf8.RuneCountInString(line[:found[0]]) + 1, What: "still to be written: " + strings.TrimSpace(line[found[2]:found[3]]),
				Allowed: "certification fails there until it is"})
		}
	}
}
