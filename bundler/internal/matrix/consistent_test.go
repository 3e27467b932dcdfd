package matrix_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/matrix"
	"onerpm/bundler/internal/release"
)

// drawn is a project and what is known of its bundles, as they may be: chains of jumps, releases without any, some that no
// file describes, every status, dates in any order, bundles built, certified and published in any combination.
func drawn(r *rand.Rand) matrix.Input {
	cat := &release.Catalog{Product: release.Product{Name: "Demo", Prefix: "demo"}, Jumps: map[string]string{}, Specs: map[string]*release.Spec{}}
	in := matrix.Input{Catalog: cat, Built: map[string]matrix.Built{}}
	platforms := []string{"el7.x86_64", "el8.x86_64"}[:1+r.IntN(2)]
	n := 1 + r.IntN(6)
	for i := range n {
		v := strconv.Itoa(i + 1)
		cat.Releases = append(cat.Releases, &release.Release{Version: v, Date: fmt.Sprintf("2020-01-%02d", 1+r.IntN(9)), Status: []string{"supported", "ended", "planned"}[r.IntN(3)], Platforms: platforms})
		if i > 0 && r.IntN(4) > 0 {
			cat.Jumps[strconv.Itoa(i)] = v
		}
	}
	if r.IntN(2) == 0 {
		in.Stores = map[string]matrix.Published{}
	}
	some := func() []string { return slices.Clone(platforms[:r.IntN(len(platforms)+1)]) }
	for from, to := range cat.Jumps {
		name := from + "-" + to
		cat.Specs[name] = &release.Spec{From: from, To: to, Revision: 2}
		if r.IntN(2) == 0 {
			in.Built[name] = matrix.Built{Revision: 1 + r.IntN(2), Certified: some()}
		}
		if in.Stores != nil && r.IntN(3) > 0 {
			p := matrix.Published{Revision: 1 + r.IntN(2), Channel: []string{"testing", "stable"}[r.IntN(2)], Certified: some()}
			if p.Channel == "stable" && len(p.Certified) == 0 {
				p.Override = "urgent"
			}
			in.Stores[name] = p
		}
	}
	for _, v := range []string{"0.1", "0.2"} {
		if r.IntN(2) == 0 {
			cat.Product.Unreached = append(cat.Product.Unreached, release.Unreached{Version: v, Why: "another database"})
			cat.Base = append(cat.Base, release.Installed{Release: v, Customers: r.IntN(4)})
		}
	}
	for i := range n {
		v := strconv.Itoa(i + 1)
		if r.IntN(3) > 0 {
			cat.Base = append(cat.Base, release.Installed{Release: v, Customers: r.IntN(4)})
		}
		if cat.Jumps[v] == "" && r.IntN(3) == 0 {
			cat.Product.Unreached = append(cat.Product.Unreached, release.Unreached{Version: v, Why: "by a restore"})
		}
	}
	if r.IntN(3) == 0 {
		in.To = cat.Releases[r.IntN(n)].Version
	}
	return in
}

// What the matrix says in one place, no other place denies: releases, jumps, gaps, counts, texts, the picture, --check, and
// what paths says of the same project.
func TestConsistent(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4000) {
		in := drawn(rand.New(rand.NewPCG(seed, 1)))
		m, err := matrix.New(in)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		c := consistency{in: in, m: m}
		c.releases()
		c.jumps()
		c.counts()
		c.accepted()
		if c.wrong != nil {
			t.Fatalf("seed %d: %s\n%s", seed, strings.Join(c.wrong, "\n"), m.Markdown())
		}
	}
}

type consistency struct {
	in    matrix.Input
	m     *matrix.Matrix
	wrong []string
}

func (c *consistency) must(holds bool, format string, a ...any) {
	if !holds {
		c.wrong = append(c.wrong, fmt.Sprintf(format, a...))
	}
}

// gapsOf are the gaps of a release or jump.
func (c *consistency) gapsOf(name string) (list []matrix.Gap) {
	for _, g := range c.m.Gaps {
		if g.Release == name || g.Jump == name {
			list = append(list, g)
		}
	}
	return list
}

func (c *consistency) releases() {
	cat, m := c.in.Catalog, c.m
	newest := cat.Release(m.Newest)
	for i, r := range m.Releases {
		way := m.Rows()[i+1][3]
		route, err := cat.Route(r.Version, m.Newest)
		c.must((err == nil) == (len(r.Way) > 0 || r.Version == m.Newest), "%s: paths says %v, %v, the matrix %v", r.Version, route, err, r.Way)
		c.must(err != nil || slices.Equal(route, r.Way), "%s: paths goes by %v, the matrix by %v", r.Version, route, r.Way)
		c.must(r.Reaches == (r.Why == ""), "%s reaches it: %v, and why not: %q", r.Version, r.Reaches, r.Why)
		c.must(r.Reaches == !strings.HasPrefix(way, "none"), "%s reaches it: %v, and the table says %q", r.Version, r.Reaches, way)
		gaps := c.gapsOf(r.Version)
		c.must(len(gaps) > 0 == (!r.Reaches && r.Customers > 0), "%s reaches it: %v, %d customers, gaps %v", r.Version, r.Reaches, r.Customers, gaps)
		c.must(len(gaps) < 2 && (len(gaps) == 0 || gaps[0].Customers == r.Customers && strings.Contains(gaps[0].String(), "left behind")), "%s: gaps %v", r.Version, gaps)
		if of := cat.Release(r.Version); of != nil {
			c.must(of.Status == r.Status, "%s is %s, and was %s", r.Version, r.Status, of.Status)
			_, back := cat.Route(m.Newest, r.Version)
			leads := back == nil && r.Version != m.Newest
			c.must(leads == (way == "ahead of it"), "%s: the newest leads there: %v, the table says %q", r.Version, leads, way)
			c.must(c.in.To != "" || !leads || of.Status == "planned" || newest.Status == "planned", "%s is out and ahead of the newest", r.Version)
		}
		c.must(strings.Contains(m.SVG(), r.Version+", "+m.Rows()[i+1][2]+" customers: "+way), "%s: the picture says something else than %q", r.Version, way)
	}
}

