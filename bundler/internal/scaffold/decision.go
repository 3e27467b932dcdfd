package scaffold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
)

// decision is what the jump before decided about what rpm runs of a package in one kind.
type decision struct {
	nvr  string // of the package that it was about
	verb string // skip or keep
	why  string
	same bool // what runs now is byte for byte what ran then
}

// The verbs of a decision, as the keys of packages are called.
const (
	skipIt = "skip"
	keepIt = "keep"
)

// decided returns what the jump before decided about the scriptlets of a kind of the package nvr; nil for nothing. A package
// of the release that goes is held against the one that went then, one that comes against the one that came.
func (s *spec) decided(nvr, kind string) *decision {
	if s.before.spec == nil {
		return nil
	}
	var found *decision
	for _, side := range []struct {
		now, then []Package
		goes      bool
	}{{s.in.From.Packages, s.in.Before, true}, {s.in.To.Packages, s.in.From.Packages, false}} {
		i := slices.IndexFunc(side.now, func(p Package) bool { return p.Header.NVR() == nvr })
		if i < 0 || runs(side.now[i].Header, kind) == "" || side.goes && s.stays(side.now[i].Header.Name) {
			continue
		}
		d := s.about(side.now[i].Header, kind, side.then)
		switch {
		case d == nil:
			return nil
		case found == nil:
			found = d
		default: // one name-version-release in both releases, built anew: one decision for both
			found.same = found.same && d.same && found.verb == d.verb
		}
	}
	if found != nil {
		return found
	}
	return s.byName(nvr, kind)
}

// about finds the decision about the package of the same name in then.
func (s *spec) about(now *rpmpkg.Package, kind string, then []Package) *decision {
	i := slices.IndexFunc(then, func(p Package) bool { return p.Header.Name == now.Name })
	if i < 0 {
		return s.byName(now.NVR(), kind)
	}
	old := then[i].Header
	d := s.at(old.NVR(), kind)
	if d == nil {
		return nil
	}
	d.same = runs(now, kind) == runs(old, kind)
	return d
}

// at is the decision that the spec before has at a package and a kind.
func (s *spec) at(nvr, kind string) *decision {
	rules := s.before.spec.Packages
	if why := rules.Skip[nvr][kind]; why != "" {
		return &decision{nvr: nvr, verb: skipIt, why: why}
	}
	if why := rules.Keep[nvr][kind]; why != "" {
		return &decision{nvr: nvr, verb: keepIt, why: why}
	}
	return nil
}

// byName is the decision about some package of that name, whose text is not known.
func (s *spec) byName(nvr, kind string) *decision {
	name := nameOf(nvr)
	var found []string
	for _, rules := range []map[string]map[string]string{s.before.spec.Packages.Skip, s.before.spec.Packages.Keep} {
		for other, kinds := range rules {
			if kinds[kind] != "" && nameOf(other) == name {
				found = append(found, other)
			}
		}
	}
	if found == nil {
		return nil
	}
	came := func(nvr string) int { // what went is more like what goes now
		if slices.ContainsFunc(s.in.From.Packages, func(p Package) bool { return p.Header.NVR() == nvr }) {
			return 1
		}
		return 0
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(came(a)-came(b), strings.Compare(a, b)) })
	return s.at(found[0], kind)
}

// nameOf is the name in a name-version-release.
func nameOf(nvr string) string {
	parts := strings.Split(nvr, "-")
	return strings.Join(parts[:max(0, len(parts)-2)], "-")
}

// runs is all that a package has of a kind, with its interpreters and, of triggers, with what fires them; "" for nothing.
func runs(h *rpmpkg.Package, kind string) string {
	var b strings.Builder
	for _, sl := range h.Scriptlets() {
		if sl.Kind == kind {
			fmt.Fprintf(&b, "%q %q\n", sl.Interpreter, sl.Body)
		}
	}
	for _, t := range h.Triggers() {
		if t.Kind == kind {
			fmt.Fprintf(&b, "%q %q %q\n", t.Interpreter, t.Body, t.Targets)
		}
	}
	return b.String()
}

// advice is what a person who decides wants to know first: what was decided of the one before, and why that does not hold
// any more, or else what was found in it.
func (s *spec) advice(sc scriptlet, d *decision) string {
	if d != nil {
		verb := map[string]string{skipIt: "skipped", keepIt: "kept"}[d.verb]
		return fmt.Sprintf("; the jump before %s that of %s%s: %s", verb, d.nvr, s.whyAgain(d, sc.nvr), d.why)
	}
	if len(sc.finds) > 0 {
		return "; it " + strings.TrimPrefix(sc.finds[0], "it ")
	}
	return ""
}

// whyAgain says why a decision does not hold for what runs now of the package nvr.
func (s *spec) whyAgain(d *decision, nvr string) string {
	switch {
	case d.same:
		return ", which is the same"
	case d.nvr == nvr:
		return " as it came, and now it goes"
	case s.in.Before == nil && !slices.ContainsFunc(s.in.From.Packages, func(p Package) bool { return p.Header.NVR() == d.nvr }):
		return ", which could not be read to be compared"
	}
	return ", and this is another text"
}
