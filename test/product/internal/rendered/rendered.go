// Package rendered makes a release's configuration files as they stand on a host: the files of
// versions/ with the host's own values in the place of the placeholders.
package rendered

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"onerpm/versions"
)

var placeholder = regexp.MustCompile(`<<([a-z_]+)>>`)

// Files returns the content of every configuration file of the release, by its path on the
// host. A placeholder without a value is an error.
func Files(release string, values map[string]string) (map[string][]byte, error) {
	top := release + "/config"
	files := map[string][]byte{}
	err := fs.WalkDir(versions.Config, top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(versions.Config, path)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(path, top)] = placeholder.ReplaceAllFunc(text, func(m []byte) []byte {
			v, ok := values[string(m[2:len(m)-2])]
			if !ok {
				err = fmt.Errorf("%s: nothing is known for %s", path, m)
			}
			return []byte(v)
		})
		return err
	})
	return files, err
}
