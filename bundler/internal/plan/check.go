package plan

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
)

// Problem is something in the packages that would fail on a host, or do harm there.
type Problem struct {
	File    string `json:"file,omitempty"`   // where the answer belongs, "" when it is not in a file of the project
	Line    int    `json:"line,omitempty"`   // from 1
	Column  int    `json:"column,omitempty"` // from 1
	Package string `json:"package"`          // name-version-release
	What    string `json:"what"`
	Do      string `json:"do,omitempty"` // what to do about it
}

// String is file:line:column: package: what; do.
func (p Problem) String() string {
	s := p.Mistake().String()
	if p.File == "" {
		s = strings.TrimPrefix(s, ": ")
	}
	return s
}

// Mistake is the problem in the form of what is wrong in a file of the project.
func (p Problem) Mistake() mistake.Mistake {
	return mistake.Mistake{File: p.File, Line: p.Line, Column: p.Column, What: p.Package + ": " + p.What, Allowed: p.Do}
}

// Problems is all that is wrong with a jump's packages.
type Problems []Problem

// Error shows one problem a line.
func (l Problems) Error() string {
	lines := make([]string, len(l))
	for i, p := range l {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Verdict is what the headers decide besides that all is well.
type Verdict struct {
	Drop []rpmpkg.Dep // what the drop package must obsolete: packages that go and that nothing new obsoletes
	Undo []rpmpkg.Dep // what the undo package must obsolete: packages that come
	Skip []manifest.Scriptlet

	Warnings Problems // what is no mistake and wants a look, sorted by package
}

// Check looks at what only the packages themselves can tell: whether what they
// need is there, whether they stand beside one another, whether rpm can get from one
// to the other and back, and whether what they run was thought about. The error has
// exit code exit.Packages and is a Problems; the verdict's warnings are there all the same.
func (p *Plan) Check(h Headers) (*Verdict, error) {
	c := &checker{plan: p, headers: h}
	c.platforms()
	c.closure()
	c.together()
	c.parts()
	c.fileTypes()
	c.ownPlaces()
	c.scriptlets()
	c.units()
	c.state()
	c.backwards()
	for _, list := range []Problems{c.problems, c.warnings} {
		slices.SortStableFunc(list, func(a, b Problem) int { return strings.Compare(a.Package, b.Package) })
	}
	v := &Verdict{Drop: c.drop(), Undo: c.undo(), Skip: c.skip(), Warnings: c.warnings}
	if len(c.problems) > 0 {
		return v, exit.With(exit.Packages, c.problems, "")
	}
	return v, nil
}

type checker struct {
	plan     *Plan
	headers  Headers
	problems Problems
	warnings Problems
}

func (c *checker) wrong(pkg, do, format string, args ...any) {
	c.problems = append(c.problems, Problem{Package: pkg, What: fmt.Sprintf(format, args...), Do: do})
}

// oldSet and newSet return the headers of a release, sorted by name.
func (c *checker) oldSet() []*rpmpkg.Package { return c.sorted(c.headers.Old) }
func (c *checker) newSet() []*rpmpkg.Package { return c.sorted(c.headers.New) }

func (c *checker) sorted(set map[string]*rpmpkg.Package) []*rpmpkg.Package {
	var out []*rpmpkg.Package
	for _, change := range c.plan.Changes {
		if h := set[change.Name]; h != nil {
			out = append(out, h)
		}
	}
	return out
}

// moves reports whether rpm has anything to do for a package of either release.
func (c *checker) moves(h *rpmpkg.Package) bool {
	return c.headers.Old[h.Name] != c.headers.New[h.Name]
}

// undo lists what comes in the window.
func (c *checker) undo() []rpmpkg.Dep {
	var out []rpmpkg.Dep
	for _, change := range c.plan.Of(Added) {
		if c.plan.partOf(change.Name) == early {
			continue
		}
		out = append(out, rpmpkg.Dep{Name: change.Name, Flags: rpmpkg.DepEqual, EVR: change.New.ID().ShortEVR()})
	}
	return out
}

// drop lists what goes in the window and would stay on the host, because nothing new obsoletes it.
func (c *checker) drop() []rpmpkg.Dep {
	var out []rpmpkg.Dep
	for _, change := range c.plan.Of(Removed) {
		if c.plan.partOf(change.Name) == late {
			continue
		}
		old := rpmpkg.Dep{Name: change.Name, Flags: rpmpkg.DepEqual, EVR: change.Old.ID().ShortEVR()}
		gone := slices.ContainsFunc(c.newSet(), func(h *rpmpkg.Package) bool {
			return slices.ContainsFunc(h.Obsoletes(), func(d rpmpkg.Dep) bool { return rpmcheck.Overlap(d, old) })
		})
		if !gone {
			out = append(out, old)
		}
	}
	return out
}
