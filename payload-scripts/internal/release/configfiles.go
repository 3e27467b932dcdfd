package release

import (
	"sort"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// ConfigFile is a %config file of the packages that the jump adds, changes or
// removes, as each side's packages have it.
type ConfigFile struct {
	Path     string
	Old, New *Shipped // nil: no package that the host has on that side has the file
	Plain    bool     // the new package does not mark it any more: the file is the package's, whatever the host has
}

// Shipped is a file as a package of the bundle has it.
type Shipped struct {
	Package   string // its name
	NoReplace bool   // %config(noreplace)
	Mode      uint32 // permission bits with setuid, setgid and sticky
	UID, GID  int    // as this host knows the owner now
	User      string // the owner's name, who may come with the package
	Group     string

	rpm  string // path in the bundle
	info rpmfile.FileInfo
}

// ConfigFiles returns the %config files that are merged, and those, and what is
// marked so and is no regular file of a package (%ghost, links), that the jump
// leaves to rpm and only the way back restores. Neither holds a target of the
// manifest's own configuration.
func (b *Bundle) ConfigFiles(who Owners) (merged []ConfigFile, others []string, err error) {
	both := map[string]*ConfigFile{}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		if err := b.shipped(side, who, both); err != nil {
			return nil, nil, err
		}
	}
	marked, err := b.marked()
	if err != nil {
		return nil, nil, err
	}
	for _, p := range marked {
		f := both[p]
		if f != nil && f.isMerged() {
			merged = append(merged, *f)
		} else {
			others = append(others, p)
		}
	}
	return merged, others, nil
}

// isMerged clears the sides on which the file is not shipped, and reports whether
// one is left on which it is configuration.
func (f *ConfigFile) isMerged() bool {
	if f.New != nil && (f.New.info.IsGhost() || !f.New.info.IsRegular()) {
		return false
	}
	if f.Old != nil && f.Old.info.IsGhost() {
		f.Old = nil
	}
	if f.Old != nil && !f.Old.info.IsRegular() {
		return false
	}
	f.Plain = f.New != nil && !f.New.info.IsConfig()
	return f.New != nil && !f.Plain || f.Old != nil && f.Old.info.IsConfig()
}

// shipped notes one side of every file of the packages that the host has there.
func (b *Bundle) shipped(side manifest.Side, who Owners, both map[string]*ConfigFile) error {
	carried, err := b.Carried(side)
	if err != nil {
		return err
	}
	for _, p := range carried {
		header, err := b.Header(p.File)
		if err != nil {
			return err
		}
		for _, f := range pkgfile.Files(header) {
			one := &Shipped{
				Package: p.Name, NoReplace: f.Flags&rpmfile.FileNoReplace != 0, Mode: f.Mode & 0o7777,
				UID: who.User(f.User), GID: who.Group(f.Group), User: f.User, Group: f.Group, rpm: p.File, info: f,
			}
			if both[f.Path] == nil {
				both[f.Path] = &ConfigFile{Path: f.Path}
			}
			if side == manifest.Old {
				both[f.Path].Old = one
			} else {
				both[f.Path].New = one
			}
		}
	}
	return nil
}

// marked returns what any package of the two releases marks as %config, sorted:
// those of optional packages that the host does not have, too.
func (b *Bundle) marked() ([]string, error) {
	found := map[string]bool{}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		all, err := b.Paths(side)
		if err != nil {
			return nil, err
		}
		for path, f := range all {
			if f.IsConfig() && !b.Merged(path) {
				found[path] = true
			}
		}
	}
	paths := make([]string, 0, len(found))
	for path := range found {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths, nil
}
