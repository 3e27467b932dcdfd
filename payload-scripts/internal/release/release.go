// Package release knows the packages of the two releases that a bundle leads from and
// to: which of them a host has on each side, what their headers say of every file, and
// what their configuration files hold. It reads the bundle and looks at nothing of the host.
//
// # What a side's set is
//
// A package that is not optional belongs to its release's set. An optional one
// belongs to the old set when the host had it at the start (Bundle.Had), and to
// the new set when the host had it, or when it obsoletes a package that the
// host had: so neither side installs what the host never had, and a renamed
// optional package comes along.
package release

import (
	"fmt"
	"os"
	"path"
	"sort"
	"sync"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Bundle is the packages of a bundle. Its methods may be called by several goroutines.
type Bundle struct {
	Manifest *manifest.Manifest
	Dir      string   // folder with the manifest's files: the bundle's or the attempt's
	Had      []string // names of optional packages that the host had before the upgrade, not nil; see OptionalNames
	Rebuilt  string   // folder of the packages that are rebuilt; "" for RebuiltFolder in Dir

	mu      sync.Mutex
	headers map[string]*rpmfile.Header // by path in the bundle
	checked map[string]time.Time       // path in the bundle -> modification time of the file whose digest was right

	contents struct {
		sync.Mutex
		of map[string]map[string][]byte // path of an RPM in the bundle -> path on the host -> content of its %config files
	}
}

// OptionalNames returns the names of the old release's optional packages.
func (b *Bundle) OptionalNames() []string {
	var names []string
	for _, p := range b.Manifest.Old {
		if p.Optional {
			names = append(names, p.Name)
		}
	}
	return names
}

// Wanted returns the packages that side has on this host, sorted by name.
func (b *Bundle) Wanted(side manifest.Side) ([]manifest.Package, error) {
	had := b.installedBefore()
	var wanted []manifest.Package
	for _, p := range b.Manifest.Set(side) {
		want := !p.Optional || had[p.Name]
		if !want && side == manifest.New {
			var err error
			if want, err = b.replaces(p, had); err != nil {
				return nil, err
			}
		}
		if want {
			wanted = append(wanted, p)
		}
	}
	return wanted, nil
}

// installedBefore returns the names of the old release's packages that the host had.
func (b *Bundle) installedBefore() map[string]bool {
	optional := make(map[string]bool, len(b.Had))
	for _, name := range b.Had {
		optional[name] = true
	}
	had := make(map[string]bool, len(b.Manifest.Old))
	for _, p := range b.Manifest.Old {
		if !p.Optional || optional[p.Name] {
			had[p.Name] = true
		}
	}
	return had
}

// replaces reports whether p is new and obsoletes a package that the host had.
func (b *Bundle) replaces(p manifest.Package, had map[string]bool) (bool, error) {
	for _, old := range b.Manifest.Old {
		if old.Name == p.Name {
			return false, nil
		}
	}
	if p.File == "" {
		return false, nil
	}
	header, err := b.Header(p.File)
	if err != nil {
		return false, err
	}
	for _, name := range header.Main.Strings(tagObsoleteName) {
		if had[name] {
			return true, nil
		}
	}
	return false, nil
}

// Header reads the header of one of the bundle's RPMs, once.
func (b *Bundle) Header(file string) (*rpmfile.Header, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h := b.headers[file]; h != nil {
		return h, nil
	}
	f, err := os.Open(b.HeadPath(file))
	if err != nil {
		return nil, fmt.Errorf("read a package of the bundle: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	h, err := rpmfile.Read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if b.headers == nil {
		b.headers = map[string]*rpmfile.Header{}
	}
	b.headers[file] = h
	return h, nil
}

// Helper returns the name of the empty package that takes away what the side
// does not have, and its path in the bundle; both "" when the side needs none.
func (b *Bundle) Helper(side manifest.Side) (name, file string, err error) {
	file = b.Manifest.Drop
	if side == manifest.Old {
		file = b.Manifest.Undo
	}
	if file == "" {
		return "", "", nil
	}
	h, err := b.Header(file)
	if err != nil {
		return "", "", err
	}
	return h.Name, file, nil
}

// Carried returns those of side's packages that the bundle carries, which are
// those that the jump changes.
func (b *Bundle) Carried(side manifest.Side) ([]manifest.Package, error) {
	wanted, err := b.Wanted(side)
	if err != nil {
		return nil, err
	}
	var carried []manifest.Package
	for _, p := range wanted {
		if p.File != "" {
			carried = append(carried, p)
		}
	}
	return carried, nil
}

// Names returns the names of all packages of both releases and of the helpers, sorted.
func (b *Bundle) Names() ([]string, error) {
	names := map[string]bool{}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		for _, p := range b.Manifest.Set(side) {
			names[p.Name] = true
		}
		helper, _, err := b.Helper(side)
		if err != nil {
			return nil, err
		}
		if helper != "" {
			names[helper] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	return sorted, nil
}

// RPMs returns the files of the transaction to side, relative to the bundle's folder.
func (b *Bundle) RPMs(side manifest.Side) ([]string, error) {
	carried, err := b.Carried(side)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, p := range carried {
		files = append(files, p.File)
	}
	_, helper, err := b.Helper(side)
	if err != nil {
		return nil, err
	}
	if helper != "" {
		files = append(files, helper)
	}
	return files, nil
}

// Paths returns the files of all of side's carried packages by path, those of optional
// packages that the host does not have, too: for looking after what an interrupted rpm left.
func (b *Bundle) Paths(side manifest.Side) (map[string]rpmfile.FileInfo, error) {
	all := map[string]rpmfile.FileInfo{}
	for _, p := range b.Manifest.Set(side) {
		if p.File == "" {
			continue
		}
		header, err := b.Header(p.File)
		if err != nil {
			return nil, err
		}
		for _, f := range pkgfile.Files(header) {
			all[path.Clean(f.Path)] = f
		}
	}
	return all, nil
}
