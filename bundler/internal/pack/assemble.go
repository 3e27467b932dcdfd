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
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/scriptlets"
)

// Input is what a bundle is made from.
type Input struct {
	Plan    *plan.Plan
	Headers plan.Headers
	Verdict *plan.Verdict
	Files   map[string]Component // by SHA-256
	Solid   []Solid              // of which packages are rebuilt; the others go in as they are
	Engine  Engine
}

// Solid is a file that packages are rebuilt of, with all that the bundle carries for them.
type Solid struct {
	manifest.Solid
	Files []File // the file, and the heads
}

// Component is the file of a component on this machine.
type Component struct {
	Path string
	Head Head
}

// Assemble finds the files of a bundle, takes the digests of those that are not
// components, makes the undo and the drop package and writes down everything in the manifest.
// signer is for those two packages; nil leaves them unsigned. Errors have exit codes: exit.Missing for a
// file that cannot be read, exit.Mismatch for an engine that is none.
func Assemble(ctx context.Context, in Input, signer Signer) (Bundle, error) {
	arch, err := in.Engine.arch()
	if err != nil {
		return Bundle{}, err
	}
	p, spec := in.Plan.Product, in.Plan.Spec
	m := &manifest.Manifest{
		Format: manifest.Format, Product: p.Name, Prefix: p.Prefix, From: spec.From, To: spec.To, Revision: spec.Revision,
		Date: in.Plan.Date.UTC().Format(time.RFC3339),
		Old:  in.Plan.Packages(manifest.Old, in.Headers), New: in.Plan.Packages(manifest.New, in.Headers),
		EarlyServices: spec.EarlyServices, Keep: in.Plan.Keep(), Moves: spec.Moves, Owners: spec.Owners,
		Skip: in.Verdict.Skip, Services: spec.Services, State: spec.State, Config: in.Plan.ManifestConfig(),
		Limits: spec.Limits, Accept: spec.Accept, Hooks: spec.Hooks, Agents: spec.Agents, Known: in.Plan.Known,
	}
	b := Bundle{Manifest: m, Arch: arch, Vendor: p.Vendor, License: p.License, URL: p.URL, Notes: in.Plan.To.NotesText, Platforms: in.Plan.Platforms()}
	b.solid(in.Solid)
	b.components(in.Files)
	if err := b.obsoleting(ctx, in, signer); err != nil {
		return Bundle{}, err
	}
	if in.Engine.Path == "" {
		b.Files = append(b.Files, bytesFile("bin/engine", in.Engine.Body, 0o755))
	} else if err := b.onDisk("bin/engine", in.Engine.Path, 0o755); err != nil {
		return Bundle{}, err
	}
	unit, err := scriptlets.Unit(m)
	if err != nil {
		return Bundle{}, err
	}
	b.Files = append(b.Files, bytesFile(m.UnitFile(), unit, 0o644))
	if err := b.databases(spec); err != nil {
		return Bundle{}, err
	}
	if err := b.hooks(spec); err != nil {
		return Bundle{}, err
	}
	b.config(in.Plan)
	slices.SortFunc(b.Files, func(x, y File) int { return cmp.Compare(x.Path, y.Path) })
	for _, f := range b.Files {
		m.Files = append(m.Files, f.File)
	}
	return b, m.Validate()
}

// solid adds what packages are rebuilt of.
func (b *Bundle) solid(list []Solid) {
	for _, s := range list {
		b.Manifest.Solid = append(b.Manifest.Solid, s.Solid)
		b.Files = append(b.Files, s.Files...)
	}
	slices.SortFunc(b.Manifest.Solid, func(x, y manifest.Solid) int { return cmp.Compare(x.File, y.File) })
}

// components adds the files of both package sets that are not rebuilt; what both have is in neither.
func (b *Bundle) components(files map[string]Component) {
	for _, set := range [][]manifest.Package{b.Manifest.Old, b.Manifest.New} {
		for _, p := range set {
			if _, rebuilt := b.Manifest.Rebuilt(p.File); p.File != "" && rebuilt == nil {
				b.Files = append(b.Files, File{
					File: manifest.File{Path: p.File, Size: p.Size, SHA256: p.SHA256, Mode: 0o644},
					From: files[p.SHA256].Path, Head: files[p.SHA256].Head,
				})
			}
		}
	}
}

// obsoleting adds the package that takes away, on the way back, what the jump
// added, and the one that takes away what the jump drops.
func (b *Bundle) obsoleting(ctx context.Context, in Input, signer Signer) error {
	for _, o := range []struct {
		kind, dir, why string
		names          []rpmpkg.Dep
		path           *string
	}{
		{"undo", "rollback", "On the way back to the old release, this removes the packages that it did not have.", in.Verdict.Undo, &b.Manifest.Undo},
		{"drop", "packages", "This removes the packages that the new release does not have any more.", in.Verdict.Drop, &b.Manifest.Drop},
	} {
		if len(o.names) == 0 {
			continue
		}
		f, err := b.obsoletes(ctx, o.kind, o.dir, o.why, o.names, in.Plan.Date, signer)
		if err != nil {
			return err
		}
		b.Files, *o.path = append(b.Files, f), f.Path
	}
	return nil
}

// onDisk adds a file of this project.
func (b *Bundle) onDisk(to, from string, mode uint32) error {
	f, err := os.Open(from)
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
func (b *Bundle) databases(spec *release.Spec) error {
	for _, db := range spec.Databases {
		if db.Migrations != "" {
			from := filepath.Join(spec.Dir, db.Migrations)
			db.Migrations = "migrations/" + db.Name
			for _, m := range spec.Migrations[db.Name] {
				name := path.Base(m.File)
				if err := b.onDisk(db.Migrations+"/"+name, filepath.Join(from, name), 0o644); err != nil {
					return err
				}
			}
		}
		if db.Checks != "" {
			from := filepath.Join(spec.Dir, db.Checks)
			db.Checks = "checks/" + db.Name + ".sql"
			if err := b.onDisk(db.Checks, from, 0o644); err != nil {
				return err
			}
		}
		b.Manifest.Databases = append(b.Manifest.Databases, db)
	}
	b.Manifest.Stores = spec.Stores
	return nil
}

// hooks adds the hooks' programs under the names they have in the spec's folder.
func (b *Bundle) hooks(spec *release.Spec) error {
	added := map[string]bool{"": true} // an undo may serve several hooks, or lack
	for _, h := range spec.Hooks.All() {
		for _, name := range []string{h.Run, h.Undo} {
			if added[name] {
				continue
			}
			added[name] = true
			if err := b.onDisk(name, filepath.Join(spec.Dir, name), 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

// config adds the configuration files of both releases, where the manifest says that they are.
func (b *Bundle) config(p *plan.Plan) {
	for i, c := range b.Manifest.Config {
		for to, f := range map[string]*release.ConfigFile{c.Old: p.Config[i].Old, c.New: p.Config[i].New} {
			if f != nil {
				b.Files = append(b.Files, File{
					File: manifest.File{Path: to, Size: f.Size, SHA256: f.SHA256, Mode: 0o644},
					From: f.Path,
				})
			}
		}
	}
}
