// Package packages makes the product's RPMs on this host those of one of the
// two releases, and proves that they are: by name and version in rpm's
// database, and by the digests of the files on disk, because the database alone
// proves nothing after a power cut.
//
// It promises that Converge reaches its side from every half-done state, its
// own or rpm's; that it does nothing when all is right; that rpm is never
// killed and outlives the engine; and that what it reports as done is on disk.
//
// # What is compared of a file
//
// Type, size, digest, mode, owner, group and link target of every file of the
// packages that the bundle carries, against the headers of the bundle's own
// RPMs; see release.Bundle.Expected. Below the manifest's state paths a difference
// makes rpm run again, but does not count in the proof: the product may write there.
package packages

import (
	"context"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/pkgfile"
	"onerpm/payload-scripts/internal/release"
	"onerpm/payload-scripts/internal/rpm"
)

// Set is the product's packages on this host. Its methods may be called by
// several goroutines, but for Converge, which is called by one at a time.
type Set struct {
	release.Bundle
	RPM rpm.Host
	Var string // the attempt's folder for what is written; "" when nothing may be written (Converge and Record need it)

	Fills    []string // folders that are not there before, and are filled by what the packages bring
	onlyAdds bool     // see Early
	known    *answers // nil: rpm is asked each time
}

// New returns the packages of the bundle in dir that come and go in the window, on a host whose
// files are below root; "" is the host itself. See Set for folder.
func New(m *manifest.Manifest, dir, folder, root string) *Set {
	return &Set{Bundle: release.Bundle{Manifest: m.Main(), Dir: dir}, RPM: rpm.Host{Root: root}, Var: folder}
}

// Optional returns the names of the old release's optional packages that are
// installed now. It is asked once, before anything changes, and becomes Had.
func (s *Set) Optional(ctx context.Context) ([]string, error) {
	installed, err := s.Installed(ctx)
	if err != nil {
		return nil, err
	}
	had := []string{}
	for _, name := range s.OptionalNames() {
		if len(installed[name]) > 0 {
			had = append(had, name)
		}
	}
	return had, nil
}

// MarkUserInstalled tells dnf or yum that the new release's packages were wanted
// by the user. Without it nothing breaks today, so an error is a warning to the caller.
func (s *Set) MarkUserInstalled(ctx context.Context) error {
	wanted, err := s.Wanted(manifest.New)
	if err != nil {
		return err
	}
	return s.RPM.MarkUserInstalled(ctx, names(wanted))
}

// ConfigFiles is release.Bundle's, with the owners as this host knows them.
func (s *Set) ConfigFiles() (merged []release.ConfigFile, others []string, err error) {
	who, err := s.RPM.Owners()
	if err != nil {
		return nil, nil, err
	}
	return s.Bundle.ConfigFiles(who)
}

// Relocated returns those of the old release's packages that were put elsewhere than
// they were built for, and where they are, one each.
func (s *Set) Relocated(ctx context.Context) ([]string, error) {
	names, err := s.carriedNames(manifest.Old)
	if err != nil {
		return nil, err
	}
	return s.RPM.DB().Relocated(ctx, names)
}

// carriedNames returns the names of those of side's packages that the jump changes.
func (s *Set) carriedNames(side manifest.Side) ([]string, error) {
	carried, err := s.Carried(side)
	if err != nil {
		return nil, err
	}
	return names(carried), nil
}

// saved is the host's own files, as Record noted them.
func (s *Set) saved() pkgfile.Saved { return pkgfile.Saved{Var: s.Var, Root: s.RPM.Root} }

// accounts are the users and groups that the host had.
func (s *Set) accounts() pkgfile.Accounts {
	return pkgfile.Accounts{File: filepath.Join(s.Var, "accounts.json")}
}

// edited is what scriptlets made of the new packages' files.
func (s *Set) edited() pkgfile.Edited {
	if s.Var == "" {
		return pkgfile.Edited{}
	}
	return pkgfile.Edited{File: filepath.Join(s.Var, "packages-edited.json"), Root: s.RPM.Root}
}

// runner runs rpm for the attempt.
func (s *Set) runner() rpm.Runner { return rpm.Runner{Host: &s.RPM, Folder: s.Var} }

func other(side manifest.Side) manifest.Side {
	if side == manifest.Old {
		return manifest.New
	}
	return manifest.Old
}
