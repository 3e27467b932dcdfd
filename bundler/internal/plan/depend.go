package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/rpmfile"
)

// system matches what every host has, whatever the product: programs and files of
// the base system, shared libraries, and what rpm's own generators write. A host
// that lacks one is found by the engine's preflight, before anything changes.
var system = regexp.MustCompile(`^(` +
	`/(usr/)?s?bin/[^/]+|/usr/libexec/[^/]+|/etc/[^/]+|` +
	`(lib|ld-)[A-Za-z0-9._+-]*\.so[A-Za-z0-9._+-]*(\(.*\))*|rtld\(GNU_HASH\)|` +
	`(glibc|bash|sh|coreutils|systemd|shadow-utils|util-linux|grep|sed|gawk|tar|gzip|openssl|ca-certificates|chkconfig|initscripts|python\(abi\))` +
	`)$`)

// provider is what one package set provides.
type provider struct {
	deps  map[string][]rpmfile.Dep // by name
	files map[string]bool
}

func providerOf(set map[string]*rpmfile.Header) provider {
	p := provider{deps: map[string][]rpmfile.Dep{}, files: map[string]bool{}}
	for _, h := range set {
		self := rpmfile.Dep{Name: h.Name, Flags: rpmfile.DepEqual, EVR: h.ShortEVR()}
		for _, d := range append(h.Provides(), self) {
			p.deps[d.Name] = append(p.deps[d.Name], d)
		}
		for _, f := range h.Files() {
			p.files[f.Path] = true
		}
	}
	return p
}

// has tells whether the set satisfies a requirement.
func (p provider) has(d rpmfile.Dep) bool {
	return p.files[d.Name] || slices.ContainsFunc(p.deps[d.Name], d.Overlaps)
}

// knows tells whether the set has a thing of that name, in whatever version.
func (p provider) knows(d rpmfile.Dep) bool { return p.files[d.Name] || len(p.deps[d.Name]) > 0 }

// closure checks that what the packages of the new release require will be there.
// What is the product's own, by a name that either release has, must be in the new
// release. The rest must be the host's: something every host has, something that the
// old release requires too, or something that the spec says hosts have.
func (c *checker) closure() {
	old, new := providerOf(c.headers.Old), providerOf(c.headers.New)
	needed := map[string][]rpmfile.Dep{}
	for _, h := range c.headers.Old {
		for _, d := range h.Requires() {
			needed[d.Name] = append(needed[d.Name], d)
		}
	}
	for _, h := range c.newSet() {
		for _, d := range h.Requires() {
			switch {
			case d.IsRpmlib(), d.IsRich(): // rpm on the host decides, in preflight
			case new.has(d):
			case new.knows(d):
				c.wrong(h.NVR(), "correct the requirement or the versions in versions/"+c.plan.To.Version+".yaml",
					"needs %s, but the new release has %s", d, list(new.deps[d.Name]))
			case old.knows(d):
				c.wrong(h.NVR(), "keep what provides it, or build the package without the requirement",
					"needs %s, which only release %s has", d, c.plan.From.Version)
			case system.MatchString(d.Name), slices.ContainsFunc(needed[d.Name], func(o rpmfile.Dep) bool { return implies(o, d) }):
			case slices.Contains(c.plan.Spec.Packages.Host, d.Name):
			default:
				c.wrong(h.NVR(), "add what provides it to the release, or, when every host has it, list it in packages.host of the spec",
					"needs %s, which is in neither release and which %s does not need", d, c.plan.From.Version)
			}
		}
	}
}

// implies tells whether a host that fulfils the old requirement is sure to fulfil the new one.
func implies(old, new rpmfile.Dep) bool {
	return new.EVR == "" || old.String() == new.String()
}

func list(deps []rpmfile.Dep) string {
	var out []string
	for _, d := range deps {
		if s := d.String(); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// conflicts checks that no package of the new release conflicts with another of it
// or obsoletes it.
func (c *checker) conflicts() {
	set := c.newSet()
	for _, h := range set {
		for _, other := range set {
			if other.Name == h.Name {
				continue
			}
			self := rpmfile.Dep{Name: other.Name, Flags: rpmfile.DepEqual, EVR: other.ShortEVR()}
			for _, d := range h.Conflicts() {
				if slices.ContainsFunc(append(other.Provides(), self), d.Overlaps) {
					c.wrong(h.NVR(), "one of the two cannot be in the release", "conflicts with %s, as %s", other.NVR(), d)
				}
			}
			for _, d := range h.Obsoletes() {
				if d.Overlaps(self) {
					c.wrong(h.NVR(), "one of the two cannot be in the release", "obsoletes %s, as %s", other.NVR(), d)
				}
			}
		}
	}
}

// files checks that no two packages of the new release have different things at one path.
func (c *checker) files() {
	type owner struct {
		nvr  string
		file rpmfile.FileInfo
	}
	owners := map[string]owner{}
	for _, h := range c.newSet() {
		for _, f := range h.Files() {
			first, taken := owners[f.Path]
			if !taken {
				owners[f.Path] = owner{h.NVR(), f}
				continue
			}
			if what := differ(first.file, f); what != "" {
				c.wrong(h.NVR(), "one of the two must leave it out", "has the file %s, which %s has too, with %s", f.Path, first.nvr, what)
			}
		}
	}
}

// differ says how two files at one path differ, "" when rpm would let both be.
func differ(a, b rpmfile.FileInfo) string {
	switch {
	case a.IsDir() && b.IsDir(), a.IsGhost() && b.IsGhost():
		return ""
	case a.Mode&0o170000 != b.Mode&0o170000:
		return "another type"
	case a.Mode != b.Mode:
		return fmt.Sprintf("mode %04o, not %04o", a.Mode&0o7777, b.Mode&0o7777)
	case a.Digest != b.Digest || a.DigestAlgo != b.DigestAlgo || a.LinkTo != b.LinkTo:
		return "other content"
	case a.User != b.User || a.Group != b.Group:
		return "another owner"
	}
	return ""
}
