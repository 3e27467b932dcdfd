package plan

import (
	"path"
	"slices"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
	"onerpm/internal/unit"
)

// units warns of units that packages of both releases have, whose files differ, and that the spec does not name: they run
// on as the old file says, until a boot or somebody else starts them. Package release does so for units that no package owns.
func (c *checker) units() {
	named := map[string]bool{}
	for _, s := range c.plan.Spec.Services {
		named[unit.Name(s.Unit)], named[unit.Template(s.Unit)] = true, true
	}
	old := map[string]rpmfile.FileInfo{}
	for _, h := range c.oldSet() {
		for _, f := range unitFiles(h) {
			old[f.Path] = f
		}
	}
	for _, h := range c.newSet() {
		for _, f := range unitFiles(h) {
			was, both := old[f.Path]
			if name := path.Base(f.Path); both && !alike(was, f) && !named[name] {
				c.warn(h.NVR(), "name it under services, so that it is stopped before its file changes and started after", []any{"services"},
					"%s changes, and services does not name it: it would run on as the old file says, until a boot or somebody else starts it", name)
			}
		}
	}
}

// unitFiles are the unit files of a package.
func unitFiles(h *rpmpkg.Package) []rpmfile.FileInfo {
	return slices.DeleteFunc(h.Files(), func(f rpmfile.FileInfo) bool {
		name := path.Base(f.Path)
		return !f.IsRegular() || f.IsGhost() || !slices.Contains(release.UnitFolders, path.Dir(f.Path)) || unit.Name(name) != name
	})
}

// alike tells whether two files have the same content; digests of different algorithms tell nothing.
func alike(a, b rpmfile.FileInfo) bool {
	return a.Size == b.Size && (a.DigestAlgo != b.DigestAlgo || a.Digest == b.Digest)
}
