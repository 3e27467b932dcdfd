package plan

import (
	"maps"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// scriptlets checks what rpm will run in the jump's transaction: %pre and %post of
// what comes or changes, %preun and %postun of what goes or changes. A kind can only
// be left out for the transaction as a whole (rpm's --nopostun and its like).
func (c *checker) scriptlets() {
	coming, going := c.moving(c.headers.New, Added, Changed), c.moving(c.headers.Old, Removed, Changed)
	c.listed(coming, going)
	for _, kind := range []string{"pre", "post"} {
		c.skippedTogether(kind, coming)
	}
	for _, kind := range []string{"preun", "postun"} {
		c.skippedTogether(kind, going)
	}
	if c.skipsAny("postun") { // then none runs
		return
	}
	for _, h := range going {
		if runs(h, "postun") && !c.keeps(h, "postun") {
			c.wrong(h.NVR(), "read it, then list it under packages.skip or packages.keep of the spec, with the reason",
				"its %%postun runs last in the upgrade, and the spec does not say whether it may")
		}
	}
	for _, h := range coming {
		if runs(h, "postun") && !c.keeps(h, "postun") {
			c.wrong(h.NVR(), "read it, then list it under packages.keep of the spec, or skip %postun",
				"its %%postun runs when a killed transaction is repeated with rpm 4.16 or later, and the spec does not say whether it may")
		}
	}
}

// moving returns the headers of a set that take part in the transaction, sorted by name.
func (c *checker) moving(set map[string]*rpmfile.Header, kinds ...Kind) []*rpmfile.Header {
	var out []*rpmfile.Header
	for _, change := range c.plan.Of(kinds...) {
		if h := set[change.Name]; h != nil {
			out = append(out, h)
		}
	}
	return out
}

// skippedTogether checks that a kind is skipped for all packages that have it, or for none.
func (c *checker) skippedTogether(kind string, set []*rpmfile.Header) {
	if !c.skipsAny(kind) {
		return
	}
	for _, h := range set {
		if has(h, kind) && !c.skips(h, kind) {
			c.wrong(h.NVR(), "list it under packages.skip too, if it can be left out",
				"its %%%s is left out too: rpm skips a kind of scriptlet for a whole transaction, and the spec skips another package's %%%s", kind, kind)
		}
	}
}

// listed checks that skip and keep name scriptlets that are there and would run.
func (c *checker) listed(coming, going []*rpmfile.Header) {
	for _, rules := range []struct {
		name  string
		rules map[string]map[string]string
	}{{"skip", c.plan.Spec.Packages.Skip}, {"keep", c.plan.Spec.Packages.Keep}} {
		for _, nvr := range slices.Sorted(maps.Keys(rules.rules)) {
			for _, kind := range slices.Sorted(maps.Keys(rules.rules[nvr])) {
				set := append(slices.Clone(going), coming...) // %preun and %postun of new ones run when a transaction is repeated
				if kind == "pre" || kind == "post" {
					set = coming
				}
				i := slices.IndexFunc(set, func(h *rpmfile.Header) bool { return h.NVR() == nvr })
				switch {
				case i < 0:
					c.wrong(nvr, "remove it from the spec", "packages.%s lists its %%%s, which does not run in this jump", rules.name, kind)
				case !has(set[i], kind):
					c.wrong(nvr, "remove it from the spec", "packages.%s lists its %%%s, but it has none", rules.name, kind)
				}
			}
		}
	}
}

func (c *checker) skips(h *rpmfile.Header, kind string) bool {
	return c.plan.Spec.Packages.Skip[h.NVR()][kind] != ""
}

func (c *checker) keeps(h *rpmfile.Header, kind string) bool {
	return c.plan.Spec.Packages.Keep[h.NVR()][kind] != ""
}

func (c *checker) skipsAny(kind string) bool {
	for _, kinds := range c.plan.Spec.Packages.Skip {
		if kinds[kind] != "" {
			return true
		}
	}
	return false
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

// has tells whether a package has a scriptlet of a kind, and it does something.
func has(h *rpmfile.Header, kind string) bool {
	return slices.ContainsFunc(h.Scriptlets(), func(s rpmfile.Scriptlet) bool { return s.Kind == kind && !idle(s) })
}

// runs is has, without those that are known to be harmless.
func runs(h *rpmfile.Header, kind string) bool {
	return slices.ContainsFunc(h.Scriptlets(), func(s rpmfile.Scriptlet) bool {
		ldconfig := len(s.Interpreter) == 1 && strings.HasSuffix(s.Interpreter[0], "sbin/ldconfig")
		return s.Kind == kind && !idle(s) && !ldconfig
	})
}

// idle tells whether a shell scriptlet has nothing but comments, or is empty.
func idle(s rpmfile.Scriptlet) bool {
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
