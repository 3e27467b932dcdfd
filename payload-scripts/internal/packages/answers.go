package packages

import (
	"context"
	"slices"

	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/rpm"
)

// answers are what rpm's database has said since its last transaction. rpm takes some milliseconds for each question, and Converge,
// for which the window waits, has the same ones several times.
type answers struct {
	installed map[string][]nevra.ID
	names     []string // for which states are
	states    map[string][]rpm.State
}

// remember keeps rpm's answers until the function that it returns is called; changing is called whenever they may be others.
func (s *Set) remember() (end func()) {
	s.known = &answers{}
	return func() { s.known = nil }
}

func (s *Set) changing() {
	if s.known != nil {
		s.known = &answers{}
	}
}

// Installed returns what rpm's database has of the product: every package
// whose name is in one of the two sets or is that of a helper package of the
// bundle. A name with several entries has them in rpm's order.
func (s *Set) Installed(ctx context.Context) (map[string][]nevra.ID, error) {
	if s.known != nil && s.known.installed != nil {
		return s.known.installed, nil
	}
	names, err := s.Names()
	if err != nil {
		return nil, err
	}
	found, err := s.RPM.DB().Installed(ctx, names)
	if err == nil && s.known != nil {
		s.known.installed = found
	}
	return found, err
}

// states returns how rpm put each file of the packages on this host.
func (s *Set) states(ctx context.Context, names []string) (map[string][]rpm.State, error) {
	if s.known != nil && s.known.states != nil && slices.Equal(s.known.names, names) {
		return s.known.states, nil
	}
	found, err := s.RPM.DB().States(ctx, names)
	if err == nil && s.known != nil {
		s.known.names, s.known.states = names, found
	}
	return found, err
}
