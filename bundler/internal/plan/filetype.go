package plan

import (
	"maps"
	"path"
	"slices"

	"onerpm/bundler/internal/rpmpkg"
)

// fileTypes checks that no path is a folder in one release and something else in the
// other. rpm cannot put a file or a symbolic link where a folder is: with the path in
// both packages it refuses the transaction ("conflicts with file from package"), with a
// folder that no package owns the install fails halfway. The other direction
// works at best one way, and a jump needs both: there and back. rpm 4.18 even
// writes a file through the old link, then removes the link, and exits with 0.
//
// A %pretrans that moves the folder away helps rpm -U, but not the trials on a
// copy of rpm's database, in which no scriptlet runs, nor the way back. %ghost
// paths do not count: rpm installs nothing there.
func (c *checker) fileTypes() {
	old, new := typesOf(c.headers.Old), typesOf(c.headers.New)
	for _, at := range slices.Sorted(maps.Keys(new)) {
		before, after := old[at], new[at]
		if before.kind == "" || before.kind == after.kind || before.kind != folder && after.kind != folder {
			continue
		}
		c.wrong(after.nvr, "give it another path in the new release, or leave it what it was: rpm replaces no folder by anything else, and a jump needs both ways",
			"%s is a %s, and was a %s in %s", at, after.kind, before.kind, before.nvr)
	}
}

// The kinds of a path that matter here. Devices and the like count as files.
const (
	folder = "folder"
	link   = "symbolic link"
	file   = "file"
)

// owned is what lies at a path, and in which package.
type owned struct{ kind, nvr string }

// typesOf returns what lies at the paths of a package set. Folders that no package
// owns are in it too, when a file lies below them.
func typesOf(set map[string]*rpmpkg.Package) map[string]owned {
	types := map[string]owned{}
	ghosts := map[string]bool{}
	names := slices.Sorted(maps.Keys(set))
	for _, name := range names {
		for _, f := range set[name].Files() {
			if f.IsGhost() {
				ghosts[f.Path] = true
				continue
			}
			o := owned{kind: file, nvr: set[name].NVR()}
			switch {
			case f.IsDir():
				o.kind = folder
			case f.IsLink():
				o.kind = link
			}
			types[path.Clean(f.Path)] = o
		}
	}
	for _, name := range names {
		for _, f := range set[name].Files() {
			if f.IsGhost() {
				continue
			}
			for dir := path.Dir(path.Clean(f.Path)); dir != "/" && !ghosts[dir]; dir = path.Dir(dir) {
				if _, has := types[dir]; has {
					break // and its parents were added with it, or will be
				}
				types[dir] = owned{kind: folder, nvr: set[name].NVR()}
			}
		}
	}
	return types
}
