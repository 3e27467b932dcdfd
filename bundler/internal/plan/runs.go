package plan

import (
	"cmp"
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
)

// Script is a scriptlet or a trigger that rpm runs in a jump's transaction.
type Script struct {
	Package string // its name
	NVR     string
	Old     bool   // it is of the old release
	When    string // after "its %post"
	Ask     bool   // the spec must say that it may run
	rpmpkg.Scriptlet
}

// always are the kinds that a package cannot be installed without as a rule: that they
// run is what one expects, so check only warns when nobody has read them.
var always = []string{"pre", "post", "preun"}

// when says of each kind of scriptlet when rpm runs it, for packages that come or go.
var when = map[string]string{
	"preuntrans":  "runs before the transaction",
	"pretrans":    "runs before the transaction, and in none of the trials on a copy of rpm's database",
	"pre":         "runs before its files come",
	"post":        "runs when its files are there",
	"preun":       "runs before its files go",
	"postun":      "runs last in the upgrade",
	"posttrans":   "runs when all packages are there",
	"postuntrans": "runs after the transaction",
}

const repeated = "runs when a killed transaction is repeated with rpm 4.16 or later"

// Scripts returns all that the transaction to the new release runs, by package and
// kind. On the way back nothing runs (--noscripts, --notriggers).
func Scripts(changes []Change, headers Headers) []Script {
	c := &checker{plan: &Plan{Changes: changes}, headers: headers}
	return c.runs()
}

func (c *checker) runs() []Script {
	var out []Script
	add := func(h *rpmpkg.Package, when string, s rpmpkg.Scriptlet) {
		if harmless(s) {
			return
		}
		ask := !slices.Contains(always, s.Kind) || movesByLua(s)
		old := c.headers.New[h.Name] != h
		out = append(out, Script{Package: h.Name, NVR: h.NVR(), Old: old, When: when, Ask: ask, Scriptlet: s})
	}
	for _, h := range c.moving(c.headers.Old, Removed, Changed) {
		for _, s := range h.Scriptlets() {
			switch s.Kind {
			case "preun", "postun", "preuntrans", "postuntrans":
				add(h, when[s.Kind], s)
			}
		}
	}
	for _, h := range c.moving(c.headers.New, Added, Changed) {
		for _, s := range h.Scriptlets() {
			switch s.Kind {
			case "pretrans", "pre", "post", "posttrans":
				add(h, when[s.Kind], s)
			case "preun", "postun", "preuntrans", "postuntrans":
				add(h, repeated, s)
			}
		}
	}
	for _, t := range c.triggers() {
		add(t.of, t.when, t.Scriptlet)
	}
	slices.SortStableFunc(out, func(a, b Script) int { return cmp.Or(strings.Compare(a.NVR, b.NVR), strings.Compare(a.Kind, b.Kind)) })
	return out
}

// moving returns the headers of a set that take part in the transaction, sorted by name.
func (c *checker) moving(set map[string]*rpmpkg.Package, kinds ...Kind) []*rpmpkg.Package {
	var out []*rpmpkg.Package
	for _, change := range c.plan.Of(kinds...) {
		if h := set[change.Name]; h != nil {
			out = append(out, h)
		}
	}
	return out
}

// harmless reports whether a scriptlet is known to do nothing of interest.
func harmless(s rpmpkg.Scriptlet) bool {
	ldconfig := len(s.Interpreter) == 1 && strings.HasSuffix(s.Interpreter[0], "sbin/ldconfig")
	return ldconfig || idle(s)
}

// idle reports whether a shell scriptlet has nothing but comments, or is empty.
func idle(s rpmpkg.Scriptlet) bool {
	if len(s.Interpreter) > 0 && s.Interpreter[0] != "/bin/sh" && s.Interpreter[0] != "/bin/bash" {
		return false
	}
	for line := range strings.Lines(s.Body) {
		if line = strings.TrimSpace(line); line != "" && line != ":" && line != "exit 0" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}
