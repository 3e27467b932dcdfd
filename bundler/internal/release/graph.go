package release

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
)

// Route returns the jumps that lead from one release to another, in order; to ""
// means as far as there is a way. No jumps and no error: from is to already.
func (c *Catalog) Route(from, to string) ([]string, error) {
	if err := c.known(from); err != nil {
		return nil, err
	}
	if to != "" {
		if err := c.known(to); err != nil {
			return nil, err
		}
	}
	jumps, arrived := c.walk(from, to)
	if arrived || to == "" && len(jumps) > 0 {
		return jumps, nil
	}
	return nil, c.noPathError(from, to)
}

// walk follows the jumps until they reach a release or end, and tells which it was.
func (c *Catalog) walk(from, to string) (jumps []string, arrived bool) {
	at := from
	for at != to && c.Jumps[at] != "" {
		jumps = append(jumps, at+"-"+c.Jumps[at])
		at = c.Jumps[at]
	}
	return jumps, at == to
}

// known is an error for a version that nothing here knows.
func (c *Catalog) known(version string) error {
	if c.Release(version) != nil || c.Unreached(version) != "" {
		return nil
	}
	var names []string
	for _, r := range c.Releases {
		names = append(names, r.Version)
	}
	return exit.Errorf(exit.Usage, "choose one of the releases: "+strings.Join(names, ", "), "there is no release %q in versions/", version)
}

// noPathError says why there is no way, as far as is known.
func (c *Catalog) noPathError(from, to string) error {
	shown := "there is no way from " + from
	if to != "" {
		shown += " to " + to
	}
	if why := c.Unreached(from); why != "" {
		return exit.Errorf(exit.Usage, "", "%s: %s", shown, why)
	}
	if why := c.Unreached(to); why != "" {
		return exit.Errorf(exit.Usage, "", "%s: %s: %s", shown, to, why)
	}
	if to == "" {
		return exit.Errorf(exit.Usage, "add a jump that starts there: the folder specs/"+from+"-<to>", "%s: no jump starts there", shown)
	}
	if _, arrives := c.walk(to, from); arrives {
		return exit.Errorf(exit.Usage, "to go back, run the installed bundle's rollback on the machine", "%s: jumps only go from older to newer", shown)
	}
	last := from
	for c.Jumps[last] != "" {
		last = c.Jumps[last]
	}
	return exit.Errorf(exit.Usage, "add a jump that leads on: the folder specs/"+last+"-<to>", "%s: no jump starts at %s", shown, last)
}

// jump notes a spec's jump, unless it forks or joins: every release has at most one
// next and one before, or a customer's way would be a matter of taste, and two
// bundles would have one name.
func (r *reader) jump(p *page, s *Spec) {
	if next := r.cat.Jumps[s.From]; next != "" {
		p.wrong(fmt.Sprintf("a fork: another jump starts at %s already, to %s", s.From, next), "one jump from each release", "from")
		return
	}
	for from, to := range r.cat.Jumps {
		if to == s.To {
			p.wrong(fmt.Sprintf("two ways in: another jump leads to %s already, from %s", s.To, from), "one jump to each release", "to")
			return
		}
	}
	circle := []string{s.From, s.To}
	for at := s.To; r.cat.Jumps[at] != ""; {
		at = r.cat.Jumps[at]
		circle = append(circle, at)
		if at == s.From {
			p.wrong("the jumps go in a circle: "+strings.Join(circle, " > "), "", "to")
			return
		}
	}
	r.cat.Jumps[s.From] = s.To
}

// unreached reports releases of which product.yaml says that no jump starts there, and one does; the gate would say both.
func (r *reader) unreached() {
	first := map[string]bool{}
	for i, u := range r.cat.Product.Unreached {
		switch to := r.cat.Jumps[u.Version]; {
		case u.Version == "":
		case to != "":
			r.productPage.wrong(fmt.Sprintf("the jump %s-%s starts at %s", u.Version, to, u.Version), "a release from which no jump starts; take it out, or remove the jump", "unreached", i, "version")
		case first[u.Version]:
			r.productPage.wrong(fmt.Sprintf("release %s stands here twice", u.Version), "", "unreached", i, "version")
		}
		first[u.Version] = true
	}
}

// order sorts the releases by the jumps; chains, and releases that no jump touches, by date.
func (r *reader) order() {
	reached := map[string]bool{}
	for _, to := range r.cat.Jumps {
		reached[to] = true
	}
	byVersion := map[string]*Release{}
	var heads []*Release
	for _, rel := range r.cat.Releases {
		byVersion[rel.Version] = rel
		if !reached[rel.Version] {
			heads = append(heads, rel)
		}
	}
	slices.SortStableFunc(heads, func(a, b *Release) int {
		return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.Version, b.Version))
	})
	r.cat.Releases = nil
	for _, rel := range heads {
		for ; rel != nil; rel = byVersion[r.cat.Jumps[rel.Version]] {
			r.cat.Releases = append(r.cat.Releases, rel)
		}
	}
}

// SplitJump takes the name of a jump that is not there yet apart. A version may have
// no dash, so there is one way. Error: exit.Usage.
func SplitJump(name string) (from, to string, err error) {
	from, to, ok := strings.Cut(name, "-")
	if !ok || !versionGrammar.MatchString(from) || !versionGrammar.MatchString(to) {
		return "", "", exit.Errorf(exit.Usage, "write it as <from>-<to>, e.g. 4.1.1-4.2.0; "+versionAllowed, "%q is no jump", name)
	}
	return from, to, nil
}
