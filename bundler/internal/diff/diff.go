// Package diff tells what a jump changes on a host: packages, files, configuration, services, databases, and what
// else its spec has. It prints nothing.
package diff

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"onerpm/bundler/internal/conffile"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/pkgconf"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// Jump is all that a jump changes on a host.
type Jump struct {
	From      string                  `json:"from"`
	To        string                  `json:"to"`
	Packages  []Package               `json:"packages"`
	Files     []File                  `json:"files,omitempty"`          // see Files
	Marked    []pkgconf.File          `json:"package_config,omitempty"` // see ConfigFiles
	Scripts   []Script                `json:"scripts,omitempty"`        // see Scripts
	Config    []Config                `json:"config"`
	Units     []Config                `json:"units"`
	Services  []manifest.Service      `json:"services"`                 // in start order
	Early     []manifest.EarlyService `json:"early_services,omitempty"` // started while the old release serves
	Moves     []manifest.Move         `json:"moves,omitempty"`
	Owners    []manifest.Owner        `json:"owners,omitempty"`
	Keep      []string                `json:"keep,omitempty"` // folders of packages that go late: they stay until clean
	State     []string                `json:"state"`          // folders that are kept
	Databases []Database              `json:"databases"`
	Stores    []Moves                 `json:"stores"`           // data that changes its database
	Accept    []manifest.Acceptance   `json:"accept,omitempty"` // what an admin must accept before
	Hooks     manifest.Hooks          `json:"hooks"`            // by the phase in which they run
	Agents    *manifest.Agents        `json:"agents,omitempty"` // nil when there are none to upgrade
	Bundle    string                  `json:"-"`                // name-version-release
	Product   string                  `json:"-"`                // for people
}

// Package is what happens to one package.
type Package struct {
	Name      string    `json:"name"`
	Change    plan.Kind `json:"change"`
	Old       string    `json:"old,omitempty"` // EVR
	New       string    `json:"new,omitempty"`
	Backwards bool      `json:"backwards,omitempty"` // the new version is the lower one
	Optional  bool      `json:"optional,omitempty"`
	Part      string    `json:"part,omitempty"` // early or late; "": exchanged in the window
}

// File is a file of the packages that is not the same in both releases.
type File struct {
	Package string    `json:"package"`
	Path    string    `json:"path"`
	Change  plan.Kind `json:"change"`
}

// Script is a scriptlet or trigger that rpm runs on the way to the new release.
type Script struct {
	Package string `json:"package"` // name-version-release
	Kind    string `json:"kind"`    // as a spec file of rpm calls it, e.g. "post" or "triggerun"
	When    string `json:"when"`
	Decided string `json:"decided"` // kept, skipped or nothing
	Why     string `json:"why,omitempty"`
}

// Config is what happens to a configuration file or unit.
type Config struct {
	Target  string            `json:"target"`
	Change  plan.Kind         `json:"change"`
	Format  string            `json:"format"`
	Changes []conffile.Change `json:"changes"`
	Set     map[string]string `json:"set,omitempty"` // key -> how the spec sets it
}

// Database is what happens to a database.
type Database struct {
	Name       string      `json:"name"`
	Migrations []Migration `json:"migrations"`
	Backfill   []string    `json:"backfill"` // tables
}

// Migration is one step of a database.
type Migration struct {
	Number int64  `json:"number"`
	Phase  string `json:"phase"`
	Name   string `json:"name"`
}

// Of tells what a jump changes, as far as its project says. Files, Marked and Scripts are of its packages.
func Of(p *plan.Plan) (Jump, error) {
	name, version, revision := p.BundleName()
	r := Jump{From: p.From.Version, To: p.To.Version, Product: p.Product.Name, Bundle: name + "-" + version + "-" + revision,
		Packages: []Package{}, Config: []Config{}, Units: []Config{}, Databases: []Database{},
		Services: append([]manifest.Service{}, p.Spec.Services...), State: append([]string{}, p.Spec.State...),
		Accept: p.Spec.Accept, Hooks: p.Spec.Hooks, Agents: p.Spec.Agents, Stores: MovesOf(p.Spec.Stores),
		Early: p.Spec.EarlyServices, Moves: p.Spec.Moves, Owners: p.Spec.Owners, Keep: p.Keep()}
	for _, c := range p.Changes {
		d := Package{Name: c.Name, Change: c.Kind, Backwards: c.Backwards, Part: partOf(p.Spec, c.Name)}
		if c.Old != nil {
			d.Old, d.Optional = c.Old.EVR, c.Old.Optional
		}
		if c.New != nil {
			d.New, d.Optional = c.New.EVR, c.New.Optional
		}
		r.Packages = append(r.Packages, d)
	}
	for _, f := range p.Config {
		if f.Rules.InPackage() {
			continue // its package's file: told among the files
		}
		d, err := configOf(f)
		switch {
		case err != nil:
			return r, err
		case d.Change == plan.Unchanged && len(d.Set) == 0:
		case strings.HasSuffix(path.Dir(f.Target), "/systemd/system"):
			r.Units = append(r.Units, d)
		default:
			r.Config = append(r.Config, d)
		}
	}
	for _, db := range p.Spec.Databases {
		d := Database{Name: db.Name, Migrations: []Migration{}, Backfill: []string{}}
		for _, m := range p.Spec.Migrations[db.Name] {
			d.Migrations = append(d.Migrations, Migration{m.Version, m.Phase, m.Name})
		}
		for _, b := range db.Backfill {
			d.Backfill = append(d.Backfill, b.Table)
		}
		r.Databases = append(r.Databases, d)
	}
	return r, nil
}

func configOf(f plan.ConfigFile) (Config, error) {
	d := Config{Target: f.Target, Format: f.Format, Change: plan.Changed, Changes: []conffile.Change{}}
	old, err := entries(f.Format, f.Old)
	if err != nil {
		return d, err
	}
	new, err := entries(f.Format, f.New)
	if err != nil {
		return d, err
	}
	if changes := conffile.Compare(f.Format, old, new); changes != nil {
		d.Changes = changes
	}
	switch {
	case f.Old == nil:
		d.Change = plan.Added
	case f.New == nil:
		d.Change = plan.Removed
	case len(d.Changes) == 0:
		d.Change = plan.Unchanged
	}
	for key, v := range f.Rules.Set {
		if d.Set == nil {
			d.Set = map[string]string{}
		}
		d.Set[key] = valueText(v)
	}
	return d, nil
}

func entries(format string, f *release.ConfigFile) ([]conffile.Entry, error) {
	if f == nil {
		return nil, nil
	}
	data, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, exit.With(exit.Spec, err, "")
	}
	list, m := conffile.Read(format, filepath.Base(f.Path), data)
	if m != nil {
		return nil, exit.With(exit.Spec, mistake.List{*m}, "")
	}
	return list, nil
}

// valueText says how the spec sets a key.
func valueText(v manifest.Value) string {
	switch {
	case v.Random > 0 && v.As == manifest.RandomBase64:
		return fmt.Sprintf("%d random bytes in base64", v.Random)
	case v.Random > 0 && v.As == manifest.RandomDistinct:
		return fmt.Sprintf("%d different random letters and digits", v.Random)
	case v.Random > 0:
		return fmt.Sprintf("%d random characters", v.Random)
	case v.Copy != "":
		return "the host's " + v.Copy
	}
	return fmt.Sprint(v.Literal)
}