func (c *consistency) jumps() {
	m := c.m
	for i, j := range m.Jumps {
		row := m.JumpRows()[i+1]
		built, certified := row[3], row[4]
		bundles := (j.Built != nil && built == "yes") || j.Published != nil
		c.must(certified == "no" || bundles, "%s is certified without a bundle: %q", j.Name, row)
		if j.Published != nil {
			for _, p := range j.Platforms {
				says := strings.Contains(strings.Split(certified, "; not ")[0], p)
				c.must(says == slices.Contains(j.Published.Certified, p), "%s: the bundle that is published is certified for %v, the table says %q", j.Name, j.Published.Certified, certified)
			}
		}
		gaps := c.gapsOf(j.Name)
		c.must(len(gaps) < 2, "%s: gaps %v", j.Name, gaps)
		whole := certified == strings.Join(j.Platforms, ", ")
		for _, g := range gaps {
			said := g.String()
			c.must(m.Store && g.Customers == j.Customers && g.Customers > 0 && !strings.Contains(said, "left behind"), "%s: %s", j.Name, said)
			c.must(!strings.Contains(said, "bundler certify") || built != "yes" || !whole || j.Published != nil, "%s is certified (%q), and is to be certified: %s", j.Name, row, said)
			c.must(!strings.Contains(said, "nor built") || built != "yes", "%s is built, and is not: %s", j.Name, said)
			c.must(!strings.Contains(said, "not published") || !strings.HasPrefix(row[5], "stable"), "%s is published (%q), and is not: %s", j.Name, row, said)
		}
		if m.Store {
			stable := j.Published != nil && j.Published.Channel == "stable"
			ready := stable && (whole || j.Published.Override != "")
			c.must(len(gaps) > 0 == (!ready && j.Customers > 0), "%s: %q, gaps %v", j.Name, row, gaps)
			c.must(strings.HasPrefix(row[5], "stable") == stable, "%s: %q", j.Name, row)
			c.must(!strings.Contains(row[5], "revision") || certified == "no" || built == "yes", "%s: what is certified in %q?", j.Name, row)
		}
	}
}

func (c *consistency) counts() {
	m := c.m
	all, covered, ready := 0, 0, 0
	through := map[string]int{}
	for _, r := range m.Releases {
		all += r.Customers
		if !r.Reaches {
			continue
		}
		covered += r.Customers
		open := slices.ContainsFunc(r.Way, func(j string) bool { return c.gapsOf(j) != nil })
		if !open {
			ready += r.Customers
		}
		for _, j := range r.Way {
			through[j] += r.Customers
		}
	}
	base, left := 0, 0
	for _, b := range c.in.Catalog.Base {
		base += b.Customers
	}
	waits := false
	for _, g := range m.Gaps {
		if g.Jump == "" {
			left += g.Customers
		}
		waits = waits || g.Jump != ""
	}
	c.must(m.Customers == all && all == base && m.Covered == covered && covered+left == all, "%d customers, %d in the base; %d covered and %d left behind, the matrix says %d of %d", all, base, covered, left, m.Covered, m.Customers)
	c.must((m.Ready != nil) == m.Store && (m.Ready == nil || *m.Ready == ready && (ready < covered) == waits), "%d are ready, the matrix says %v; gaps %v", ready, m.Ready, m.Gaps)
	for _, j := range m.Jumps {
		c.must(j.Customers == through[j.Name], "%s: %d customers go there, the matrix says %d", j.Name, through[j.Name], j.Customers)
	}
	if len(c.in.Catalog.Base) > 0 {
		c.must(strings.HasPrefix(m.Summary(), fmt.Sprintf("%d of %d customers", covered, all)), "%s", m.Summary())
		c.must(strings.Contains(m.Summary(), "can go all of it now") == waits, "%s; gaps %v", m.Summary(), m.Gaps)
	}
}

// accepted: --check fails exactly where there is a gap, every gap can be accepted by its name, and nothing else can.
func (c *consistency) accepted() {
	m := c.m
	want := exit.OK
	switch {
	case len(c.in.Catalog.Base) == 0:
		want = exit.Spec
	case len(m.Gaps) > 0:
		want = exit.Gap
	}
	c.must(exit.Code(m.Check()) == want, "--check: %v, want exit code %d", m.Check(), want)
	for _, r := range m.Releases {
		c.must((m.Accept([]string{r.Version}) == nil) == (c.gapsOf(r.Version) != nil), "--accept %s, gaps %v", r.Version, m.Gaps)
	}
	for _, j := range m.Jumps {
		c.must((m.Accept([]string{j.Name}) == nil) == (c.gapsOf(j.Name) != nil), "--accept %s, gaps %v", j.Name, m.Gaps)
	}
	c.must(want == exit.Spec || m.Check() == nil, "all is accepted, and --check: %v", m.Check())
}
