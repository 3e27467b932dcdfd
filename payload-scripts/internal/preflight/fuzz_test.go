package preflight

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzManagerFiles(f *testing.F) {
	f.Add([]byte("[main]\nexclude=a,b\n c\nexcludepkgs = d\n"))
	f.Add([]byte("# c\n!0:rest-1-1.*\n[\n"))
	f.Add([]byte("name = \"rest\"\nconditions = []\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		for _, name := range []string{"versionlock.list", "versionlock.toml", "dnf.conf"} {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, read := range []func(string) ([]string, error){lockPatterns, excludePatterns} {
				patterns, err := read(file)
				if err != nil {
					continue // a line of more than 64 KiB
				}
				for _, p := range patterns {
					matchesAny(p, nil)
				}
			}
		}
	})
}
