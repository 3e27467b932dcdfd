package manifest

import (
	"slices"

	"onerpm/internal/unit"
)

// EarlyService is a unit of a package that comes early. It is started in prepare, goes on
// running in the window, and is gone on the way back.
type EarlyService struct {
	Unit    string   `json:"unit" yaml:"unit"`                 // name of the unit: a service without ".service", other kinds with their suffix
	Setup   string   `json:"setup,omitempty" yaml:"setup"`     // command, split at spaces, that makes the unit's data; run once, before the first start
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"` // how long the setup may take
	Makes   []string `json:"makes,omitempty" yaml:"makes"`     // folders that setup and the unit fill: not there before, gone with all that is in them on the way back
}

// Main is the part of the jump that is one transaction of the window, as a jump of its own:
// without the packages that come early and those that go late.
func (m *Manifest) Main() *Manifest {
	if m.Early() == nil && m.Late() == nil {
		return m
	}
	return m.part(
		func(p Package) bool { return !p.Late }, func(p Package) bool { return !p.Early }, m.Undo, m.Drop)
}

// Early is the part that is done in prepare, as a jump of its own: from nothing to the packages
// that come early. nil when there is none.
func (m *Manifest) Early() *Manifest {
	early := func(p Package) bool { return p.Early }
	if !slices.ContainsFunc(m.New, early) {
		return nil
	}
	return m.part(func(Package) bool { return false }, early, "", "")
}

// Late is the part that is done after the commit, as a jump of its own: from the packages that
// go late to nothing. nil when there is none.
func (m *Manifest) Late() *Manifest {
	late := func(p Package) bool { return p.Late }
	if !slices.ContainsFunc(m.Old, late) {
		return nil
	}
	return m.part(late, func(Package) bool { return false }, "", "")
}

// part is a jump between some of the packages. A kind of scriptlet is left out of a whole
// transaction, so only what is said of the part's own packages holds for it.
func (m *Manifest) part(old, new func(Package) bool, undo, drop string) *Manifest {
	c := *m
	c.Undo, c.Drop = undo, drop
	c.Old, c.New = only(m.Old, old), only(m.New, new)
	elsewhere := map[string]bool{}
	for _, side := range []struct {
		set []Package
		is  func(Package) bool
	}{{m.Old, old}, {m.New, new}} {
		for _, p := range side.set {
			if !side.is(p) {
				elsewhere[p.NVR()] = true
			}
		}
	}
	for _, p := range append(slices.Clone(c.Old), c.New...) {
		delete(elsewhere, p.NVR())
	}
	c.Skip = slices.DeleteFunc(slices.Clone(m.Skip), func(s Scriptlet) bool { return elsewhere[s.Package] })
	return &c
}

func only(set []Package, is func(Package) bool) []Package {
	return slices.DeleteFunc(slices.Clone(set), func(p Package) bool { return !is(p) })
}

// parts demands that what comes early is only added and what goes late only removed, and that
// services and folders belong to such packages.
func (v *validator) parts(m *Manifest) {
	for _, p := range m.New {
		if p.Late || p.Early && (p.Optional || has(m.Old, p.Name)) {
			v.add("new package %q: it cannot come early or go late", p.Name)
		}
	}
	for _, p := range m.Old {
		if p.Early || p.Late && has(m.New, p.Name) {
			v.add("old package %q: it cannot come early or go late", p.Name)
		}
	}
	if len(m.EarlyServices) > 0 && m.Early() == nil || len(m.Keep) > 0 && m.Late() == nil {
		v.add("early services without early packages, or folders that are kept without packages that go late")
	}
	seen := map[string]bool{}
	for _, s := range m.EarlyServices {
		if err := unit.Check(s.Unit); err != nil || seen[s.Unit] {
			v.add("early service %q: it is no unit of a product, or there twice", s.Unit)
		}
		seen[s.Unit] = true
		if (s.Setup != "") != (s.Timeout > 0) {
			v.add("early service %q: a setup without a timeout, or a timeout without a setup", s.Unit)
		}
		for _, p := range s.Makes {
			if !cleanTarget(p) {
				v.add("early service %q: %q is no clean absolute path", s.Unit, p)
			}
		}
	}
	for _, p := range m.Keep {
		if !cleanTarget(p) {
			v.add("keep %q: not a clean absolute path", p)
		}
	}
}

func has(set []Package, name string) bool {
	return slices.ContainsFunc(set, func(p Package) bool { return p.Name == name })
}
