package diff

import (
	"slices"

	"onerpm/bundler/internal/pkgconf"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Parts of the packages that are not exchanged in the window, as diff tells them to programs.
const (
	Early = "early" // installed while the old release serves
	Late  = "late"  // erased after the commit
)

func partOf(s *release.Spec, name string) string {
	switch {
	case slices.Contains(s.Packages.Early, name):
		return Early
	case slices.ContainsFunc(s.Packages.Late, func(l release.Late) bool { return l.Package == name }):
		return Late
	}
	return ""
}

// Scripts lists what rpm runs on the way to the new release, and what the spec says of it.
func Scripts(p *plan.Plan, h plan.Headers) []Script {
	out := []Script{}
	for _, s := range plan.Scripts(p.Changes, h) {
		d := Script{Package: s.NVR, Kind: s.Kind, When: s.When, Decided: "nothing"}
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

// ConfigFiles tells what becomes of the %config files of the packages that come, change or go.
func ConfigFiles(p *plan.Plan, h plan.Headers) []pkgconf.File {
	collect := func(set map[string]*rpmpkg.Package, kinds ...plan.Kind) []pkgconf.Package {
		var list []pkgconf.Package
		for _, c := range p.Of(kinds...) {
			part := partOf(p.Spec, c.Name)
			list = append(list, pkgconf.Package{Name: c.Name, Early: part == Early, Late: part == Late, Files: set[c.Name].Files()})
		}
		return list
	}
	rules := make([]manifest.Config, len(p.Config))
	for i, c := range p.Config {
		rules[i] = c.Rules
		rules[i].Target = c.Target
	}
	return pkgconf.Compare(collect(h.Old, plan.Changed, plan.Removed), collect(h.New, plan.Changed, plan.Added), rules)
}

// Files compares the files of the packages, whichever package they are in: a
// file that moves from one to another does not change for the host.
func Files(p *plan.Plan, h plan.Headers) []File {
	type owned struct {
		pkg  string
		file rpmfile.FileInfo
	}
	collect := func(set map[string]*rpmpkg.Package, kinds ...plan.Kind) (paths []string, all map[string]owned) {
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
	out := []File{}
	for _, name := range newPaths {
		a, had := old[name]
		b := new[name]
		switch {
		case !had:
			out = append(out, File{b.pkg, name, plan.Added})
		case a.file.Digest != b.file.Digest || a.file.Mode != b.file.Mode || a.file.LinkTo != b.file.LinkTo || a.file.User != b.file.User || a.file.Group != b.file.Group:
			out = append(out, File{b.pkg, name, plan.Changed})
		}
	}
	for _, name := range oldPaths {
		if _, stays := new[name]; !stays {
			out = append(out, File{old[name].pkg, name, plan.Removed})
		}
	}
	return out
}
