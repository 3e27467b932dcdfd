package release

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/nevra"
)

var (
	nameGrammar   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
	evrGrammar    = regexp.MustCompile(`^(?:([0-9]{1,9}):)?([A-Za-z0-9._+~^]{1,127})-([A-Za-z0-9._+~^]{1,127})$`)
	digestGrammar = regexp.MustCompile(`^[0-9a-f]{64}$`)
	arches        = []string{"noarch", "x86_64", "i386", "i586", "i686", "aarch64", "armv7hl", "ppc64", "ppc64le", "s390x", "riscv64"}
	sourceSchemes = []string{"https://", "http://", "s3://", "yum+https://", "yum+http://", "yum+file:///"}
)

// ID returns the package's identity; the epoch is 0 when none is written. Of a component
// that was not accepted only name and architecture are known.
func (c Component) ID() nevra.ID {
	id, err := nevra.ParseEVR(c.EVR)
	if err != nil {
		id = nevra.ID{Version: c.EVR}
	}
	id.Name, id.Arch = c.Name, c.Arch
	return id
}

// SourceOf returns where a component of a release lies: what it says itself, or the
// release, or the product.
func (c *Catalog) SourceOf(r *Release, comp Component) string {
	for _, s := range []string{comp.Source, r.Source, c.Product.Source} {
		if s != "" {
			return s
		}
	}
	return ""
}

// source reports a source of a kind that does not exist.
func (p *page) sourceKind(s string, path ...any) {
	switch scheme, rest, has := strings.Cut(s, "://"); {
	case s == "":
	case !has && !strings.HasPrefix(s, "yum+") && !strings.ContainsAny(s, "\x00\n"):
	case has && rest != "" && hasScheme(s):
	default:
		p.wrong(fmt.Sprintf("%q is no source (%s)", s, scheme),
			"allowed: a folder, "+strings.Join(sourceSchemes, "..., ")+"...", path...)
	}
}

func hasScheme(s string) bool {
	for _, scheme := range sourceSchemes {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// anySupports reports whether one of the platforms installs packages of an architecture.
func anySupports(platforms []string, arch string) bool {
	if arch == "noarch" || strings.Join(platforms, "") == "" { // none, or still to be decided: told where they stand
		return true
	}
	return slices.ContainsFunc(platforms, func(platform string) bool {
		_, machine, _ := strings.Cut(platform, ".")
		small := len(arch) == 4 && arch[0] == 'i' && strings.HasSuffix(arch, "86")
		return machine == arch || machine == "x86_64" && small
	})
}

// components checks the packages of a release.
func (r *reader) components(p *page, rel *Release) {
	if len(rel.Components) == 0 {
		p.missing("the packages of the release", "components")
	}
	first := map[string]int{}
	for i, c := range rel.Components {
		at := func(key string) []any { return []any{"components", i, key} }
		if p.need(c.Name, "the package's name", at("name")...) {
			p.match(nameGrammar, c.Name, "a name has letters, digits and . _ + -", at("name")...)
			if before, twice := first[c.Name]; twice {
				m := p.doc.Mistake("", "", "components", before, "name")
				p.wrong(fmt.Sprintf("package %s stands here twice", c.Name), fmt.Sprintf("the first is on line %d", m.Line), at("name")...)
			} else {
				first[c.Name] = i
			}
		}
		const evr = "[epoch:]version-release, of letters, digits and . _ + ~ ^"
		if p.need(c.EVR, evr, at("evr")...) {
			p.match(evrGrammar, c.EVR, evr, at("evr")...)
		}
		if p.need(c.Arch, "allowed: "+strings.Join(arches, ", "), at("arch")...) {
			p.oneOf(arches, c.Arch, at("arch")...)
			if slices.Contains(arches, c.Arch) && !anySupports(rel.Platforms, c.Arch) {
				p.wrong("no platform of the release takes "+c.Arch, "the platforms are: "+strings.Join(rel.Platforms, ", "), at("arch")...)
			}
		}
		p.match(digestGrammar, c.SHA256, "64 hexadecimal digits in lower case; bundler lock fills it in", at("sha256")...)
		if c.Size < 0 || c.Size == 0 && p.doc.Has(at("size")...) {
			p.wrong(fmt.Sprintf("%d is no size", c.Size), "the bytes of the RPM; bundler lock fills it in", at("size")...)
		}
		if (c.SHA256 == "") != (c.Size == 0) {
			p.wrong("sha256 and size stand together or not at all", "bundler lock "+rel.Version+" fills both in", "components", i)
		}
		p.sourceKind(c.Source, at("source")...)
		if r.cat.SourceOf(rel, c) == "" && !r.lost {
			p.missing("where the RPM lies; may also stand in the release or in "+productFile, at("source")...)
		}
	}
}

// optionals checks that both ends of a jump agree on which packages are optional:
// a package that comes with the jump, or that stops being optional, would leave open
// what a host without it gets.
func (r *reader) optionals(s *Spec) {
	from, to := r.cat.Release(s.From), r.cat.Release(s.To)
	if from == nil || to == nil || r.cat.Jumps[s.From] != s.To {
		return
	}
	for i, c := range to.Components {
		before := slices.IndexFunc(from.Components, func(o Component) bool { return o.Name == c.Name })
		page := r.pages[to.Version]
		at := []any{"components", i, "optional"}
		switch {
		case before < 0 && c.Optional:
			page.wrong(fmt.Sprintf("%s is optional, but new since %s: nothing says which hosts get it", c.Name, s.From), "leave optional out", at...)
		case before >= 0 && c.Optional != from.Components[before].Optional:
			page.wrong(fmt.Sprintf("%s is optional in one of %s and %s: nothing says what a host without it gets", c.Name, s.From, s.To),
				"the same in both", at...)
		}
	}
}
