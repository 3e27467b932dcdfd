package preflight

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/release"
	"onerpm/payload-scripts/internal/rpm"
)

// state is which release a host has.
type state int

const (
	unknown state = iota
	atOld
	atNew
)

// installed is what a host has, by name.
type installed map[string][]nevra.ID

// identify finds out which release the host has, and names the right bundle
// when it is not the one this bundle starts from.
func (r *run) identify(ctx context.Context) []finding.Finding {
	m := r.Manifest
	has, err := r.installed(ctx)
	if err != nil {
		return failed("find out which packages are installed", err)
	}
	if r.set.Had, err = r.set.Optional(ctx); err != nil {
		return failed("find out which packages are installed", err)
	}
	names := make([]string, 0, len(has))
	for name := range has {
		names = append(names, name)
	}
	switch {
	case len(differences(has, slices.Concat(known(m.New), r.lateRemaining()), names)) == 0:
		r.state = atNew
		return []finding.Finding{{
			ID: AlreadyNew, Level: finding.Refuse,
			What: fmt.Sprintf("this host has %s %s already", m.Product, m.To), Do: "nothing",
		}}
	case len(differences(has, slices.Concat(known(m.Old), r.earlyInstalled()), names)) == 0:
		r.state = atOld
		return nil
	}
	return r.otherRelease(ctx, has)
}

// installed is what the host has of all packages of the jump, whenever they come and go.
func (r *run) installed(ctx context.Context) (installed, error) {
	whole := packages.Set{Bundle: release.Bundle{Manifest: r.Manifest, Dir: r.Dir}, RPM: rpm.Host{Root: r.Root}}
	return whole.Installed(ctx)
}

// lateRemaining are the packages that a host at the new release may have yet.
func (r *run) lateRemaining() []manifest.Known {
	if late := r.Manifest.Late(); late != nil {
		return optional(known(late.Old))
	}
	return nil
}

// earlyInstalled are the packages that a host at the old release may have, because an attempt was stopped.
func (r *run) earlyInstalled() []manifest.Known {
	if early := r.Manifest.Early(); early != nil && r.EarlyCame {
		return optional(known(early.New))
	}
	return nil
}

func optional(set []manifest.Known) []manifest.Known {
	for i := range set {
		set[i].Optional = true
	}
	return set
}

// otherRelease tells what a host has that is at neither release.
func (r *run) otherRelease(ctx context.Context, has installed) []finding.Finding {
	m := r.Manifest
	all, err := r.set.RPM.DB().Installed(ctx, knownNames(m))
	if err != nil {
		return failed("find out which packages are installed", err)
	}
	for _, release := range m.Known {
		if release.Version == m.From || release.Version == m.To || len(differences(all, release.Packages, knownNames(m))) > 0 {
			continue
		}
		return []finding.Finding{{
			ID: "wrong-release", Level: finding.Refuse,
			What: fmt.Sprintf("this host has %s %s; this bundle is for %s", m.Product, release.Version, m.From),
			Do:   r.rightBundle(release.Version),
		}}
	}
	if len(all) == 0 && len(has) == 0 {
		return []finding.Finding{{
			ID: "not-installed", Level: finding.Refuse,
			What: "no package of " + m.Product + " is installed on this host",
			Do:   fmt.Sprintf("install it on a host that has %s %s", m.Product, m.From),
		}}
	}
	names := make([]string, 0, len(has))
	for name := range has {
		names = append(names, name)
	}
	return []finding.Finding{{
		ID: "packages-differ", Level: finding.Refuse,
		What: fmt.Sprintf("the installed packages are not those of %s %s: %s", m.Product, m.From,
			list(differences(has, known(m.Old), names), "; ")),
		Do: "install exactly the packages of " + m.From + ", then check again",
	}}
}

// rightBundle says what to do on a host with another release.
func (r *run) rightBundle(has string) string {
	m := r.Manifest
	next := map[string]string{}
	for _, release := range m.Known {
		next[release.Version] = release.Next
	}
	leads := func(from, to string) bool {
		for range m.Known {
			if from == to {
				return true
			}
			if from = next[from]; from == "" {
				return false
			}
		}
		return false
	}
	switch {
	case leads(has, m.From):
		return fmt.Sprintf("take %s-%s first, then this bundle", m.Prefix, next[has])
	case leads(m.To, has):
		return fmt.Sprintf("nothing: it is newer than %s, where this bundle leads", m.To)
	case next[has] != "":
		return fmt.Sprintf("take %s-%s, which is for %s; no way leads from there to %s", m.Prefix, next[has], has, m.From)
	}
	for _, release := range m.Known {
		if release.Version == has && release.Why != "" {
			return release.Why
		}
	}
	return fmt.Sprintf("no bundle is for %s; ask for a way from there", has)
}

// differences returns in what the host differs from a release's packages. names
// are those that the release must have or not have.
func differences(has installed, want []manifest.Known, names []string) []string {
	var found []string
	wanted := map[string]bool{}
	for _, p := range want {
		wanted[p.Name] = true
		switch entries := has[p.Name]; {
		case len(entries) == 0 && p.Optional:
		case len(entries) == 0:
			found = append(found, fmt.Sprintf("%s %s is not installed", p.Name, p.EVR))
		case len(entries) > 1:
			found = append(found, fmt.Sprintf("%s is in rpm's database %d times", p.Name, len(entries)))
		case entries[0].EVR() != p.EVR:
			found = append(found, fmt.Sprintf("%s is %s, not %s", p.Name, entries[0].EVR(), p.EVR))
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if !wanted[name] && len(has[name]) > 0 {
			found = append(found, fmt.Sprintf("%s %s does not belong to it", name, has[name][0].EVR()))
		}
	}
	return found
}

func known(set []manifest.Package) []manifest.Known {
	all := make([]manifest.Known, len(set))
	for i, p := range set {
		all[i] = manifest.Known{Name: p.Name, EVR: p.EVR(), Optional: p.Optional}
	}
	return all
}

func knownNames(m *manifest.Manifest) []string {
	names := map[string]bool{}
	for _, release := range m.Known {
		for _, p := range release.Packages {
			names[p.Name] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	return sorted
}

// shown is how many things of a kind a finding names.
const shown = 10

// list joins the first things and counts the others.
func list(things []string, by string) string {
	if len(things) <= shown {
		return strings.Join(things, by)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(things[:shown], by), by, len(things)-shown)
}
