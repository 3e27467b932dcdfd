package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"onerpm/payload-scripts/internal/agentapi"
)

// seen is a group as the product shows it.
type seen struct {
	ready  bool // everything in it has the state that it must have to be asked
	agents int
	old    int // agents that are not of the new version
}

// survey is what the product shows of all tenants.
type survey struct {
	tenants map[string]bool
	groups  map[name]seen
	closed  map[string]error // tenants that could not be looked at; "" for their list
	unsure  map[name]bool    // groups of which nobody can tell whether they are gone
}

// look asks the product for all groups, also those of a tenant that is on record and not in the list any more: is it gone,
// or may the administrator not see it? A tenant that refuses does not hold up the others. What an earlier look
// has shown stays: it is not gone because a list was moved while it was read.
func (r *runner) look(ctx context.Context, s *survey) error {
	spec := r.api.Spec.Tenants
	s.tenants, s.closed = map[string]bool{}, map[string]error{}
	var order []string
	err := agentapi.ReadWhole(func() error {
		return r.api.List(ctx, "", spec.List, []string{spec.Name}, func(values []string) error {
			if values[0] == "" {
				return fmt.Errorf("a tenant without %q", spec.Name)
			}
			if !s.tenants[values[0]] {
				s.tenants[values[0]] = true
				order = append(order, values[0])
			}
			return nil
		})
	})
	if short, is := errors.AsType[*agentapi.ShortError](err); is {
		s.closed[""], err = fmt.Errorf("read the list of tenants: %w", short), nil
	}
	if err != nil {
		return fmt.Errorf("read the list of tenants: %w", err)
	}
	for _, g := range r.book.record().Groups {
		if !slices.Contains(order, g.Tenant) {
			order = append(order, g.Tenant)
		}
	}
	for _, tenant := range order {
		groups, err := r.groups(ctx, tenant, r.api.Spec.Groups.List)
		if _, away := errors.AsType[*agentapi.AwayError](err); away || ctx.Err() != nil {
			return err
		}
		switch {
		case err != nil && s.tenants[tenant]:
			s.closed[tenant] = err
		case err != nil && !unknown(err):
			s.closed[tenant] = fmt.Errorf("%w; that tenant is not in the list any more: if it was deleted, remove %s and start again", err, filepath.Join(r.book.dir, File))
		}
		for group, g := range groups {
			s.groups[name{tenant, group}] = g
		}
	}
	return nil
}

// unknown tells whether an error is the product's word that it does not know what it is asked about. Who is not let in learns nothing of that.
func unknown(err error) bool { return agentapi.Refused(err) && !agentapi.Locked(err) }

// groups reads a list of a tenant's things, and returns their groups, those without agents too.
func (r *runner) groups(ctx context.Context, tenant, list string) (map[string]seen, error) {
	spec := r.api.Spec.Groups
	var all map[string]seen
	err := agentapi.ReadWhole(func() error {
		these := map[string]seen{}
		err := r.api.List(ctx, tenant, list, []string{spec.ID, spec.Name, spec.State, spec.Version}, func(values []string) error {
			group, state, version := values[1], values[2], values[3]
			if group == "" {
				return fmt.Errorf("GET %s: an item without %q", list, spec.Name)
			}
			g, known := these[group]
			g.ready = (g.ready || !known) && state == spec.Ready
			if version != "" {
				g.agents++
				if version != spec.Becomes {
					g.old++
				}
			}
			these[group] = g
			return nil
		})
		for group, before := range all {
			if err == nil {
				break // this reading is whole
			}
			g, there := these[group]
			these[group] = seen{(g.ready || !there) && before.ready, max(g.agents, before.agents), max(g.old, before.old)}
		}
		all = these
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for the agents of tenant %s: %w", tenant, err)
	}
	return all, nil
}

// find asks for one group by its name, in the whole list where the spec knows no such question.
func (r *runner) find(ctx context.Context, g Group) (seen, bool, error) {
	groups, err := r.groups(ctx, g.Tenant, r.api.Things(g.api()))
	if err != nil {
		return seen{}, false, err
	}
	s, there := groups[g.Name]
	return s, there, nil
}

// lookForAll looks at all groups, and for those of the record until they are seen, or gone.
func (r *runner) lookForAll(ctx context.Context) (*survey, error) {
	s := &survey{groups: map[name]seen{}, unsure: map[name]bool{}}
	for n := 1; ; n++ {
		if err := r.look(ctx, s); err != nil {
			return nil, err
		}
		missing := s.missing(r.book.record())
		switch {
		case len(missing) == 0:
			return s, nil
		case r.api.Spec.Groups.Find != "":
			return s, r.findAll(ctx, s, missing)
		case n == agentapi.Readings: // they are in none of the lists
			return s, nil
		}
		slog.Warn("agents: groups are not shown; they are looked for again", "groups", len(missing), "first", missing[0].String())
		if err := agentapi.Pause(ctx, r.api.Patience.Look); err != nil {
			return nil, err
		}
	}
}

// missing are the groups of the record that the product does not show, though it shows their tenant.
func (s *survey) missing(rec Record) []Group {
	var missing []Group
	for _, g := range rec.Groups {
		if _, there := s.groups[g.name()]; !there && !s.hides(g) {
			missing = append(missing, g)
		}
	}
	return missing
}

// hides tells whether it cannot be seen that a group is gone.
func (s *survey) hides(g Group) bool {
	return s.unsure[g.name()] || s.closed[g.Tenant] != nil || s.closed[""] != nil && !s.tenants[g.Tenant]
}

// findAll asks for groups by their names.
func (r *runner) findAll(ctx context.Context, s *survey, missing []Group) error {
	for _, g := range missing {
		found, there, err := r.find(ctx, g)
		_, away := errors.AsType[*agentapi.AwayError](err)
		switch {
		case ctx.Err() != nil, away:
			return err
		case unknown(err) && !s.tenants[g.Tenant]: // its tenant is gone
		case err != nil:
			slog.Warn("agents: nobody can tell whether a group is gone", "group", g.String(), "error", err)
			s.unsure[g.name()] = true
		case there:
			s.groups[g.name()] = found
		}
	}
	return nil
}
