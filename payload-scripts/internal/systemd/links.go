package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/host"
)

// Link is a symbolic link among the unit files that names a unit: it puts the unit into
// the boot (multi-user.target.wants/), masks it, links its file from elsewhere, or gives it
// another name.
type Link struct{ Path, Target string }

// linkFolders are where an admin's links lie; those of packages are files like others.
var linkFolders = []string{"/etc/systemd/system", "/run/systemd/system"}

// LinksOf returns the links of some units, sorted by path. Root is put before every path
// that is looked at, and is not in the result.
func LinksOf(root string, names []string) ([]Link, error) {
	var all []Link
	for _, dir := range linkFolders {
		entries, err := os.ReadDir(root + dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			switch {
			case e.Type()&os.ModeSymlink != 0:
				if all, err = add(all, root, path, names, true); err != nil {
					return nil, err
				}
			case e.IsDir() && pulls(e.Name()):
				inside, err := os.ReadDir(root + path)
				if err != nil {
					return nil, err
				}
				for _, in := range inside {
					if in.Type()&os.ModeSymlink == 0 {
						continue
					}
					if all, err = add(all, root, filepath.Join(path, in.Name()), names, false); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// pulls reports whether a folder's links start units with another one.
func pulls(folder string) bool {
	return strings.HasSuffix(folder, ".wants") || strings.HasSuffix(folder, ".requires") || strings.HasSuffix(folder, ".upholds")
}

// add appends a link if it is one of the units' own: of that name, or, an alias, to a file of that name.
func add(all []Link, root, path string, names []string, aliases bool) ([]Link, error) {
	target, err := os.Readlink(root + path)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil // it is gone meanwhile
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		full := unit.Name(name)
		if filepath.Base(path) == full || aliases && filepath.Base(target) == full {
			return append(all, Link{path, target}), nil
		}
	}
	return all, nil
}

// Folders are the folders of links that are there, and those of the units' drop-ins: neither
// is removed by [SetLinks] or [DropIn.Remove] when it is empty.
func Folders(root string, units []string) ([]string, error) {
	var found []string
	for _, dir := range linkFolders {
		entries, err := os.ReadDir(root + dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			isOurs := slices.ContainsFunc(units, func(name string) bool { return Folder(name) == path })
			if isOurs || e.IsDir() && pulls(e.Name()) {
				found = append(found, path)
			}
		}
	}
	return found, nil
}

// SetLinks makes the links of some units exactly those that are wanted, durably, and removes
// folders that are empty then, but for those to keep. A file in the place of a link stays.
func SetLinks(root string, names []string, want []Link, keep []string) error {
	have, err := LinksOf(root, names)
	if err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, l := range have {
		if slices.Contains(want, l) {
			continue
		}
		touched[filepath.Dir(l.Path)] = true
		host.Point("unlink", l.Path)
		if err := os.Remove(root + l.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, l := range want {
		if slices.Contains(have, l) {
			continue
		}
		dir := filepath.Dir(l.Path)
		touched[dir] = true
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			return err
		}
		if err := os.Symlink(l.Target, root+l.Path); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	for dir := range touched {
		if pulls(dir) && !slices.Contains(keep, dir) && os.Remove(root+dir) == nil { // it stays when it is not empty
			dir = filepath.Dir(dir)
		}
		if err := host.SyncDir(root + dir); err != nil {
			return err
		}
	}
	return nil
}
