// Package matrix tells which of the releases that customers run have a way to the
// newest one, and how far the jumps of those ways are: built, certified, published.
//
// It promises to count every customer of versions/installed-base.yaml once, as
// covered or as left behind, and of the covered, where a store was asked, as ready or as
// waiting for a jump; and to read nothing: what is built and published is
// given to it. A gap that is explained (product.yaml's unreached) is still a gap.
package matrix

import (
	"cmp"
	"fmt"
	"slices"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
)

// Input is what the matrix is made of.
type Input struct {
	Catalog *release.Catalog
	To      string               // the release that counts as the newest; "" finds it
	Built   map[string]Built     // by the jump's name; a jump that is not in it was not built here
	Stores  map[string]Published // likewise, what the store holds; nil when no store was asked
}

// Built is a bundle that lies on this machine.
type Built struct {
	File      string   `json:"file"`
	Revision  int      `json:"revision"`  // of the bundle, which may not be the spec's any more
	Certified []string `json:"certified"` // platforms of the release that it has good certificates for
}

// Published is a bundle of a jump in a store.
type Published struct {
	Revision  int      `json:"revision"`           // of the bundle
	Channel   string   `json:"channel"`            // the best one it is in
	Certified []string `json:"certified"`          // platforms
	Override  string   `json:"override,omitempty"` // why it was published without all certificates
}

// Matrix is the whole picture, for programs too.
type Matrix struct {
	Product   string    `json:"product"`
	Newest    string    `json:"newest"`    // the release that all others are measured against
	Customers int       `json:"customers"` // all of them
	Covered   int       `json:"covered"`   // those whose release has a way to the newest, or is there
	Ready     *int      `json:"ready"`     // of those, customers whose whole way can be taken now; null when no store was asked
	Store     bool      `json:"store"`     // whether a store was asked
	Releases  []Release `json:"releases"`  // oldest first
	Jumps     []Jump    `json:"jumps"`     // in the order of the releases
	Gaps      []Gap     `json:"gaps"`      // those that concern a customer
	asked     bool      // somebody said which release counts as the newest
}

// Release is one release that customers run, or that the project knows.
type Release struct {
	Version   string   `json:"version"`
	Status    string   `json:"status"`    // "" when no file of versions/ describes it
	Customers int      `json:"customers"` // that run it
	Installed bool     `json:"installed"` // installed-base.yaml names it
	Reaches   bool     `json:"reaches"`   // it is the newest, lies ahead of it, or has a way there
	Way       []string `json:"way"`       // the jumps to the newest, in order
	Why       string   `json:"why"`       // there is no way; "" when there is one
}

// Jump is one jump with what is known of its bundle.
type Jump struct {
	Name      string     `json:"name"`
	From      string     `json:"from"`
	To        string     `json:"to"`
	Bundle    string     `json:"bundle"`    // name-version-release
	Platforms []string   `json:"platforms"` // that it must be certified for
	Customers int        `json:"customers"` // whose way to the newest takes it
	Stores    []string   `json:"stores"`    // data that changes its database on the way, by name
	Built     *Built     `json:"built"`     // nil when it was not built here
	Published *Published `json:"published"` // of the spec's revision; nil when no store was asked, or has it not
	Older     *Published `json:"older"`     // of another revision, where the store has not the spec's; nil when it has none
	revision  int
}

// Gap is what keeps customers from the newest release.
type Gap struct {
	Release   string `json:"release"`   // "" when the gap is a jump's
	Jump      string `json:"jump"`      // "" when there is no way at all
	Customers int    `json:"customers"` // left behind, or of a jump, waiting for it
	What      string `json:"what"`
	Accepted  bool   `json:"accepted"` // somebody decided to leave them
}

// String is the gap as one line.
func (g Gap) String() string {
	if g.Jump != "" {
		return fmt.Sprintf("%s: %s for it: %s", g.Jump, customers(g.Customers, "waits", "wait"), g.What)
	}
	return fmt.Sprintf("%s: %s left behind: %s", g.Release, customers(g.Customers, "is", "are"), g.What)
}

func customers(n int, one, more string) string {
	if n == 1 {
		return "1 customer " + one
	}
	return fmt.Sprintf("%d customers %s", n, more)
}

// New makes the matrix. Error: exit.Usage for an unknown release in To, exit.Spec
// when the project has no release.
func New(in Input) (*Matrix, error) {
	cat := in.Catalog
	newest, err := newestOf(cat, in.To)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Product: cat.Product.Name, Newest: newest, Store: in.Stores != nil, asked: in.To != "", Releases: []Release{}, Jumps: []Jump{}, Gaps: []Gap{}}
	m.releases(cat)
	m.jumps(in)
	m.ready()
	m.gaps()
	return m, nil
}

