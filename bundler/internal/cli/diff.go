package cli

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/conffile"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// DiffOptions are what diff is asked.
type DiffOptions struct {
	Project string
	Jump    string
	Files   bool // also the files of the packages, which have to be fetched for it
	Source  SourceOptions
	JSON    bool
}

func diffCommand(s *streams) *cli.Command {
	var o DiffOptions
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "files", Usage: "also the packages' files and scriptlets; fetches the packages", Destination: &o.Files},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "diff",
		Usage:     "show what changes on a host",
		ArgsUsage: "JUMP",
		Flags:     append(flags, sourceFlags(&o.Source)...),
		Action:    inProjectWith(&o.Project, &o.Jump, func(c *cli.Context) error { return runDiff(c.Context, s, o) }),
	}
}

// diffResult is what diff tells programs.
type diffResult struct {
	From      string                  `json:"from"`
	To        string                  `json:"to"`
	Packages  []diffPackage           `json:"packages"`
	Files     []diffFile              `json:"files,omitempty"`   // of the packages; only when asked for
	Scripts   []diffScript            `json:"scripts,omitempty"` // what rpm runs on the way there; likewise
	Config    []diffConfig            `json:"config"`
	Units     []diffConfig            `json:"units"`
	Services  []manifest.Service      `json:"services"`                 // in start order
	Early     []manifest.EarlyService `json:"early_services,omitempty"` // started while the old release serves
	Moves     []manifest.Move         `json:"moves,omitempty"`
	Owners    []manifest.Owner        `json:"owners,omitempty"`
	Keep      []string                `json:"keep,omitempty"` // folders of packages that go late: they stay until clean
	State     []string                `json:"state"`          // folders that are kept
	Databases []diffDatabase          `json:"databases"`
	Stores    []storeMoves            `json:"stores"`           // data that changes its database
	Accept    []manifest.Acceptance   `json:"accept,omitempty"` // what an admin must accept before
	Hooks     manifest.Hooks          `json:"hooks"`            // by the phase in which they run
	Agents    *manifest.Agents        `json:"agents,omitempty"` // nil when there are none to upgrade
	bundle    string
	product   string
}

type diffPackage struct {
	Name      string    `json:"name"`
	Change    plan.Kind `json:"change"`
	Old       string    `json:"old,omitempty"` // EVR
	New       string    `json:"new,omitempty"`
	Backwards bool      `json:"backwards,omitempty"` // the new version is the lower one
	Optional  bool      `json:"optional,omitempty"`
	Part      string    `json:"part,omitempty"` // early or late; "": exchanged in the window
}

type diffFile struct {
	Package string    `json:"package"`
	Path    string    `json:"path"`
	Change  plan.Kind `json:"change"`
}

type diffScript struct {
	Package string `json:"package"` // name-version-release
	Kind    string `json:"kind"`    // as a spec file of rpm calls it, e.g. "post" or "triggerun"
	When    string `json:"when"`
	Decided string `json:"decided"` // kept, skipped or nothing
	Why     string `json:"why,omitempty"`
}

type diffConfig struct {
	Target  string            `json:"target"`
	Change  plan.Kind         `json:"change"`
	Format  string            `json:"format"`
	Changes []conffile.Change `json:"changes"`
	Set     map[string]string `json:"set,omitempty"` // key -> how the spec sets it
}

type diffDatabase struct {
	Name       string          `json:"name"`
	Migrations []diffMigration `json:"migrations"`
	Backfill   []string        `json:"backfill"` // tables
}

type diffMigration struct {
	Number int64  `json:"number"`
	Phase  string `json:"phase"`
	Name   string `json:"name"`
}

