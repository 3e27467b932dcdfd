// Package plan works out what a jump means: which packages come, change, go or
// stay, which files have to be fetched for it, and, once their headers are there,
// whether they fit together.
//
// It promises to fetch and write nothing, to give the same plan for the same
// inputs, and to tell all problems at once. The direction of a jump is declared,
// never compared: a package whose version goes backwards is a change like any other.
package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// Plan is a jump, resolved.
type Plan struct {
	Product release.Product
	Jump    string // <from>-<to>
	From    *release.Release
	To      *release.Release
	Spec    *release.Spec
	Date    time.Time // build time of the bundle, UTC: SOURCE_DATE_EPOCH, or the day of To

	Changes []Change           // every package of both releases, sorted by name
	Config  []ConfigFile       // every configuration file of both releases, sorted by target
	Known   []manifest.Release // every release of the project, oldest first

	catalog *release.Catalog
}

// Kind is what happens to a package.
type Kind string

// The kinds of change.
const (
	Added     Kind = "added"
	Changed   Kind = "changed"
	Removed   Kind = "removed"
	Unchanged Kind = "unchanged" // the very same file by its digest; it stays out of the bundle
)

// Change is what happens to one package.
type Change struct {
	Name      string
	Kind      Kind
	Old       *release.Component // nil when added
	New       *release.Component // nil when removed
	Backwards bool               // the new version is the lower one, as rpm compares them; for people
}

// ConfigFile is one configuration file, in the versions that the two releases render.
type ConfigFile struct {
	Target string              // absolute path on the host
	Format string              // one of manifest.Formats
	Old    *release.ConfigFile // nil when From has none
	New    *release.ConfigFile // nil when To has none
	Rules  manifest.Config     // what the spec says of it: set, policy, owner, group, mode
}

// Resolve makes the plan of a jump. sourceDateEpoch is the environment's
// SOURCE_DATE_EPOCH, seconds since 1970, or "". Errors: exit.Usage for an unknown
// jump or a malformed date, exit.Spec for components without a digest.
func Resolve(cat *release.Catalog, jump, sourceDateEpoch string) (*Plan, error) {
	spec, err := cat.Spec(jump)
	if err != nil {
		return nil, err
	}
	p := &Plan{Product: cat.Product, Jump: jump, From: cat.Release(spec.From), To: cat.Release(spec.To), Spec: spec, catalog: cat}
	for _, r := range []*release.Release{p.From, p.To} {
		if err := Locked(r); err != nil {
			return nil, err
		}
	}
	if p.Date, err = date(p.To, sourceDateEpoch); err != nil {
		return nil, err
	}
	p.Changes = changes(p.From.Components, p.To.Components)
	p.Config = configFiles(p.From, p.To, spec)
	p.Known = known(cat)
	return p, nil
}

// Locked refuses a release with components whose bytes are not pinned.
func Locked(r *release.Release) error {
	var open []string
	for _, c := range r.Components {
		if c.SHA256 == "" || c.Size == 0 {
			open = append(open, c.Name)
		}
	}
	if open == nil {
		return nil
	}
	return exit.Errorf(exit.Spec, "run bundler lock "+r.Version, "release %s does not pin %s by digest and size", r.Version, strings.Join(open, ", "))
}

// date is the build time. rpm keeps times in 32 bits.
func date(to *release.Release, epoch string) (time.Time, error) {
	if epoch == "" {
		day, err := time.Parse(time.DateOnly, to.Date)
		if err != nil || day.Unix() < 0 {
			return time.Time{}, exit.Errorf(exit.Spec, "", "the date of release %s, %q, cannot be a build time", to.Version, to.Date)
		}
		return day, nil
	}
	seconds, err := strconv.ParseUint(epoch, 10, 32)
	if err != nil {
		return time.Time{}, exit.Errorf(exit.Usage, "set it to seconds since 1970, or not at all", "SOURCE_DATE_EPOCH is %q", epoch)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

func changes(from, to []release.Component) []Change {
	byName := map[string]*Change{}
	get := func(name string) *Change {
		if byName[name] == nil {
			byName[name] = &Change{Name: name}
		}
		return byName[name]
	}
	for i := range from {
		get(from[i].Name).Old = &from[i]
	}
	for i := range to {
		get(to[i].Name).New = &to[i]
	}
	var out []Change
	for _, c := range byName {
		switch {
		case c.Old == nil:
			c.Kind = Added
		case c.New == nil:
			c.Kind = Removed
		case c.Old.ID() == c.New.ID() && c.Old.SHA256 == c.New.SHA256:
			c.Kind = Unchanged
		default:
			c.Kind = Changed
			c.Backwards = c.New.ID().Compare(c.Old.ID()) < 0
		}
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func configFiles(from, to *release.Release, spec *release.Spec) []ConfigFile {
	byTarget := map[string]*ConfigFile{}
	get := func(target string) *ConfigFile {
		if byTarget[target] == nil {
			byTarget[target] = &ConfigFile{Target: target, Format: spec.Format(target)}
		}
		return byTarget[target]
	}
	for i := range from.ConfigFiles {
		get(from.ConfigFiles[i].Target).Old = &from.ConfigFiles[i]
	}
	for i := range to.ConfigFiles {
		get(to.ConfigFiles[i].Target).New = &to.ConfigFiles[i]
	}
	for _, rules := range spec.Config {
		get(rules.Target).Rules = rules
	}
	var out []ConfigFile
	for _, f := range byTarget {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b ConfigFile) int { return cmp.Compare(a.Target, b.Target) })
	return out
}

func known(cat *release.Catalog) []manifest.Release {
	out := []manifest.Release{}
	for _, r := range cat.Releases {
		k := manifest.Release{Version: r.Version, Next: cat.Jumps[r.Version], Packages: []manifest.Known{}}
		if k.Next == "" {
			k.Why = cat.Unreached(r.Version)
		}
		for _, c := range r.Components {
			k.Packages = append(k.Packages, manifest.Known{Name: c.Name, EVR: c.ID().EVR(), Optional: c.Optional})
		}
		slices.SortFunc(k.Packages, func(a, b manifest.Known) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, k)
	}
	return out
}

// Of returns the changes of the given kinds, sorted by name.
func (p *Plan) Of(kinds ...Kind) []Change {
	var out []Change
	for _, c := range p.Changes {
		if slices.Contains(kinds, c.Kind) {
			out = append(out, c)
		}
	}
	return out
}

// Platforms returns those of both releases, e.g. el7.x86_64: a host with one of them may be given the bundle.
func (p *Plan) Platforms() []string {
	all := slices.Concat(p.From.Platforms, p.To.Platforms)
	slices.Sort(all)
	return slices.Compact(all)
}

// BundleName returns the bundle's package name, version and rpm release.
func (p *Plan) BundleName() (name, version, rpmRelease string) {
	return p.Product.Prefix + "-" + p.To.Version, p.To.Version, fmt.Sprint(p.Spec.Revision)
}
