// Package packages makes the product's RPMs on this host those of one of the
// two releases, and proves that they are: by name and version in rpm's
// database, and by the digests of the files on disk, because the database alone
// proves nothing after a power cut.
//
// It promises that Converge reaches its side from every half-done state, its
// own or rpm's; that it does nothing when all is right; that rpm is never
// killed and outlives the engine; and that what it reports as done is on disk.
//
// # What a side's set is
//
// A package that is not optional belongs to its release's set. An optional one
// belongs to the old set when the host had it at the start (Set.Had), and to
// the new set when the host had it, or when it obsoletes a package that the
// host had: so neither side installs what the host never had, and a renamed
// optional package comes along.
//
// # What is compared of a file
//
// Type, size, digest, mode, owner, group and link target of every file of the
// packages that the bundle carries, against the headers of the bundle's own
// RPMs. Left out are %ghost files, and %config files and the targets of the
// manifest's configuration, which the merge writes. Below the manifest's state
// paths a difference makes rpm run again, but does not count in the proof: the
// product may write there. Nor do mode and owner count where a scriptlet of the
// package ran, or of a folder, which several packages may own.
package packages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Set is the product's packages on this host. Its methods may be called by
// several goroutines, but for Converge, which is called by one at a time.
type Set struct {
	Manifest *manifest.Manifest
	Dir      string   // folder with the manifest's files: the bundle's or the attempt's
	Var      string   // the attempt's folder for what is written; "" when nothing may be written (Converge and Record need it)
	Had      []string // names of optional packages that the host had before the upgrade, not nil; see Optional
	Root     string   // "" is the host itself; rpm's --root otherwise

	LockWait time.Duration // longest wait for rpm's lock; 5 minutes when 0

	mu      sync.Mutex
	headers map[string]*rpmfile.Header // by path in the bundle
	checked map[string]time.Time       // path in the bundle -> modification time of the file whose digest was right
	dbpath  string

	contents struct {
		sync.Mutex
		of map[string]map[string][]byte // path of an RPM in the bundle -> path on the host -> content of its %config files
	}
}

// Optional returns the names of the old release's optional packages that are
// installed now. It is asked once, before anything changes, and becomes Had.
func (s *Set) Optional(ctx context.Context) ([]string, error) {
	installed, err := s.Installed(ctx)
	if err != nil {
		return nil, err
	}
	had := []string{}
	for _, p := range s.Manifest.Old {
		if p.Optional && len(installed[p.Name]) > 0 {
			had = append(had, p.Name)
		}
	}
	return had, nil
}

// Wanted returns the packages that side has on this host, sorted by name.
func (s *Set) Wanted(side manifest.Side) ([]manifest.Package, error) {
	had := s.had()
	var wanted []manifest.Package
	for _, p := range s.Manifest.Set(side) {
		want := !p.Optional || had[p.Name]
		if !want && side == manifest.New {
			var err error
			if want, err = s.replaces(p, had); err != nil {
				return nil, err
			}
		}
		if want {
			wanted = append(wanted, p)
		}
	}
	return wanted, nil
}

// had returns the names of the old release's packages that the host had.
func (s *Set) had() map[string]bool {
	optional := make(map[string]bool, len(s.Had))
	for _, name := range s.Had {
		optional[name] = true
	}
	had := make(map[string]bool, len(s.Manifest.Old))
	for _, p := range s.Manifest.Old {
		if !p.Optional || optional[p.Name] {
			had[p.Name] = true
		}
	}
	return had
}

// replaces reports whether p is new and obsoletes a package that the host had.
func (s *Set) replaces(p manifest.Package, had map[string]bool) (bool, error) {
	for _, old := range s.Manifest.Old {
		if old.Name == p.Name {
			return false, nil
		}
	}
	if p.File == "" {
		return false, nil
	}
	header, err := s.header(p.File)
	if err != nil {
		return false, err
	}
	for _, o := range header.Obsoletes() {
		if had[o.Name] {
			return true, nil
		}
	}
	return false, nil
}

// header reads the header of one of the bundle's RPMs, once.
func (s *Set) header(file string) (*rpmfile.Header, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.headers[file]; h != nil {
		return h, nil
	}
	f, err := os.Open(filepath.Join(s.Dir, file))
	if err != nil {
		return nil, fmt.Errorf("read a package of the bundle: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	h, err := rpmfile.Read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if s.headers == nil {
		s.headers = map[string]*rpmfile.Header{}
	}
	s.headers[file] = h
	return h, nil
}

// helper returns the name of the empty package that takes away what the side
// does not have, and its path in the bundle; both "" when the side needs none.
func (s *Set) helper(side manifest.Side) (name, file string, err error) {
	file = s.Manifest.Drop
	if side == manifest.Old {
		file = s.Manifest.Undo
	}
	if file == "" {
		return "", "", nil
	}
	h, err := s.header(file)
	if err != nil {
		return "", "", err
	}
	return h.Name, file, nil
}

// carried returns those of side's packages that the bundle carries, which are
// those that the jump changes.
func (s *Set) carried(side manifest.Side) ([]manifest.Package, error) {
	wanted, err := s.Wanted(side)
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

func other(side manifest.Side) manifest.Side {
	if side == manifest.Old {
		return manifest.New
	}
	return manifest.Old
}
