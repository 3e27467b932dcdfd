package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

var (
	nameLine = regexp.MustCompile(`^\s*-\s+name:\s*(\S+)\s*$`)
	sumLine  = regexp.MustCompile(`^(\s*sha256:).*$`)
	sizeLine = regexp.MustCompile(`^(\s*size:).*$`)
)

// lockRelease writes digests and sizes into a release file, line by line, so that the rest of
// it stays as it is. The lines must be there.
func lockRelease(path string, files []built) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: write it first, with empty sha256 and size", err)
	}
	if err != nil {
		return err
	}
	byName := map[string]built{}
	for _, f := range files {
		byName[f.Name] = f
	}
	var at built
	lines := strings.Split(string(old), "\n")
	for i, line := range lines {
		if m := nameLine.FindStringSubmatch(line); m != nil {
			var known bool
			if at, known = byName[m[1]]; !known {
				return fmt.Errorf("%s:%d: no such package %s", path, i+1, m[1])
			}
		}
		if m := sumLine.FindStringSubmatch(line); m != nil {
			lines[i] = m[1] + " " + at.SHA256
		}
		if m := sizeLine.FindStringSubmatch(line); m != nil {
			lines[i] = fmt.Sprintf("%s %d", m[1], at.Size)
		}
	}
	if now := strings.Join(lines, "\n"); now != string(old) {
		return replace(path, []byte(now))
	}
	return nil
}
