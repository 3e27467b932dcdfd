package rpmpkg

import (
	"github.com/cavaliergopher/rpm"

	"onerpm/internal/rpmfile"
)

// Provides returns what the package provides, itself included.
func (p *Package) Provides() []rpmfile.Dep {
	return p.deps(p.Lib.Provides(), rpmfile.TagProvideVersion)
}

// Requires returns what the package requires, features of rpm included.
func (p *Package) Requires() []rpmfile.Dep {
	return p.deps(p.Lib.Requires(), rpmfile.TagRequireVersion)
}

// Conflicts returns what the package cannot stand beside.
func (p *Package) Conflicts() []rpmfile.Dep {
	return p.deps(p.Lib.Conflicts(), rpmfile.TagConflictVersion)
}

// Obsoletes returns what the package replaces. Only names of packages count here, not provides.
func (p *Package) Obsoletes() []rpmfile.Dep {
	return p.deps(p.Lib.Obsoletes(), rpmfile.TagObsoleteVersion)
}

// Recommends returns what is wanted beside the package, and may be left out.
func (p *Package) Recommends() []rpmfile.Dep { return p.deps(p.Lib.Recommends(), 5047) }

// Suggests returns what may be wanted beside the package.
func (p *Package) Suggests() []rpmfile.Dep { return p.deps(p.Lib.Suggests(), 5050) }

// Enhances returns what the package may be wanted beside.
func (p *Package) Enhances() []rpmfile.Dep { return p.deps(p.Lib.Enhances(), 5056) }

// Supplements returns what the package is wanted beside.
func (p *Package) Supplements() []rpmfile.Dep { return p.own(supplements) }

// OldSuggests returns what SUSE's rpm had before there were recommendations, which were a flag of theirs.
func (p *Package) OldSuggests() []rpmfile.Dep { return p.own(oldSuggests) }

// OldEnhances is likewise for enhances and supplements.
func (p *Package) OldEnhances() []rpmfile.Dep { return p.own(oldEnhances) }

// deps takes names and flags from the library. Versions are taken whole: what it cuts them
// into cannot be put together again, as "1.0" and "0:1.0" are the same to it.
func (p *Package) deps(list []rpm.Dependency, versions rpmfile.Tag) []rpmfile.Dep {
	evr := p.Strings(versions)
	out := make([]rpmfile.Dep, len(list))
	for i, d := range list {
		out[i] = rpmfile.Dep{Name: d.Name(), Flags: rpmfile.DepFlags(d.Flags()), EVR: evr[i]}
	}
	return out
}

// own reads a relation that the library has no good answer for.
func (p *Package) own(r relation) []rpmfile.Dep {
	names, flags, evr := p.Strings(r.names), p.Ints(r.flags), p.Strings(r.versions)
	out := make([]rpmfile.Dep, len(names))
	for i, name := range names {
		out[i] = rpmfile.Dep{Name: name, Flags: rpmfile.DepFlags(flags[i]), EVR: evr[i]}
	}
	return out
}