func runDiff(ctx context.Context, s *streams, o DiffOptions) error {
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	p, err := plan.Resolve(cat, o.Jump, "")
	if err != nil {
		return err
	}
	result, err := diff(p)
	if err != nil {
		return err
	}
	if o.Files {
		files, err := fetchItems(ctx, s, cat, p.Items(), o.Source, nil)
		if err != nil {
			return err
		}
		h := headers(p, files)
		result.Files, result.Scripts = diffFiles(p, h), diffScripts(p, h)
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print(result.text(colours(s, s.out)))
}

func diff(p *plan.Plan) (diffResult, error) {
	name, version, revision := p.BundleName()
	r := diffResult{From: p.From.Version, To: p.To.Version, product: p.Product.Name, bundle: name + "-" + version + "-" + revision,
		Packages: []diffPackage{}, Config: []diffConfig{}, Units: []diffConfig{}, Databases: []diffDatabase{},
		Services: append([]manifest.Service{}, p.Spec.Services...), State: append([]string{}, p.Spec.State...),
		Accept: p.Spec.Accept, Hooks: p.Spec.Hooks, Agents: p.Spec.Agents, Stores: movesOf(p.Spec.Stores),
		Early: p.Spec.EarlyServices, Moves: p.Spec.Moves, Owners: p.Spec.Owners, Keep: p.Keep()}
	for _, c := range p.Changes {
		d := diffPackage{Name: c.Name, Change: c.Kind, Backwards: c.Backwards, Part: partOf(p.Spec, c.Name)}
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
		d, err := diffOfConfig(f)
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
		d := diffDatabase{Name: db.Name, Migrations: []diffMigration{}, Backfill: []string{}}
		for _, m := range p.Spec.Migrations[db.Name] {
			d.Migrations = append(d.Migrations, diffMigration{m.Version, m.Phase, m.Name})
		}
		for _, b := range db.Backfill {
			d.Backfill = append(d.Backfill, b.Table)
		}
		r.Databases = append(r.Databases, d)
	}
	return r, nil
}

func diffOfConfig(f plan.ConfigFile) (diffConfig, error) {
	d := diffConfig{Target: f.Target, Format: f.Format, Change: plan.Changed, Changes: []conffile.Change{}}
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

// diffScripts lists what rpm runs on the way to the new release, and what the spec says of it.
func diffScripts(p *plan.Plan, h plan.Headers) []diffScript {
	out := []diffScript{}
	for _, s := range plan.Scripts(p.Changes, h) {
		d := diffScript{Package: s.NVR, Kind: s.Kind, When: s.When, Decided: "nothing"}
		switch why := p.Spec.Packages.Keep[s.NVR][s.Kind]; {
		case p.Skips(s.Package, s.Kind):
			d.Decided, d.Why = "skipped", p.Spec.Packages.Skip[s.NVR][s.Kind]
		case why != "":
			d.Decided, d.Why = "kept", why
		}
		out = append(out, d)
	}
	return out
}

// diffFiles compares the files of the packages, whichever package they are in: a
// file that moves from one to another does not change for the host.
func diffFiles(p *plan.Plan, h plan.Headers) []diffFile {
	type owned struct {
		pkg  string
		file rpmfile.FileInfo
	}
	collect := func(set map[string]*rpmfile.Header, kinds ...plan.Kind) (paths []string, all map[string]owned) {
		all = map[string]owned{}
		for _, c := range p.Of(kinds...) {
			for _, f := range set[c.Name].Files() {
				if _, twice := all[f.Path]; !twice {
					paths = append(paths, f.Path)
				}
				all[f.Path] = owned{c.Name, f}
			}
		}
		return paths, all
	}
	oldPaths, old := collect(h.Old, plan.Changed, plan.Removed, plan.Unchanged)
	newPaths, new := collect(h.New, plan.Changed, plan.Added, plan.Unchanged)
	out := []diffFile{}
	for _, name := range newPaths {
		a, had := old[name]
		b := new[name]
		switch {
		case !had:
			out = append(out, diffFile{b.pkg, name, plan.Added})
		case a.file.Digest != b.file.Digest || a.file.Mode != b.file.Mode || a.file.LinkTo != b.file.LinkTo || a.file.User != b.file.User || a.file.Group != b.file.Group:
			out = append(out, diffFile{b.pkg, name, plan.Changed})
		}
	}
	for _, name := range oldPaths {
		if _, stays := new[name]; !stays {
			out = append(out, diffFile{old[name].pkg, name, plan.Removed})
		}
	}
	return out
}