// newestOf finds the release that customers should come to: of those that are out, the one with the latest date, and from
// there the last that is out and that jumps lead to: dates alone do not say which comes after which.
func newestOf(cat *release.Catalog, to string) (string, error) {
	if to != "" {
		if cat.Release(to) == nil {
			return "", exit.Errorf(exit.Usage, "choose one of the files in versions/", "there is no release %q", to)
		}
		return to, nil
	}
	var newest *release.Release
	for _, planned := range []bool{false, true} {
		for _, r := range cat.Releases {
			if (r.Status == "planned") == planned && (newest == nil || r.Date >= newest.Date) {
				newest = r
			}
		}
		if newest == nil {
			continue
		}
		last := newest.Version
		for at := cat.Jumps[last]; at != ""; at = cat.Jumps[at] {
			if r := cat.Release(at); r != nil && (r.Status == "planned") == planned {
				last = at
			}
		}
		return last, nil
	}
	return "", exit.Errorf(exit.Spec, "write versions/<version>.yaml", "the project has no release")
}

func (m *Matrix) releases(cat *release.Catalog) {
	base := map[string]release.Installed{}
	for _, b := range cat.Base {
		base[b.Release] = b
	}
	var unknown []Release // that no file describes: older than all others
	for _, b := range cat.Base {
		if cat.Release(b.Release) == nil {
			unknown = append(unknown, m.release(cat, b.Release, "", b.Customers, true))
		}
	}
	slices.SortStableFunc(unknown, func(a, b Release) int { return cmp.Compare(a.Version, b.Version) })
	m.Releases = append(m.Releases, unknown...)
	for _, r := range cat.Releases {
		b, installed := base[r.Version]
		m.Releases = append(m.Releases, m.release(cat, r.Version, r.Status, b.Customers, installed))
	}
}

func (m *Matrix) release(cat *release.Catalog, version, status string, count int, installed bool) Release {
	r := Release{Version: version, Status: status, Customers: count, Installed: installed, Way: []string{}}
	m.Customers += count
	way, err := cat.Route(version, m.Newest)
	switch {
	case err == nil:
		r.Reaches, r.Way = true, append(r.Way, way...)
	case m.ahead(cat, version):
		r.Reaches = true
	default:
		r.Why = m.why(cat, version)
	}
	if r.Reaches {
		m.Covered += count
	}
	return r
}

// ahead reports whether the newest release leads to a version, as to a planned one that some have already.
func (m *Matrix) ahead(cat *release.Catalog, version string) bool {
	if cat.Release(version) == nil {
		return false
	}
	way, err := cat.Route(m.Newest, version)
	return err == nil && len(way) > 0
}

// why says what is known about a missing way: the product's words, or where the jumps end.
func (m *Matrix) why(cat *release.Catalog, version string) string {
	last := version
	for cat.Jumps[last] != "" {
		last = cat.Jumps[last]
	}
	switch why := cat.Unreached(last); {
	case why == "":
		return "no jump starts at " + last
	case last != version:
		return "no jump starts at " + last + ": " + why
	default:
		return why
	}
}

func (m *Matrix) jumps(in Input) {
	cat := in.Catalog
	for _, name := range cat.JumpNames() {
		spec := cat.Specs[name]
		j := Jump{Name: name, From: spec.From, To: spec.To, Platforms: cat.Release(spec.To).Platforms, revision: spec.Revision, Stores: []string{},
			Bundle: fmt.Sprintf("%s-%s-%s-%d", cat.Product.Prefix, spec.To, spec.To, spec.Revision)}
		for _, r := range m.Releases {
			if slices.Contains(r.Way, name) {
				j.Customers += r.Customers
			}
		}
		for _, store := range spec.Stores {
			j.Stores = append(j.Stores, store.Name)
		}
		if b, is := in.Built[name]; is {
			j.Built = &b
		}
		if p, is := in.Stores[name]; is && p.Revision == spec.Revision {
			j.Published = &p
		} else if is {
			j.Older = &p
		}
		m.Jumps = append(m.Jumps, j)
	}
}

// ready counts the customers whose whole way can be taken, where a store was asked.
func (m *Matrix) ready() {
	if !m.Store {
		return
	}
	n := 0
	for _, r := range m.Releases {
		closed := func(name string) bool {
			i := slices.IndexFunc(m.Jumps, func(j Jump) bool { return j.Name == name })
			return i < 0 || m.Jumps[i].blocker() != ""
		}
		if r.Reaches && !slices.ContainsFunc(r.Way, closed) {
			n += r.Customers
		}
	}
	m.Ready = &n
}

