package plan

import (
	"slices"

	"onerpm/bundler/internal/release"
	"onerpm/internal/rpmfile"
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
	var coming, going []*rpmfile.Header
	for _, change := range c.plan.Changes {
		switch h := c.headers.New[change.Name]; {
		case c.plan.partOf(change.Name) == early && h != nil:
			coming = append(coming, h)
		case c.plan.partOf(change.Name) == late && c.headers.Old[change.Name] != nil:
			going = append(going, c.headers.Old[change.Name])
		}
	}
	c.beside(coming, c.headers.Old, c.headers.New, "comes early, beside release "+c.plan.From.Version,
		"leave it out of packages.early: it comes in the window then")
	c.beside(going, c.headers.New, c.headers.Old, "goes late, and stands beside release "+c.plan.To.Version+" until then",
		"leave it out of packages.late: it goes in the window then")
}

// beside checks that some packages of one release (own) fit to all of the other.
func (c *checker) beside(some []*rpmfile.Header, others, own map[string]*rpmfile.Header, when, do string) {
	if len(some) == 0 {
		return
	}
	there := map[string]*rpmfile.Header{}
	for name, h := range others {
		there[name] = h
	}
	for _, h := range some {
		there[h.Name] = h
	}
	have, all := providerOf(there), providerOf(own)
	for _, h := range some {
		for _, d := range h.Requires() {
			if !d.IsRpmlib() && !d.IsRich() && !have.has(d) && all.has(d) {
				c.wrong(h.NVR(), do+"; or name what it needs there too", "%s, and needs %s, which is not there at that time", when, d)
			}
		}
		for _, change := range c.plan.Changes {
			o := others[change.Name]
			if o == nil || o.Name == h.Name {
				continue
			}
			c.excludes(h, o, when, do)
			c.clashes(h, o, when, do)
		}
	}
}

// excludes reports what of two packages keeps them from standing beside one another.
func (c *checker) excludes(h, o *rpmfile.Header, when, do string) {
	for _, pair := range [][2]*rpmfile.Header{{h, o}, {o, h}} {
		self := rpmfile.Dep{Name: pair[1].Name, Flags: rpmfile.DepEqual, EVR: pair[1].ShortEVR()}
		for _, d := range pair[0].Conflicts() {
			if slices.ContainsFunc(append(pair[1].Provides(), self), d.Overlaps) {
				c.wrong(h.NVR(), do, "%s, but %s conflicts with %s, as %s", when, pair[0].NVR(), pair[1].NVR(), d)
			}
		}
		for _, d := range pair[0].Obsoletes() {
			if d.Overlaps(self) {
				c.wrong(h.NVR(), do, "%s, but %s obsoletes %s, as %s", when, pair[0].NVR(), pair[1].NVR(), d)
			}
		}
	}
}

// clashes reports paths at which two packages have different things.
func (c *checker) clashes(h, o *rpmfile.Header, when, do string) {
	theirs := map[string]rpmfile.FileInfo{}
	for _, f := range o.Files() {
		theirs[f.Path] = f
	}
	for _, f := range h.Files() {
		other, both := theirs[f.Path]
		if !both {
			continue
		}
		if what := differ(other, f); what != "" {
			c.wrong(h.NVR(), do, "%s, and has the file %s, which %s has with %s", when, f.Path, o.NVR(), what)
		}
	}
}
