package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
)

// scriptlets checks what rpm runs in the jump's transaction against what the spec says
// of it. A kind can only be left out for the transaction as a whole (rpm's
// --nopostun and its like), and triggers cannot be left out alone.
func (c *checker) scriptlets() {
	coming, going := c.moving(c.headers.New, Added, Changed), c.moving(c.headers.Old, Removed, Changed)
	all := c.runs()
	c.listed(all, coming, going)
	for _, kind := range []string{"pre", "post"} {
		c.skippedTogether(kind, coming)
	}
	for _, kind := range []string{"preun", "postun"} {
		c.skippedTogether(kind, going)
	}
	c.undeclared(all)
	c.edits(all)
}

// undeclared reports what runs without a word of the spec: as problems what nobody
// expects, as one warning for each package the scriptlets that most packages have.
func (c *checker) undeclared(all []Script) {
	unread := map[string][]string{}
	asked := map[string]bool{}
	for _, s := range all {
		key := s.NVR + " " + s.Kind
		if c.plan.Skips(s.Package, s.Kind) || c.plan.Spec.Packages.Keep[s.NVR][s.Kind] != "" || asked[key] {
			continue
		}
		asked[key] = true
		if !s.Ask {
			unread[s.NVR] = append(unread[s.NVR], "%"+s.Kind)
			continue
		}
		do := "read it, then list it under packages.keep of the spec, with the reason"
		if s.Kind == "postun" {
			do = "read it, then list it under packages.skip or packages.keep of the spec, with the reason"
			if s.When == repeated {
				do = "read it, then list it under packages.keep of the spec, or skip %postun"
			}
		}
		c.wrongAt(s.NVR, do, []any{"packages", "keep", s.NVR, s.Kind}, "its %%%s %s, and the spec does not say whether it may", s.Kind, s.When)
	}
	for _, nvr := range slices.Sorted(maps.Keys(unread)) {
		c.warn(nvr, "read what it does, then list it under packages.keep of the spec, with the reason", []any{"packages", "keep", nvr},
			"its %s runs in the upgrade, and the spec does not say that it was looked at; the way back undoes nothing that it does outside of files, state and schema", strings.Join(unread[nvr], ", its "))
	}
}

// skippedTogether checks that a kind is skipped for all packages of a transaction that have it, or for none.
func (c *checker) skippedTogether(kind string, set []*rpmpkg.Package) {
	for _, h := range set {
		if c.plan.Skips(h.Name, kind) && has(h, kind) && c.plan.Spec.Packages.Skip[h.NVR()][kind] == "" {
			c.wrongAt(h.NVR(), "list it under packages.skip too, if it can be left out", []any{"packages", "skip", h.NVR()},
				"its %%%s is left out too: rpm skips a kind of scriptlet for a whole transaction, and the spec skips another package's %%%s", kind, kind)
		}
	}
}

// listed checks that skip and keep name scriptlets that are there and would run.
func (c *checker) listed(all []Script, coming, going []*rpmpkg.Package) {
	for _, rules := range []struct {
		name  string
		rules map[string]map[string]string
	}{{"skip", c.plan.Spec.Packages.Skip}, {"keep", c.plan.Spec.Packages.Keep}} {
		for _, nvr := range slices.Sorted(maps.Keys(rules.rules)) {
			for _, kind := range slices.Sorted(maps.Keys(rules.rules[nvr])) {
				at := []any{"packages", rules.name, nvr, kind}
				set := append(slices.Clone(going), coming...) // what runs as a package goes also runs of a new one when a transaction is repeated
				if slices.Contains([]string{"pretrans", "pre", "post", "posttrans"}, kind) {
					set = coming
				}
				i := slices.IndexFunc(set, func(h *rpmpkg.Package) bool { return h.NVR() == nvr })
				switch {
				case slices.ContainsFunc(all, func(s Script) bool { return s.NVR == nvr && s.Kind == kind }):
				case i < 0:
					c.wrongAt(nvr, "remove it from the spec", at, "packages.%s lists its %%%s, which does not run in this jump", rules.name, kind)
				case !has(set[i], kind) && !hasTrigger(set[i], kind):
					c.wrongAt(nvr, "remove it from the spec", at, "packages.%s lists its %%%s, but it has none", rules.name, kind)
				case hasTrigger(set[i], kind):
					c.wrongAt(nvr, "remove it from the spec", at, "packages.%s lists its %%%s, which nothing in this jump fires", rules.name, kind)
				}
			}
		}
	}
}

// Skips reports whether the spec leaves a kind of scriptlet out of the transaction that a package takes part in.
func (p *Plan) Skips(name, kind string) bool {
	mine := p.partOf(name)
	for nvr, kinds := range p.Spec.Packages.Skip {
		if kinds[kind] != "" && p.partOf(p.nameOf(nvr)) == mine {
			return true
		}
	}
	return false
}

// nameOf is the name of the package of either release with that name-version-release, "" when there is none.
func (p *Plan) nameOf(nvr string) string {
	for _, change := range p.Changes {
		for _, c := range []*release.Component{change.Old, change.New} {
			if c != nil && c.ID().NVR() == nvr {
				return change.Name
			}
		}
	}
	return ""
}

// skip returns what the spec skips, as the manifest has it, sorted.
func (c *checker) skip() []manifest.Scriptlet {
	out := []manifest.Scriptlet{}
	for nvr, kinds := range c.plan.Spec.Packages.Skip {
		for kind, why := range kinds {
			out = append(out, manifest.Scriptlet{Package: nvr, Kind: kind, Why: why})
		}
	}
	slices.SortFunc(out, func(a, b manifest.Scriptlet) int {
		return strings.Compare(a.Package+" "+a.Kind, b.Package+" "+b.Kind)
	})
	return out
}

// has reports whether a package has a scriptlet of a kind, and it does something.
func has(h *rpmpkg.Package, kind string) bool {
	return slices.ContainsFunc(h.Scriptlets(), func(s rpmpkg.Scriptlet) bool { return s.Kind == kind && !idle(s) })
}

func hasTrigger(h *rpmpkg.Package, kind string) bool {
	return slices.ContainsFunc(h.Triggers(), func(t rpmpkg.Trigger) bool { return t.Kind == kind })
}

// wrongAt is wrong, with the place in the spec where the answer belongs.
func (c *checker) wrongAt(pkg, do string, at []any, format string, args ...any) {
	c.problems = append(c.problems, c.problem(pkg, do, at, fmt.Sprintf(format, args...)))
}

// warn is wrongAt for what is no mistake and wants a look.
func (c *checker) warn(pkg, do string, at []any, format string, args ...any) {
	c.warnings = append(c.warnings, c.problem(pkg, do, at, fmt.Sprintf(format, args...)))
}

func (c *checker) problem(pkg, do string, at []any, what string) Problem {
	place := c.plan.Spec.Place(at...)
	return Problem{File: place.File, Line: place.Line, Column: place.Column, Package: pkg, What: what, Do: do}
}
