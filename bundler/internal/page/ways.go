package page

import (
	"cmp"
	"slices"
	"strings"

	"onerpm/bundler/internal/repo"
)

// edge is a jump from one release to another, published or not.
type edge struct {
	from, to  string
	channel   string       // that bundle is in; "" when there is none
	bundle    *repo.Bundle // newest revision in the channel
	newer     *repo.Bundle // newer revision that is still being tried, nil for none
	withdrawn *repo.Withdrawn
}

// graph is all releases, in order, and the jumps between them, in the order of their ends.
type graph struct {
	places []Release
	edges  []*edge
}

func newGraph(in Input) *graph {
	g := &graph{places: slices.Clone(in.Releases)}
	for _, r := range in.Releases {
		if r.Next != "" {
			g.edge(r.Version, r.Next)
		}
	}
	for _, index := range []*repo.Index{in.Stable, in.Testing} { // stable first: it is what is offered
		if index == nil {
			continue
		}
		for i := range index.Bundles {
			b := &index.Bundles[i]
			g.edge(b.From, b.To).offer(index.Channel, b)
		}
	}
	for _, e := range g.edges {
		e.withdrawn = lastWithdrawn(in, e)
	}
	slices.SortFunc(g.edges, func(a, b *edge) int {
		return cmp.Or(cmp.Compare(g.place(a.from), g.place(b.from)), cmp.Compare(g.place(a.to), g.place(b.to)))
	})
	return g
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

// edge returns the jump between two releases; a new one puts releases that nobody told of where they belong.
func (g *graph) edge(from, to string) *edge {
	for _, e := range g.edges {
		if e.from == from && e.to == to {
			return e
		}
	}
	if g.place(from) < 0 {
		at := g.place(to)
		if at < 0 {
			at = len(g.places)
		}
		g.places = slices.Insert(g.places, at, Release{Version: from})
	}
	if g.place(to) < 0 {
		g.places = slices.Insert(g.places, g.place(from)+1, Release{Version: to})
	}
	e := &edge{from: from, to: to}
	g.edges = append(g.edges, e)
	return e
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

// lastWithdrawn finds the revision of a jump that was withdrawn last.
func lastWithdrawn(in Input, e *edge) (last *repo.Withdrawn) {
	for _, w := range withdrawn(in) {
		if strings.HasPrefix(w.NEVRA, in.Prefix+"-"+e.to+"-"+e.to+"-") && (last == nil || w.At > last.At) {
			last = &w
		}
	}
	return last
}

// withdrawn lists what was taken out and is in no channel any more.
func withdrawn(in Input) []repo.Withdrawn {
	var all []repo.Withdrawn
	for _, index := range []*repo.Index{in.Stable, in.Testing} {
		if index == nil {
			continue
		}
		for _, w := range index.Withdrawn {
			offered := func(x *repo.Index) bool { return x != nil && x.Bundle(w.NEVRA) != nil }
			known := func(o repo.Withdrawn) bool { return o.NEVRA == w.NEVRA }
			if !offered(in.Stable) && !offered(in.Testing) && !slices.ContainsFunc(all, known) {
				all = append(all, w)
			}
		}
	}
	return all
}
