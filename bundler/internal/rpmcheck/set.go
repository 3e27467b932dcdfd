package rpmcheck

import (
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
)

// Set is a number of packages that are to be installed together.
type Set struct {
	packages []*rpmpkg.Package
	named    map[string]*rpmpkg.Package
	provides map[string][]provide         // by name
	files    map[string][]*rpmpkg.Package // which packages list a path
}

type provide struct {
	rpmpkg.Dep
	by *rpmpkg.Package
}

// NewSet makes a set; no two of its packages have one name. What is found in it comes in their order.
func NewSet(packages []*rpmpkg.Package) Set {
	s := Set{packages, map[string]*rpmpkg.Package{}, map[string][]provide{}, map[string][]*rpmpkg.Package{}}
	for _, h := range packages {
		s.named[h.Name] = h
		for _, d := range append(h.Provides(), Self(h)) {
			s.provides[d.Name] = append(s.provides[d.Name], provide{d, h})
		}
		for _, f := range h.Files() {
			s.files[f.Path] = append(s.files[f.Path], h)
		}
	}
	return s
}

// Has reports whether a package of the set fulfils a requirement.
func (s Set) Has(d rpmpkg.Dep) bool { return len(s.providers(d)) > 0 }

// Knows reports whether the set has a thing of that name, in whatever version.
func (s Set) Knows(d rpmpkg.Dep) bool { return s.Has(rpmpkg.Dep{Name: d.Name}) }

// Provided lists what the set provides under a name.
func (s Set) Provided(name string) []rpmpkg.Dep {
	var out []rpmpkg.Dep
	for _, p := range s.provides[name] {
		if !slices.Contains(out, p.Dep) {
			out = append(out, p.Dep)
		}
	}
	return out
}

// providers lists the packages that a dependency means, each once: by a file, or by what they provide.
func (s Set) providers(d rpmpkg.Dep) []*rpmpkg.Package {
	var out []*rpmpkg.Package
	if strings.HasPrefix(d.Name, "/") {
		out = slices.Clone(s.files[d.Name])
	}
	for _, p := range s.provides[d.Name] {
		if Overlap(p.Dep, d) && !slices.Contains(out, p.by) {
			out = append(out, p.by)
		}
	}
	return out
}

// Exclusion is a package's word that it cannot stand beside another.
type Exclusion struct {
	Package, Other *rpmpkg.Package
	Verb           string // "conflicts with" or "obsoletes"
	Dep            rpmpkg.Dep
}

// Exclusions lists the packages of the set that exclude one another. No package excludes itself.
func (s Set) Exclusions() []Exclusion {
	var out []Exclusion
	for _, h := range s.packages {
		for _, d := range h.Conflicts() {
			for _, other := range s.providers(d) {
				if other != h {
					out = append(out, Exclusion{h, other, "conflicts with", d})
				}
			}
		}
		for _, d := range h.Obsoletes() { // names of packages alone count here
			if other := s.named[d.Name]; other != nil && other != h && Overlap(Self(other), d) {
				out = append(out, Exclusion{h, other, "obsoletes", d})
			}
		}
	}
	return out
}
