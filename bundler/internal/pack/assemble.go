package pack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// Component is a package of a release with its verified file.
type Component struct {
	manifest.Package        // File is not used
	From             string // where its RPM lies on this machine
}

// Input is what a bundle is made from.
type Input struct {
	Catalog  *release.Catalog
	Spec     *release.Spec
	Old, New []Component // the whole sets of both releases
	Drop     []string    // names of packages that the jump drops and no new package obsoletes
	Engine   string      // the program's file
	Time     time.Time   // of the build, as far as the bundle tells: to the second, in UTC
}

// Assemble finds the files of a bundle, takes the digests of those that are not
// components, makes the undo and the drop package and writes down everything in the manifest.
// signer is for those two packages; nil leaves them unsigned.
func Assemble(ctx context.Context, in Input, signer Signer) (Bundle, error) {
	arch, err := archOf(in.Engine)
	if err != nil {
		return Bundle{}, err
	}
	p := in.Catalog.Product
	m := &manifest.Manifest{
		Format: manifest.Format, Product: p.Name, Prefix: p.Prefix, From: in.Spec.From, To: in.Spec.To, Revision: in.Spec.Revision,
		Date: in.Time.UTC().Format(time.RFC3339), Skip: skipped(in.Spec), Services: in.Spec.Services, State: in.Spec.State,
		Limits: in.Spec.Limits, Known: known(in.Catalog),
	}
	b := Bundle{Manifest: m, Arch: arch, Vendor: p.Vendor, License: p.License, URL: p.URL}
	b.components(in)
	if err := b.obsoleting(ctx, in, signer); err != nil {
		return Bundle{}, err
	}
	if err := b.onDisk("bin/engine", in.Engine, 0o755); err != nil {
		return Bundle{}, err
	}
	if err := b.databases(in); err != nil {
		return Bundle{}, err
	}
	b.config(in)
	slices.SortFunc(b.Files, func(x, y File) int { return cmp.Compare(x.Path, y.Path) })
	for _, f := range b.Files {
		m.Files = append(m.Files, f.File)
	}
	return b, m.Validate()
}

// components adds both package sets: files for what differs between them, none for what both have.
func (b *Bundle) components(in Input) {
	add := func(dir string, set, other []Component) []manifest.Package {
		both := map[string]bool{}
		for _, c := range other {
			both[c.SHA256] = true
		}
		var out []manifest.Package
		for _, c := range set {
			p := c.Package
			p.File = ""
			if !both[c.SHA256] {
				p.File = fmt.Sprintf("%s/%s.%s.rpm", dir, p.NVR(), p.Arch)
				b.Files = append(b.Files, File{
					File: manifest.File{Path: p.File, Size: p.Size, SHA256: p.SHA256, Mode: 0o644},
					From: c.From,
				})
			}
			out = append(out, p)
		}
		slices.SortFunc(out, func(x, y manifest.Package) int { return cmp.Compare(x.Name, y.Name) })
		return out
	}
	b.Manifest.Old = add("rollback", in.Old, in.New)
	b.Manifest.New = add("packages", in.New, in.Old)
}

// obsoleting adds the package that takes away, on the way back, what the jump
// added, and the one that takes away what the jump drops.
func (b *Bundle) obsoleting(ctx context.Context, in Input, signer Signer) error {
	m := b.Manifest
	var added []string
	for _, p := range m.New {
		if !slices.ContainsFunc(m.Old, func(o manifest.Package) bool { return o.Name == p.Name }) {
			added = append(added, p.Name)
		}
	}
	if len(added) > 0 {
		f, err := obsoleting(ctx, m, "undo", "rollback", "On the way back to the old release, this removes the packages that it did not have.", added, in.Time, *b, signer)
		if err != nil {
			return err
		}
		b.Files, m.Undo = append(b.Files, f), f.Path
	}
	if len(in.Drop) > 0 {
		f, err := obsoleting(ctx, m, "drop", "packages", "This removes the packages that the new release does not have any more.", in.Drop, in.Time, *b, signer)
		if err != nil {
			return err
		}
		b.Files, m.Drop = append(b.Files, f), f.Path
	}
	return nil
}

