// Package matrix tells which of the releases that customers run have a way to the
// newest one, and how far the jumps of those ways are: built, certified, published.
//
// It promises to count every customer of versions/installed-base.yaml once, as
// covered or as left behind, and to read nothing: what is built and published is
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

// Published is a bundle of the spec's revision in a store.
type Published struct {
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
	Store     bool      `json:"store"`     // whether a store was asked
	Releases  []Release `json:"releases"`  // oldest first
	Jumps     []Jump    `json:"jumps"`     // in the order of the releases
	Gaps      []Gap     `json:"gaps"`      // those that concern a customer
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
	Published *Published `json:"published"` // nil when no store was asked, or has it not
	revision  int
}

// Gap is what keeps customers from the newest release.
type Gap struct {
	Release   string `json:"release"`   // "" when the gap is a jump's
	Jump      string `json:"jump"`      // "" when there is no way at all
	Customers int    `json:"customers"` // left behind
	What      string `json:"what"`
	Accepted  bool   `json:"accepted"` // somebody decided to leave them
}

// String is the gap as one line.
func (g Gap) String() string {
	of := g.Release
	if g.Jump != "" {
		of = g.Jump
	}
	return fmt.Sprintf("%s: %s left behind: %s", of, customers(g.Customers), g.What)
}

func customers(n int) string {
	if n == 1 {
		return "1 customer is"
	}
	return fmt.Sprintf("%d customers are", n)
}

// New makes the matrix. Error: exit.Usage for an unknown release in To, exit.Spec
// when the project has no release.
func New(in Input) (*Matrix, error) {
	cat := in.Catalog
	newest, err := newestOf(cat, in.To)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Product: cat.Product.Name, Newest: newest, Store: in.Stores != nil, Releases: []Release{}, Jumps: []Jump{}, Gaps: []Gap{}}
	m.releases(cat)
	m.jumps(in)
	m.gaps()
	return m, nil
}

// newestOf finds the release that customers should come to: of those that are out,
// the one with the latest date.
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
		if newest != nil {
			return newest.Version, nil
		}
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
	for _, u := range cat.Product.Unreached {
		if u.Version == version {
			return u.Why
		}
	}
	last := version
	for cat.Jumps[last] != "" {
		last = cat.Jumps[last]
	}
	return fmt.Sprintf("no jump starts at %s", last)
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
		if p, is := in.Stores[name]; is {
			j.Published = &p
		}
		m.Jumps = append(m.Jumps, j)
	}
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
	open := j.uncertified()
	switch {
	case j.Published == nil && j.Built == nil:
		return j.Bundle + " is neither published nor built; bundler build " + j.Name
	case j.Published == nil && j.Built.Revision != j.revision:
		return fmt.Sprintf("%s is not published, and revision %d is what was built; bundler build %s", j.Bundle, j.Built.Revision, j.Name)
	case j.Published == nil:
		return j.Bundle + " is built, but not published; bundler certify, then bundler publish"
	case j.Published.Channel != repo.Stable:
		return j.Bundle + " is in " + j.Published.Channel + " alone; bundler certify, then bundler publish"
	case len(open) > 0 && j.Published.Override == "":
		return fmt.Sprintf("%s is not certified for %v", j.Bundle, open)
	}
	return ""
}

// certified returns the platforms that a jump's bundle is certified for.
func (j Jump) certified() []string {
	var out []string
	if j.Built != nil && j.Built.Revision == j.revision {
		out = append(out, j.Built.Certified...)
	}
	if j.Published != nil {
		out = append(out, j.Published.Certified...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// uncertified returns the platforms of the release that no certificate names.
func (j Jump) uncertified() []string {
	have := j.certified()
	return slices.DeleteFunc(slices.Clone(j.Platforms), func(p string) bool { return slices.Contains(have, p) })
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
	if !slices.ContainsFunc(m.Releases, func(r Release) bool { return r.Installed }) {
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
