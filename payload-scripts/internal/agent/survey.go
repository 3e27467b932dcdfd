package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// seen is a group as the product shows it.
type seen struct {
	group Group
	ready bool // everything in it has the state that it must have to be asked
	old   int  // agents that are not of the new version
}

// survey asks the product for all groups that have agents, by tenant and name.
func (r *runner) survey(ctx context.Context) ([]seen, error) {
	tenants, err := r.api.list(ctx, "", r.api.spec.Tenants.List)
	if err != nil {
		return nil, err
	}
	var all []seen
	for _, t := range tenants {
		tenant := text(t, r.api.spec.Tenants.Name)
		if tenant == "" {
			return nil, fmt.Errorf("%s: a tenant without %q", r.api.spec.Tenants.List, r.api.spec.Tenants.Name)
		}
		found, err := r.groupsOf(ctx, tenant)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b seen) int {
		return cmp.Or(cmp.Compare(a.group.Tenant, b.group.Tenant), cmp.Compare(a.group.Name, b.group.Name))
	})
	return all, nil
}

func (r *runner) groupsOf(ctx context.Context, tenant string) ([]seen, error) {
	spec := r.api.spec.Groups
	things, err := r.api.list(ctx, tenant, spec.List)
	if err != nil {
		return nil, err
	}
	byName := map[string]*seen{}
	for _, thing := range things {
		name := text(thing, spec.Name)
		if name == "" {
			return nil, fmt.Errorf("%s: one without %q", spec.List, spec.Name)
		}
		s := byName[name]
		if s == nil {
			s = &seen{group: Group{Tenant: tenant, Name: name, State: Waiting}, ready: true}
			byName[name] = s
		}
		s.ready = s.ready && text(thing, spec.State) == spec.Ready
		if version := text(thing, spec.Version); version != "" {
			s.group.Agents++
			if version != spec.Becomes {
				s.old++
			}
		}
	}
	var found []seen
	for _, s := range byName {
		if s.group.Agents > 0 {
			found = append(found, *s)
		}
	}
	return found, nil
}

// compare brings the record up to what the product shows: groups that came or
// went, and those whose agents prove the record wrong.
func (r *runner) compare(ctx context.Context) error {
	var found []seen
	err := r.retryUnreachable(ctx, func() (err error) { found, err = r.survey(ctx); return err })
	if err != nil {
		return err
	}
	return r.book.update(func(rec *Record) {
		old := rec.Groups
		rec.Groups, rec.LeftOut = nil, 0
		for _, s := range found {
			g := s.group
			if i := slices.IndexFunc(old, g.is); i >= 0 {
				g = old[i]
				g.Agents = s.group.Agents
			}
			switch {
			case g.State == Asking, g.State == Asked: // not decided yet
			case s.old == 0:
				g.State, g.Error = Upgraded, ""
			case g.State == Upgraded:
				g.State, g.Error = Failed, fmt.Sprintf("%d of %d agents are not of version %s", s.old, g.Agents, r.api.spec.Groups.Becomes)
			case !s.ready && g.State == Waiting:
				rec.LeftOut++
				continue
			}
			rec.Groups = append(rec.Groups, g)
		}
	})
}