// onDisk adds a file of this project.
func (b *Bundle) onDisk(to, from string, mode uint32) error {
	f, err := os.Open(from) //nolint:gosec // the project names it
	if err != nil {
		return exit.With(exit.Missing, fmt.Errorf("pack %s: %w", to, err), "")
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return exit.With(exit.Missing, fmt.Errorf("pack %s: %w", to, err), "")
	}
	b.Files = append(b.Files, File{
		File: manifest.File{Path: to, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil)), Mode: mode},
		From: from,
	})
	return nil
}

// databases adds migrations and checks, and names them as they lie in the bundle.
func (b *Bundle) databases(in Input) error {
	for _, db := range in.Spec.Databases {
		if db.Migrations != "" {
			db.Migrations = "migrations/" + db.Name
			for _, mig := range in.Spec.Migrations[db.Name] {
				from := filepath.Join(in.Catalog.Root, mig.File)
				if err := b.onDisk(db.Migrations+"/"+path.Base(mig.File), from, 0o644); err != nil {
					return err
				}
			}
		}
		if db.Checks != "" {
			from := filepath.Join(in.Spec.Dir, db.Checks)
			db.Checks = "checks/" + db.Name + ".sql"
			if err := b.onDisk(db.Checks, from, 0o644); err != nil {
				return err
			}
		}
		b.Manifest.Databases = append(b.Manifest.Databases, db)
	}
	return nil
}

// config adds the configuration files of both releases, with what the spec says of them.
func (b *Bundle) config(in Input) {
	merged := map[string]manifest.Config{}
	add := func(version, dir string, set func(c *manifest.Config, path string)) {
		r := in.Catalog.Release(version)
		if r == nil {
			return
		}
		for _, f := range r.ConfigFiles {
			c, ok := merged[f.Target]
			if !ok {
				c = inSpec(in.Spec, f.Target)
			}
			to := dir + f.Target
			set(&c, to)
			merged[f.Target] = c
			b.Files = append(b.Files, File{
				File: manifest.File{Path: to, Size: f.Size, SHA256: f.SHA256, Mode: 0o644},
				From: f.Path,
			})
		}
	}
	add(in.Spec.From, "config/old", func(c *manifest.Config, p string) { c.Old = p })
	add(in.Spec.To, "config/new", func(c *manifest.Config, p string) { c.New = p })
	for _, c := range merged {
		b.Manifest.Config = append(b.Manifest.Config, c)
	}
	slices.SortFunc(b.Manifest.Config, func(x, y manifest.Config) int { return cmp.Compare(x.Target, y.Target) })
}

// inSpec returns what the spec says of a file, or what is assumed of it.
func inSpec(s *release.Spec, target string) manifest.Config {
	c := manifest.Config{Target: target}
	for _, said := range s.Config {
		if said.Target == target {
			c = said
		}
	}
	c.Format = s.Format(target)
	return c
}

func skipped(s *release.Spec) []manifest.Scriptlet {
	var out []manifest.Scriptlet
	for nvr, kinds := range s.Packages.Skip {
		for kind, why := range kinds {
			out = append(out, manifest.Scriptlet{Package: nvr, Kind: kind, Why: why})
		}
	}
	slices.SortFunc(out, func(x, y manifest.Scriptlet) int {
		return cmp.Or(cmp.Compare(x.Package, y.Package), cmp.Compare(x.Kind, y.Kind))
	})
	return out
}

// known returns every release as it can be recognised on a host.
func known(c *release.Catalog) []manifest.Release {
	var out []manifest.Release
	for _, r := range c.Releases {
		k := manifest.Release{Version: r.Version, Next: c.Jumps[r.Version]}
		for _, comp := range r.Components {
			k.Packages = append(k.Packages, manifest.Known{Name: comp.Name, EVR: comp.FullEVR(), Optional: comp.Optional})
		}
		slices.SortFunc(k.Packages, func(x, y manifest.Known) int { return cmp.Compare(x.Name, y.Name) })
		out = append(out, k)
	}
	return out
}
