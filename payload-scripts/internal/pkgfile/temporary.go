package pkgfile

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sort"

	"onerpm/internal/rpmfile"
)

// temporary is how rpm names a file before it has its whole content: the
// file's name, a semicolon and the transaction's number.
var temporary = regexp.MustCompile(`^(.+);[0-9a-f]{8}$`)

// Temporaries returns what an interrupted rpm left beside files of packages, by path, sorted. The
// host's files are below root.
func Temporaries(root string, sets ...map[string]rpmfile.FileInfo) ([]string, error) {
	dirs := map[string]map[string]bool{}
	for _, set := range sets {
		for p := range set {
			dir, base := path.Split(p)
			if dirs[dir] == nil {
				dirs[dir] = map[string]bool{}
			}
			dirs[dir][base] = true
		}
	}
	var found []string
	for dir, names := range dirs {
		entries, err := ReadDir(clean(root, dir))
		if err != nil {
			return nil, fmt.Errorf("look for what rpm left: %w", err)
		}
		for _, e := range entries {
			m := temporary.FindStringSubmatch(e.Name())
			if m != nil && names[m[1]] && (e.Type().IsRegular() || e.Type() == fs.ModeSymlink) {
				found = append(found, dir+e.Name())
			}
		}
	}
	sort.Strings(found)
	return found, nil
}
