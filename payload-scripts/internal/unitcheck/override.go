package unitcheck

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/systemd"
)

// packagedUnits are the folders in which packages have unit files.
var packagedUnits = []string{"/usr/lib/systemd/system/", "/lib/systemd/system/"}

// Shipped are the files that each release brings, in packages or as configuration, by path.
type Shipped struct{ Old, New map[string]rpmfile.FileInfo }

// AddConfig adds the configuration files of the bundle, among which units may be.
func (s Shipped) AddConfig(m *manifest.Manifest) {
	add := func(to map[string]rpmfile.FileInfo, target, path string) {
		at := slices.IndexFunc(m.Files, func(f manifest.File) bool { return f.Path == path })
		if path != "" && at >= 0 {
			to[target] = rpmfile.FileInfo{Path: target, Size: m.Files[at].Size, Digest: m.Files[at].SHA256, DigestAlgo: crypto.SHA256}
		}
	}
	for _, c := range m.Config {
		add(s.Old, c.Target, c.Old)
		add(s.New, c.Target, c.New)
	}
}

// hidden tells of a unit whose file in /etc hides the product's, which the new
// release changes: the new release would be started by the old file, or not at all.
func (s Shipped) hidden(u systemd.Unit) []finding.Finding {
	if u.Fragment == "" || s.isOwn(u.Fragment) {
		return nil
	}
	to, ships := find(s.New, u.Name)
	from, shipped := find(s.Old, u.Name)
	if !ships || shipped && from.Digest == to.Digest && from.DigestAlgo == to.DigestAlgo || hasContent(u.Fragment, to) {
		return nil
	}
	return []finding.Finding{{
		ID: "unit-overridden", Level: finding.Refuse,
		What: fmt.Sprintf("%s hides %s, which the new release changes: %s would be started by the old file, or not at all", u.Fragment, to.Path, u.Name),
		Do: fmt.Sprintf("write what you need of it into a drop-in (systemctl edit %s), remove %s, run systemctl daemon-reload, then check again",
			u.Name, u.Fragment),
	}}
}

// isOwn reports whether a unit file is the product's, or a package's.
func (s Shipped) isOwn(path string) bool {
	_, old := s.Old[path]
	_, is := s.New[path]
	return old || is || slices.ContainsFunc(packagedUnits, func(dir string) bool { return strings.HasPrefix(path, dir) })
}

// find returns a release's file of a unit, of its template for an instance.
func find(files map[string]rpmfile.FileInfo, name string) (rpmfile.FileInfo, bool) {
	for _, n := range []string{name, unit.Template(name)} {
		for _, dir := range packagedUnits {
			if f, is := files[dir+n]; is && f.Digest != "" {
				return f, true
			}
		}
	}
	return rpmfile.FileInfo{}, false
}

// maxUnit bounds what is read of a unit file, in bytes.
const maxUnit = 1 << 20

// hasContent reports whether the file at path has a packaged file's content.
func hasContent(path string, f rpmfile.FileInfo) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxUnit || info.Size() != f.Size {
		return false
	}
	data, err := os.ReadFile(path)
	if err != nil || !f.DigestAlgo.Available() {
		return false
	}
	h := f.DigestAlgo.New()
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil)) == f.Digest
}
