package plan

import (
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
)

// system matches what every host has, whatever the product: programs and files of
// the base system, shared libraries, and what rpm's own generators write. A host
// that lacks one is found by the engine's preflight, before anything changes.
var system = regexp.MustCompile(`^(` +
	`/(usr/)?s?bin/[^/]+|/usr/libexec/[^/]+|/etc/[^/]+|` +
	`(lib|ld-)[A-Za-z0-9._+-]*\.so[A-Za-z0-9._+-]*(\(.*\))*|rtld\(GNU_HASH\)|` +
	`(glibc|bash|sh|coreutils|systemd|shadow-utils|util-linux|grep|sed|gawk|tar|gzip|openssl|ca-certificates|chkconfig|initscripts|python\(abi\))` +
	`)$`)

// closure checks that what the packages of the new release require will be there.
// What is the product's own, by a name that either release has, must be in the new
// release. The rest must be the host's: something every host has, something that the
// old release requires too, or something that the spec says hosts have.
func (c *checker) closure() {
	old, new := rpmcheck.NewSet(c.oldSet()), rpmcheck.NewSet(c.newSet())
	before := rpmcheck.NewSet(c.beforeWindow())
	needed := map[string][]rpmpkg.Dep{}
	for _, h := range c.oldSet() {
		for _, d := range h.Requires() {
			if !rpmcheck.MayBeMissing(d) {
				needed[d.Name] = append(needed[d.Name], d)
			}
		}
	}
	for _, h := range c.newSet() {
		for _, d := range h.Requires() {
			first := rpmcheck.BeforeTransaction(d)
			switch {
			case d.IsRpmlib(): // see platforms
			case d.IsRich(): // rpm on the host decides, in preflight
			case rpmcheck.MayBeMissing(d):
			case !first && new.Has(d), first && before.Has(d):
			case slices.Contains(c.plan.Spec.Packages.Host, d.Name):
			case first && !c.moves(h): // was asked when it was installed
			case first && new.Has(d):
				c.wrong(h.NVR(), "build the package without Requires(pretrans), or name what provides it in packages.early",
					"needs %s before the transaction, which comes with it", d)
			case new.Knows(d):
				c.wrong(h.NVR(), "correct the requirement or the versions in versions/"+c.plan.To.Version+".yaml",
					"needs %s, but the new release has %s", d, list(new.Provided(d.Name)))
			case old.Knows(d):
				c.wrong(h.NVR(), "keep what provides it, or build the package without the requirement",
					"needs %s, which only release %s has", d, c.plan.From.Version)
			case system.MatchString(d.Name), slices.ContainsFunc(needed[d.Name], func(o rpmpkg.Dep) bool { return rpmcheck.Implies(o, d) }):
			default:
				c.wrong(h.NVR(), "add what provides it to the release, or, when every host has it, list it in packages.host of the spec",
					"needs %s, which is in neither release and which %s does not need", d, c.plan.From.Version)
			}
		}
	}
}

// beforeWindow returns what a host has when the window's transaction begins: the old release, and what came early.
func (c *checker) beforeWindow() []*rpmpkg.Package {
	out := c.oldSet()
	for _, h := range c.newSet() {
		if c.plan.partOf(h.Name) == early && c.headers.Old[h.Name] == nil {
			out = append(out, h)
		}
	}
	return out
}

func list(deps []rpmpkg.Dep) string {
	out := make([]string, len(deps))
	for i, d := range deps {
		out[i] = d.String()
	}
	return strings.Join(out, ", ")
}

// together checks that all packages of the new release can be installed at once. What two have
// against one another that stay as they are is rpm's business no more.
func (c *checker) together() {
	set := rpmcheck.NewSet(c.newSet())
	for _, x := range set.Exclusions() {
		if c.moves(x.Package) || c.moves(x.Other) {
			c.wrong(x.Package.NVR(), "one of the two cannot be in the release", "%s %s, as %s", x.Verb, x.Other.NVR(), x.Dep)
		}
	}
	for _, x := range set.Clashes() {
		if c.moves(x.First) || c.moves(x.Second) {
			c.wrong(x.Second.NVR(), "one of the two must leave it out, or both must have it alike", "has the file %s, which %s has too, with %s", x.Path, x.First.NVR(), x.What)
		}
	}
}

// platforms checks that the rpm of each platform can read the packages of the release that names it.
func (c *checker) platforms() {
	for _, side := range []struct {
		release *release.Release
		set     []*rpmpkg.Package
	}{{c.plan.From, c.oldSet()}, {c.plan.To, c.newSet()}} {
		for _, h := range side.set {
			if !c.moves(h) && side.release == c.plan.From {
				continue // once is enough
			}
			for _, platform := range side.release.Platforms {
				for _, why := range rpmcheck.Unreadable(h, platform) {
					c.wrong(h.NVR(), "build or sign it as on the oldest platform of the release, or take the platform out of versions/"+side.release.Version+".yaml",
						"%s, which the rpm of %s does not know", why, platform)
				}
			}
		}
	}
}
