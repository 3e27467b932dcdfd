package page

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"onerpm/bundler/internal/repo"
)

// edge is a jump from one release to another, published or not.
type edge struct {
	from, to  string
	channel   string        // that bundle is in; "" when there is none
	bundle    *repo.Bundle  // newest revision in the channel
	details   *repo.Details // of bundle
	newer     *repo.Bundle  // newer revision that is still being tried, nil for none
	withdrawn *repo.Withdrawn
}

// file is what the page has people fetch: the bundle under its short name, which is what they read and type, or,
// where it has none, under its own.
func (e *edge) file() string {
	if e.channel == repo.Stable {
		return e.bundle.Short
	}
	return e.bundle.File
}

func (e *edge) fileName() string { return path.Base(e.file()) }

// most is how many releases a page tells about, the newest ones: beyond that nobody reads it, and the
// ways between them are many. index.json has them all.
const most = 30

// graph is releases, in order, and the jumps between them, in the order of their ends.
type graph struct {
	places []Release
	edges  []*edge
	older  int // releases that were left out
}

func newGraph(in Input) *graph {
	places := slices.Clone(in.Releases)
	known := map[string]bool{}
	for _, r := range places {
		known[r.Version] = true
	}
	edges := map[[2]string]*edge{}
	between := func(from, to string) *edge {
		for _, v := range []string{from, to} {
			if !known[v] {
				known[v] = true
				places = append(places, Release{Version: v})
			}
		}
		e := edges[[2]string{from, to}]
		if e == nil {
			e = &edge{from: from, to: to}
			edges[[2]string{from, to}] = e
		}
		return e
	}
	for _, r := range in.Releases {
		if r.Next != "" {
			between(r.Version, r.Next)
		}
	}
	for _, index := range []*repo.Index{in.Stable, in.Testing} { // stable first: it is what is offered
		if index == nil {
			continue
		}
		for i := range index.Bundles {
			b := &index.Bundles[i]
			between(b.From, b.To).offer(index.Channel, b)
		}
	}
	g := &graph{places: ordered(places, edges)}
	g.keepNewest(edges)
	gone := withdrawn(in)
	for _, e := range g.edges {
		if e.bundle != nil {
			e.details = cmp.Or(in.Details[e.bundle.SHA256], &repo.Details{})
		}
		e.withdrawn = lastWithdrawn(gone, in.Prefix+"-"+e.to+"-"+e.to+"-")
	}
	return g
}

// Shown lists the bundles that a page shows.
func Shown(in Input) []repo.Bundle {
	var shown []repo.Bundle
	for _, e := range newGraph(in).edges {
		if e.bundle != nil {
			shown = append(shown, *e.bundle)
		}
	}
	return shown
}

// ordered puts every release behind those from which a jump leads to it, and else leaves the order as it is.
func ordered(places []Release, edges map[[2]string]*edge) []Release {
	before, byVersion := map[string][]string{}, map[string]Release{}
	for _, e := range edges {
		before[e.to] = append(before[e.to], e.from)
	}
	for _, r := range places {
		byVersion[r.Version] = r
	}
	var out []Release
	var put func(version string)
	put = func(version string) {
		r, is := byVersion[version]
		if !is {
			return // it stands there already, or the jumps go in a circle
		}
		delete(byVersion, version)
		slices.Sort(before[version])
		for _, b := range before[version] {
			put(b)
		}
		out = append(out, r)
	}
	for _, r := range places {
		put(r.Version)
	}
	return out
}

// keepNewest leaves out what is too old, and takes the jumps between the rest.
func (g *graph) keepNewest(edges map[[2]string]*edge) {
	g.older = max(len(g.places)-most, 0)
	g.places = g.places[g.older:]
	at := map[string]int{}
	for i, r := range g.places {
		at[r.Version] = i
	}
	for _, e := range edges {
		_, from := at[e.from]
		_, to := at[e.to]
		if from && to {
			g.edges = append(g.edges, e)
		}
	}
	slices.SortFunc(g.edges, func(a, b *edge) int {
		return cmp.Or(cmp.Compare(at[a.from], at[b.from]), cmp.Compare(at[a.to], at[b.to]))
	})
}

// offer keeps the newest revision of the first channel that has one, and of a later channel only a newer one.
func (e *edge) offer(channel string, b *repo.Bundle) {
	switch {
	case e.bundle == nil || e.channel == channel && b.Revision > e.bundle.Revision:
		e.channel, e.bundle = channel, b
	case e.channel != channel && b.Revision > e.bundle.Revision && (e.newer == nil || b.Revision > e.newer.Revision):
		e.newer = b
	}
}

// place is where a release stands in the order, -1 for an unknown one.
func (g *graph) place(version string) int {
	return slices.IndexFunc(g.places, func(r Release) bool { return r.Version == version })
}

// way returns the jumps that lead from one release to another, nil when none do: as
// few as possible, and over jumps that are not published only when there is no other way.
func (g *graph) way(from, to string) []*edge {
	for _, unpublished := range []bool{false, true} {
		if w := g.shortest(from, to, unpublished); w != nil {
			return w
		}
	}
	return nil
}

func (g *graph) shortest(from, to string, unpublished bool) []*edge {
	came := map[string]*edge{from: nil}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, e := range g.edges {
			if _, seen := came[e.to]; seen || e.from != queue[0] || e.bundle == nil && !unpublished {
				continue
			}
			came[e.to] = e
			queue = append(queue, e.to)
		}
	}
	var w []*edge
	for e := came[to]; e != nil; e = came[e.from] {
		w = append(w, e)
	}
	slices.Reverse(w)
	return w
}

// lastWithdrawn finds what was withdrawn last of that beginning.
func lastWithdrawn(gone []repo.Withdrawn, nevra string) (last *repo.Withdrawn) {
	for _, w := range gone {
		if strings.HasPrefix(w.NEVRA, nevra) && (last == nil || w.At > last.At) {
			last = &w
		}
	}
	return last
}

// withdrawn lists what was taken out and is in no channel any more.
func withdrawn(in Input) []repo.Withdrawn {
	var all []repo.Withdrawn
	seen := map[string]bool{}
	offered := func(x *repo.Index, nevra string) bool { return x != nil && x.Bundle(nevra) != nil }
	for _, index := range []*repo.Index{in.Stable, in.Testing} {
		if index == nil {
			continue
		}
		for _, w := range index.Withdrawn {
			if !seen[w.NEVRA] && !offered(in.Stable, w.NEVRA) && !offered(in.Testing, w.NEVRA) {
				seen[w.NEVRA] = true
				all = append(all, w)
			}
		}
	}
	return all
}
