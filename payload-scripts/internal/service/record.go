package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/systemd"
)

// Record looks how the product's units are, and which others run because of them: what
// must be found again after the upgrade, whichever way it goes. A unit that is between two
// states is waited for.
func (s *Services) Record(ctx context.Context) (journal.Services, error) {
	b := journal.Services{Active: map[string]bool{}, Boot: map[string]string{}, Instances: map[string][]string{},
		Triggers: map[string][]string{}, Triggered: map[string][]string{}, Dependents: map[string][]string{}}
	for _, u := range s.units {
		is, err := s.stableUnit(ctx, u.Unit)
		if err != nil {
			return b, err
		}
		b.Active[u.Unit], b.Boot[u.Unit] = systemd.Serves(is.Active), is.File
		if u.Only == manifest.New {
			continue
		}
		if err := s.recordInstances(ctx, &b, u.Unit); err != nil {
			return b, err
		}
		for _, name := range is.Triggers {
			if s.isNamed(name) {
				continue
			}
			state, err := s.systemd.Active(ctx, name)
			if err != nil {
				return b, err
			}
			b.Active[name] = systemd.Serves(state)
			b.Triggered[u.Unit] = append(b.Triggered[u.Unit], name)
		}
	}
	for _, u := range s.expand(b) {
		if u.Only == manifest.New {
			continue
		}
		is, err := s.systemd.Unit(ctx, u.Unit)
		if err != nil {
			return b, err
		}
		if b.Triggers[u.Unit], err = s.serving(ctx, is.TriggeredBy); err != nil {
			return b, err
		}
		for _, name := range slices.Concat(b.Instances[u.Unit], b.Triggers[u.Unit]) {
			if b.Boot[name], err = s.systemd.FileState(ctx, name); err != nil {
				return b, err
			}
		}
	}
	if err := s.recordDependents(ctx, &b); err != nil {
		return b, err
	}
	links, err := systemd.LinksOf(s.places.Root, s.names(b))
	if err != nil {
		return b, err
	}
	for _, l := range links {
		b.Links = append(b.Links, journal.Link(l))
	}
	if b.Folders, err = systemd.Folders(s.places.Root, s.names(b)); err != nil {
		return b, err
	}
	prune(b.Instances)
	prune(b.Triggers)
	prune(b.Triggered)
	prune(b.Dependents)
	return b, nil
}

// stableUnit looks at a unit that is neither starting nor stopping. One that a timer or the like
// has started and that does its work just now does not serve for good: it is not waited for.
func (s *Services) stableUnit(ctx context.Context, name string) (systemd.Unit, error) {
	began := time.Now()
	for limit := began.Add(s.stableLimit); ; {
		u, err := s.systemd.Unit(ctx, name)
		if err != nil || systemd.Down(u.Active) || systemd.Serves(u.Active) || len(u.TriggeredBy) > 0 {
			return u, err
		}
		if time.Now().After(limit) {
			return u, fmt.Errorf("%s is still %s after %s; see systemctl status %s, then start it or stop it for good", u.Name, u.Active, s.stableLimit, u.Name)
		}
		if err := pause(ctx, began); err != nil {
			return u, err
		}
	}
}

// recordInstances notes the serving instances of a unit's template that the manifest does not
// name; with the first one that it names.
func (s *Services) recordInstances(ctx context.Context, b *journal.Services, name string) error {
	template := unit.Template(name)
	first := slices.IndexFunc(s.units, func(u manifest.Service) bool { return unit.Template(u.Unit) == template })
	if template == "" || s.units[first].Unit != name {
		return nil
	}
	all, err := s.systemd.Instances(ctx, template)
	if err != nil {
		return err
	}
	found, err := s.serving(ctx, slices.DeleteFunc(all, s.isNamed))
	for _, name := range found {
		b.Active[name] = true
	}
	b.Instances[name] = found
	return err
}

// isNamed reports whether the manifest names a unit.
func (s *Services) isNamed(full string) bool {
	return slices.ContainsFunc(s.units, func(u manifest.Service) bool { return unit.Name(u.Unit) == full })
}

// recordDependents finds the units that systemd stops with the product's, and with those in turn.
func (s *Services) recordDependents(ctx context.Context, b *journal.Services) error {
	seen := map[string]bool{}
	for _, name := range s.names(*b) {
		seen[unit.Name(name)] = true
	}
	for _, u := range s.expand(*b) {
		if u.Only == manifest.New {
			continue
		}
		next := append([]string{u.Unit}, b.Triggers[u.Unit]...)
		for len(next) > 0 {
			is, err := s.systemd.Unit(ctx, next[0])
			if err != nil {
				return err
			}
			next = next[1:]
			seen[is.Name] = true // its own name, should the manifest have an alias
			for _, name := range is.StopsWithIt {
				if seen[name] || !startable(name) {
					continue
				}
				seen[name] = true
				found, err := s.serving(ctx, []string{name})
				if err != nil {
					return err
				}
				b.Dependents[u.Unit] = append(b.Dependents[u.Unit], found...)
				next = append(next, found...)
			}
		}
	}
	return nil
}

// startable reports whether units of that kind can be started by name.
func startable(name string) bool {
	return !slices.Contains([]string{"scope", "device", "slice"}, unit.Kind(name))
}

// serving are those of some units that serve, or are about to.
func (s *Services) serving(ctx context.Context, names []string) ([]string, error) {
	var found []string
	for _, name := range names {
		state, err := s.systemd.Active(ctx, name)
		if err != nil {
			return nil, err
		}
		if systemd.Serves(state) || state == "activating" {
			found = append(found, name)
		}
	}
	return found, nil
}

// expand is the manifest's units, each followed by the other instances of its template and by
// what it triggers. What triggers a door is a door too: it lets clients in.
func (s *Services) expand(b journal.Services) []manifest.Service {
	var all []manifest.Service
	letIn := map[string]bool{}
	for _, u := range s.units {
		all = append(all, u)
		for _, name := range slices.Concat(b.Instances[u.Unit], b.Triggered[u.Unit]) {
			all = append(all, manifest.Service{Unit: name, Only: u.Only, Door: u.Door, Source: u.Source})
		}
	}
	for _, u := range all {
		for _, name := range b.Triggers[u.Unit] {
			letIn[name] = letIn[name] || u.Door
		}
	}
	for i, u := range all {
		all[i].Door = u.Door || letIn[unit.Name(u.Unit)]
	}
	return all
}

// names are all units that the upgrade itself stops and starts: the manifest's, other
// instances and what triggers them.
func (s *Services) names(b journal.Services) []string {
	var all []string
	for _, u := range s.expand(b) {
		all = append(append(all, u.Unit), b.Triggers[u.Unit]...)
	}
	return all
}

func prune(m map[string][]string) {
	for key, list := range m {
		if len(list) == 0 {
			delete(m, key)
		}
	}
}
