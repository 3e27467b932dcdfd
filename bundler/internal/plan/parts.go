package plan

import (
	"maps"
	"slices"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
)

// part is the transaction that a package takes part in. A jump has three: what comes while the
// old release serves, the window's, and what goes after the commit.
type part string

const (
	early  part = "early"
	window part = "window"
	late   part = "late"
)

// partOf tells the part of a package by its name.
func (p *Plan) partOf(name string) part {
	switch {
	case slices.Contains(p.Spec.Packages.Early, name):
		return early
	case slices.ContainsFunc(p.Spec.Packages.Late, func(l release.Late) bool { return l.Package == name }):
		return late
	}
	return window
}

// Keep lists the folders of packages that go late, sorted.
func (p *Plan) Keep() []string {
	var all []string
	for _, l := range p.Spec.Packages.Late {
		all = append(all, l.Keep...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// parts checks that the packages that come early can stand beside the old release, and that
// those that go late can stand beside the new one.
func (c *checker) parts() {
	var coming, going []*rpmpkg.Package
	for _, change := range c.plan.Changes {
		switch h := c.headers.New[change.Name]; {
		case c.plan.partOf(change.Name) == early && h != nil:
			coming = append(coming, h)
		case c.plan.partOf(change.Name) == late && c.headers.Old[change.Name] != nil:
			going = append(going, c.headers.Old[change.Name])
		}
	}
	c.checkCoexistence(coming, c.headers.Old, c.headers.New, "comes early, beside release "+c.plan.From.Version,
		"leave it out of packages.early: it comes in the window then")
	c.checkCoexistence(going, c.headers.New, c.headers.Old, "goes late, and stands beside release "+c.plan.To.Version+" until then",
		"leave it out of packages.late: it goes in the window then")
}

// checkCoexistence checks that some packages of one release (own) can be installed beside all of the other.
func (c *checker) checkCoexistence(some []*rpmpkg.Package, others, own map[string]*rpmpkg.Package, when, do string) {
	if len(some) == 0 {
		return
	}
	there := map[string]*rpmpkg.Package{}
	maps.Copy(there, others)
	for _, h := range some {
		there[h.Name] = h
	}
	have, all := rpmcheck.NewSet(c.sorted(there)), rpmcheck.NewSet(c.sorted(own))
	for _, h := range some {
		for _, d := range h.Requires() {
			if !d.IsRpmlib() && !d.IsRich() && !rpmcheck.MayBeMissing(d) && !have.Has(d) && all.Has(d) {
				c.wrong(h.NVR(), do+"; or name what it needs there too", "%s, and needs %s, which is not there at that time", when, d)
			}
		}
	}
	// Of two packages, the one that is there too early or too long is reported; two of a release are looked at elsewhere.
	odd := func(a, b *rpmpkg.Package) *rpmpkg.Package {
		switch {
		case slices.Contains(some, a) && !slices.Contains(some, b):
			return a
		case slices.Contains(some, b) && !slices.Contains(some, a):
			return b
		}
		return nil
	}
	for _, x := range have.Exclusions() {
		if h := odd(x.Package, x.Other); h != nil {
			c.wrong(h.NVR(), do, "%s, but %s %s %s, as %s", when, x.Package.NVR(), x.Verb, x.Other.NVR(), x.Dep)
		}
	}
	for _, x := range have.Clashes() {
		if h := odd(x.First, x.Second); h != nil {
			other := x.First
			if h == other {
				other = x.Second
			}
			c.wrong(h.NVR(), do, "%s, and has the file %s, which %s has with %s", when, x.Path, other.NVR(), x.What)
		}
	}
}
