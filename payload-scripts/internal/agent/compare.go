package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
)

// compare brings the record up to what the product shows: groups that came or are
// gone, and those whose agents prove the record wrong.
func (r *runner) compare(ctx context.Context) error {
	s, err := r.lookForAll(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.closed = s.closed
	r.mu.Unlock()
	return r.book.update(func(rec *Record) {
		var groups []Group
		old := map[name]Group{}
		for _, g := range rec.Groups {
			old[g.name()] = g
			if _, there := s.groups[g.name()]; there {
				continue
			}
			if s.hides(g) {
				groups = append(groups, g)
			} else {
				slog.Info("agents: the group is gone", "group", g.String(), "state", g.State)
				r.noteForgotten(g)
			}
		}
		rec.LeftOut = 0
		for n, found := range s.groups {
			g, known := old[n]
			if !known {
				g, known = r.wasForgotten(n)
			}
			if !known {
				g = Group{Tenant: n.tenant, Name: n.group, State: Waiting}
			}
			g, counts := r.judge(g, found)
			switch {
			case counts:
				groups = append(groups, g)
			case found.agents > 0:
				rec.LeftOut++
			}
		}
		slices.SortFunc(groups, func(a, b Group) int {
			return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
		})
		rec.Groups = groups
	})
}

// judge is what becomes of a group that the product shows; false for one that is nothing to be upgraded.
func (r *runner) judge(g Group, found seen) (Group, bool) {
	untouched := g.State == Waiting && g.Asked == 0
	if found.agents == 0 { // without a version nothing is proved
		return g, !untouched
	}
	g.Agents = found.agents
	switch {
	case found.old == 0: // also when nobody knows the work any more
		g.State, g.Error = Upgraded, ""
	case g.State == Asking, g.State == Asked: // not decided yet
	case g.State == Upgraded:
		g.State, g.Error = Failed, fmt.Sprintf("%d of %d agents are not of version %s", found.old, g.Agents, r.api.Spec.Groups.Becomes)
	case !found.ready && untouched:
		return g, false
	}
	return g, true
}
