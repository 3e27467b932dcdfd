package plan

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Problem is something in the packages that would fail on a host, or do harm there.
type Problem struct {
	Package string `json:"package"` // name-version-release
	What    string `json:"what"`
	Do      string `json:"do,omitempty"` // what to do about it
}

// String is package: what; do.
func (p Problem) String() string {
	s := p.Package + ": " + p.What
	if p.Do != "" {
		s += "; " + p.Do
	}
	return s
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
	Drop []rpmfile.Dep // what the drop package must obsolete: packages that go and that nothing new obsoletes
	Undo []rpmfile.Dep // what the undo package must obsolete: packages that come
	Skip []manifest.Scriptlet
}

// Check looks at what only the packages themselves can tell: whether what they
// need is there, whether they stand beside one another, and whether what they run
// was thought about. The error has exit code exit.Packages and is a Problems.
func (p *Plan) Check(h Headers) (*Verdict, error) {
	c := &checker{plan: p, headers: h}
	c.closure()
	c.conflicts()
	c.files()
	c.scriptlets()
	v := &Verdict{Drop: c.drop(), Undo: c.undo(), Skip: c.skip()}
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Package, b.Package) })
		return nil, exit.With(exit.Packages, c.problems, "")
	}
	return v, nil
}

type checker struct {
	plan     *Plan
	headers  Headers
	problems Problems
}

func (c *checker) wrong(pkg, do, format string, args ...any) {
	c.problems = append(c.problems, Problem{Package: pkg, What: fmt.Sprintf(format, args...), Do: do})
}

// newSet returns the headers of the new release, sorted by name.
func (c *checker) newSet() []*rpmfile.Header {
	var out []*rpmfile.Header
	for _, change := range c.plan.Changes {
		if h := c.headers.New[change.Name]; h != nil {
			out = append(out, h)
		}
	}
	return out
}

// undo lists what comes with the jump.
func (c *checker) undo() []rpmfile.Dep {
	var out []rpmfile.Dep
	for _, change := range c.plan.Of(Added) {
		out = append(out, rpmfile.Dep{Name: change.Name, Flags: rpmfile.DepEqual, EVR: change.New.ID().ShortEVR()})
	}
	return out
}

// drop lists what goes with the jump and would stay on the host, because nothing new obsoletes it.
func (c *checker) drop() []rpmfile.Dep {
	var out []rpmfile.Dep
	for _, change := range c.plan.Of(Removed) {
		old := rpmfile.Dep{Name: change.Name, Flags: rpmfile.DepEqual, EVR: change.Old.ID().ShortEVR()}
		gone := slices.ContainsFunc(c.newSet(), func(h *rpmfile.Header) bool {
			return slices.ContainsFunc(h.Obsoletes(), old.Overlaps)
		})
		if !gone {
			out = append(out, old)
		}
	}
	return out
}
