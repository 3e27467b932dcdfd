// Package pkgconf tells what becomes of the %config files of a jump's packages on a customer's machine: which of them the
// upgrade merges, which it leaves, and which rpm treats by its own rules.
//
// It promises to say what the engine does (payload-scripts/internal/release, config), as far as it is the same on every machine:
// what an admin changed there, and what the settings decide, is known on the machine alone.
package pkgconf

import (
	"cmp"
	"slices"

	"onerpm/bundler/internal/plan"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Package is a package that the jump adds, changes or removes, as one of the releases has it.
type Package struct {
	Name  string
	Early bool // it comes while the old release serves
	Late  bool // it goes after the commit
	Files []rpmfile.FileInfo
}

// Fate is what happens to a file on the machine.
type Fate string

// The fates.
const (
	Merged   Fate = "merged"   // by the upgrade; no .rpmnew or .rpmsave is left
	Kept     Fate = "kept"     // as the machine has it
	Replaced Fate = "replaced" // by the new package's, whatever the machine has
	Removed  Fate = "removed"  // edited or not
	ByRPM    Fate = "rpm"      // by rpm's own rules
)

// File is what happens to one %config file.
type File struct {
	Path    string    `json:"path"`
	Package string    `json:"package"` // of the new release; of the old one when the new one does not have the file
	Change  plan.Kind `json:"change"`  // of what the packages have there
	Old     string    `json:"old"`     // how the old package marks it: %config, %config(noreplace), or "" where it does not, or does not have it
	New     string    `json:"new"`     // likewise
	Fate    Fate      `json:"fate"`
	What    string    `json:"what"` // the fate for people
}

// side is a file as one release's packages have it.
type side struct {
	pkg  Package
	file rpmfile.FileInfo
}

// Compare tells of every file that a package of either release marks as %config, by path. Packages that are the same in both
// releases are not in the lists: nothing happens to their files. rules is the configuration that the bundle itself has, and
// what its spec says of packages' files.
func Compare(old, new []Package, rules []manifest.Config) []File {
	out := []File{}
	had, has := byPath(old), byPath(new)
	for path, n := range has {
		o, both := had[path]
		if f := (pair{old: o, new: n, hadIt: both, hasIt: true}); f.marked() {
			out = append(out, f.file(ruleOf(rules, path)))
		}
	}
	for path, o := range had {
		if _, stays := has[path]; stays {
			continue
		}
		if f := (pair{old: o, hadIt: true}); f.marked() {
			out = append(out, f.file(ruleOf(rules, path)))
		}
	}
	slices.SortFunc(out, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func byPath(packages []Package) map[string]side {
	all := map[string]side{}
	for _, p := range packages {
		for _, f := range p.Files {
			all[f.Path] = side{p, f}
		}
	}
	return all
}

// ruleOf is what the bundle says of a path; nil for nothing.
func ruleOf(rules []manifest.Config, path string) *manifest.Config {
	i := slices.IndexFunc(rules, func(c manifest.Config) bool { return c.Target == path })
	if i < 0 {
		return nil
	}
	return &rules[i]
}

// Mark is how a package marks a file, "" for one that is no configuration.
func Mark(f rpmfile.FileInfo) string {
	switch {
	case !f.IsConfig():
		return ""
	case f.Flags&rpmfile.FileNoReplace != 0:
		return "%config(noreplace)"
	}
	return "%config"
}
