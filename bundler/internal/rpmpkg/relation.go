package rpmpkg

import (
	"github.com/cavaliergopher/rpm"

	"onerpm/internal/rpmfile"
)

// relation is a kind of dependency: the tags of three lists with a line for each.
type relation struct{ names, flags, versions rpmfile.Tag }

// The relations of rpm (rpmtag.h).
var (
	provides    = relation{1047, 1112, 1113}
	requires    = relation{1049, 1048, 1050}
	conflicts   = relation{1054, 1053, 1055}
	obsoletes   = relation{1090, 1114, 1115}
	recommends  = relation{5046, 5048, 5047}
	suggests    = relation{5049, 5051, 5050}
	enhances    = relation{5055, 5057, 5056}
	supplements = relation{5052, 5054, 5053} // from here on the library does not read them, or reads them wrongly
	oldSuggests = relation{1156, 1158, 1157}
	oldEnhances = relation{1159, 1161, 1160}
)

var (
	strong = []relation{provides, requires, conflicts, obsoletes}
	weak   = []relation{recommends, suggests, enhances, supplements, oldSuggests, oldEnhances}
)

// Provides returns what the package provides, itself included.
func (p *Package) Provides() []Dep { return p.deps(p.Lib.Provides(), provides) }

// Requires returns what the package requires, features of rpm included.
func (p *Package) Requires() []Dep { return p.deps(p.Lib.Requires(), requires) }

// Conflicts returns what the package cannot stand beside.
func (p *Package) Conflicts() []Dep { return p.deps(p.Lib.Conflicts(), conflicts) }

// Obsoletes returns what the package replaces. Only names of packages count here, not provides.
func (p *Package) Obsoletes() []Dep { return p.deps(p.Lib.Obsoletes(), obsoletes) }

// Recommends returns what is wanted beside the package, and may be left out.
func (p *Package) Recommends() []Dep { return p.deps(p.Lib.Recommends(), recommends) }

// Suggests returns what may be wanted beside the package.
func (p *Package) Suggests() []Dep { return p.deps(p.Lib.Suggests(), suggests) }

// Enhances returns what the package may be wanted beside.
func (p *Package) Enhances() []Dep { return p.deps(p.Lib.Enhances(), enhances) }

// Supplements returns what the package is wanted beside.
func (p *Package) Supplements() []Dep { return p.list(supplements) }

// OldSuggests returns what SUSE's rpm had before there were recommendations, which were a flag of theirs.
func (p *Package) OldSuggests() []Dep { return p.list(oldSuggests) }

// OldEnhances is likewise for enhances and supplements.
func (p *Package) OldEnhances() []Dep { return p.list(oldEnhances) }

// deps takes names and flags from the library. Versions are taken whole: what it cuts them
// into cannot be put together again, as "1.0" and "0:1.0" are the same to it.
func (p *Package) deps(list []rpm.Dependency, r relation) []Dep {
	evr := p.Strings(r.versions)
	out := make([]Dep, len(list))
	for i, d := range list {
		out[i] = Dep{Name: d.Name(), Flags: DepFlags(d.Flags()), EVR: evr[i]}
	}
	return out
}

// list reads a relation that the library has no good answer for.
func (p *Package) list(r relation) []Dep {
	names, flags, evr := p.Strings(r.names), p.Ints(r.flags), p.Strings(r.versions)
	out := make([]Dep, len(names))
	for i, name := range names {
		out[i] = Dep{Name: name, Flags: DepFlags(flags[i]), EVR: evr[i]}
	}
	return out
}
