package unitcheck

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
)

// file is a packaged file with that content.
func file(path, content string) rpmfile.FileInfo {
	sum := sha256.Sum256([]byte(content))
	return rpmfile.FileInfo{Path: path, Size: int64(len(content)), Digest: hex.EncodeToString(sum[:]), DigestAlgo: crypto.SHA256}
}

func TestOverriddenUnits(t *testing.T) {
	t.Parallel()
	etc := t.TempDir() + "/"
	for name, content := range map[string]string{"web.service": "old, edited", "new.service": "new", "queue@.service": "edited", "api.service": "of the admin's own", "app.timer": "x"} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const lib = "/usr/lib/systemd/system/"
	set := func(files ...rpmfile.FileInfo) map[string]rpmfile.FileInfo {
		all := map[string]rpmfile.FileInfo{}
		for _, f := range files {
			all[f.Path] = f
		}
		return all
	}
	s := Shipped{
		Old: set(file(lib+"web.service", "old"), file(lib+"new.service", "old"), file(lib+"same.service", "same"), file(lib+"queue@.service", "old"), file(etc+"rendered.service", "x")),
		New: set(file(lib+"web.service", "new"), file(lib+"new.service", "new"), file(lib+"same.service", "same"), file(lib+"queue@.service", "new"), file(lib+"api.service", "new"),
			file("/lib/systemd/system/app.timer", "new"), file(lib+"cfg.service", "new")),
	}
	s.AddConfig(&manifest.Manifest{Files: []manifest.File{{Path: "o", Size: 1, SHA256: "1"}, {Path: "n", Size: 1, SHA256: "2"}}, Config: []manifest.Config{
		{Target: etc + "cfg.service", Old: "o", New: "n"}, {Target: lib + "gone.service", Old: "o"}, {Target: lib + "came.service", New: "n"},
		{Target: lib + "rest.service", Old: "o", New: "n"}, {Target: lib + "kept.service", Old: "o", New: "o"}, {Target: lib + "config-in-package.service", Package: "p"}}})
	for _, c := range []struct {
		name, fragment string
		want           bool
	}{
		{"web.service", etc + "web.service", true},
		{"web.service", lib + "web.service", false},
		{"web.service", "/lib/systemd/system/web.service", false},
		{"web.service", "", false},
		{"web.service", etc + "gone.service", true},
		{"new.service", etc + "new.service", false}, // the admin has put the new release's file there
		{"same.service", etc + "same.service", false},
		{"queue@1.service", etc + "queue@.service", true},
		{"api.service", etc + "api.service", true}, // the old release has no such unit
		{"app.timer", etc + "app.timer", true},
		{"nginx.service", etc + "nginx.service", false}, // no package of the product has it
		{"rendered.service", etc + "rendered.service", false},
		{"cfg.service", etc + "cfg.service", false},  // the product's configuration
		{"rest.service", etc + "rest.service", true}, // configuration that the new release changes
		{"came.service", etc + "came.service", true},
		{"kept.service", etc + "kept.service", false},
		{"gone.service", etc + "gone.service", false},
		{"config-in-package.service", etc + "config-in-package.service", false},
	} {
		found := s.hidden(systemd.Unit{Name: c.name, Fragment: c.fragment})
		switch {
		case c.want != (len(found) == 1):
			t.Errorf("%s from %s: %v", c.name, c.fragment, found)
		case c.want && (found[0].ID != "unit-overridden" || found[0].Level != finding.Refuse || !strings.Contains(found[0].What, c.fragment) || !strings.Contains(found[0].Do, "remove "+c.fragment)):
			t.Errorf("%s: %+v", c.name, found[0])
		}
	}
}

func TestHasContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.service")
	if err := os.WriteFile(path, []byte("same length"), 0o600); err != nil {
		t.Fatal(err)
	}
	unknown := file("", "same length")
	unknown.DigestAlgo = 99
	for _, c := range []struct {
		path string
		f    rpmfile.FileInfo
		want bool
	}{
		{path, file("", "same length"), true},
		{path, file("", "SAME LENGTH"), false},
		{path, file("", "longer than that"), false},
		{path, unknown, false},
		{dir, file("", "same length"), false},
		{dir + "/gone", file("", "same length"), false},
	} {
		if got := hasContent(c.path, c.f); got != c.want {
			t.Errorf("%s, %+v: %v", c.path, c.f, got)
		}
	}
}