func (m *Matrix) gaps() {
	for _, r := range m.Releases {
		if !r.Reaches && r.Customers > 0 {
			m.Gaps = append(m.Gaps, Gap{Release: r.Version, Customers: r.Customers, What: "there is no way to " + m.Newest + ": " + r.Why})
		}
	}
	if !m.Store {
		return
	}
	for _, j := range m.Jumps {
		if what := j.blocker(); what != "" && j.Customers > 0 {
			m.Gaps = append(m.Gaps, Gap{Jump: j.Name, Customers: j.Customers, What: what})
		}
	}
}

// blocker says what keeps customers from a jump that exists, and the command that removes it; "" for nothing.
func (j Jump) blocker() string {
	built := j.Built != nil && j.Built.Revision == j.revision
	next := "bundler certify, then bundler publish"
	if built && len(j.without(j.Built.Certified)) == 0 {
		next = "what was built is certified: bundler publish"
	}
	switch {
	case j.Published == nil && built:
		return j.Bundle + " is built, but not published" + j.instead() + "; " + next
	case j.Published == nil && j.Built != nil:
		return fmt.Sprintf("%s is not published%s, and revision %d is what was built; bundler build %s", j.Bundle, j.instead(), j.Built.Revision, j.Name)
	case j.Published == nil:
		return j.Bundle + " is neither published nor built" + j.instead() + "; bundler build " + j.Name
	case j.Published.Channel != repo.Stable:
		return j.Bundle + " is in " + j.Published.Channel + " alone; " + next
	case len(j.uncertified()) > 0 && j.Published.Override == "":
		return fmt.Sprintf("%s is in stable and not certified for %s; %s", j.Bundle, join(j.uncertified()), next)
	}
	return ""
}

// instead tells which revision the store has in place of the spec's.
func (j Jump) instead() string {
	if j.Older == nil {
		return ""
	}
	return fmt.Sprintf(" (%s has revision %d)", j.Older.Channel, j.Older.Revision)
}

// certified returns the platforms that a jump's bundle is certified for: the one that is published, or else the one that was
// built. A certificate is about bytes, and those of the two need not be the same.
func (j Jump) certified() []string {
	var out []string
	switch {
	case j.Published != nil:
		out = slices.Clone(j.Published.Certified)
	case j.Built != nil && j.Built.Revision == j.revision:
		out = slices.Clone(j.Built.Certified)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// uncertified returns the platforms of the release that no certificate names.
func (j Jump) uncertified() []string { return j.without(j.certified()) }

// without returns the platforms of the release that are not among those.
func (j Jump) without(certified []string) []string {
	return slices.DeleteFunc(slices.Clone(j.Platforms), func(p string) bool { return slices.Contains(certified, p) })
}

// Accept marks the gaps, named by release or jump, that somebody decided to leave. Error:
// exit.Usage for a name that is no gap, so that no acceptance outlives its reason.
func (m *Matrix) Accept(names []string) error {
	for _, name := range names {
		i := slices.IndexFunc(m.Gaps, func(g Gap) bool { return g.Release == name || g.Jump == name })
		if name == "" || i < 0 {
			return exit.Errorf(exit.Usage, "leave it out", "--accept %s: no customer is left behind there", name)
		}
		m.Gaps[i].Accepted = true
	}
	return nil
}

// Check is an error when customers are left behind that nobody accepted, or when
// there is nothing to check: exit.Gap, exit.Spec.
func (m *Matrix) Check() error {
	if !m.knows() {
		return exit.Errorf(exit.Spec, "write which releases customers run into versions/installed-base.yaml", "nothing says which releases customers run")
	}
	open := slices.DeleteFunc(slices.Clone(m.Gaps), func(g Gap) bool { return g.Accepted })
	if len(open) == 0 {
		return nil
	}
	todo := "build, certify and publish the jumps" // each was told with what it lacks
	if slices.ContainsFunc(open, func(g Gap) bool { return g.Jump == "" }) {
		todo = "add the jump (bundler new)"
	}
	return exit.With(exit.Gap, &GapError{Gaps: m.Gaps, Newest: m.Newest},
		todo+", or say in the pipeline that somebody decided to leave them: --accept NAME")
}

// GapError is the customers that are left behind.
type GapError struct {
	Gaps   []Gap
	Newest string
}

// Error is one line: releases without a way and the customers they have, and jumps that are not ready.
func (e *GapError) Error() string {
	var releases, jumps []string
	for _, g := range e.Gaps {
		switch {
		case g.Accepted:
		case g.Jump != "":
			jumps = append(jumps, g.Jump)
		default:
			releases = append(releases, fmt.Sprintf("%s (%d)", g.Release, g.Customers))
		}
	}
	text := ""
	if releases != nil {
		text = fmt.Sprintf("customers without a way to %s: %s", e.Newest, join(releases))
	}
	if jumps != nil {
		if text != "" {
			text += "; "
		}
		text += "jumps that customers cannot take yet: " + join(jumps)
	}
	return text
}
