package certify

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/picture"
	"onerpm/internal/manifest"
)

// isOld says what keeps a machine from being the old release.
func (s state) isOld(m *manifest.Manifest) faults {
	var f faults
	f.packages(m, m.Old, s, s)
	f.units(m, manifest.Old, s, s)
	f.left(s)
	return f
}

// isNew says what keeps a machine from being the new release that grew out of before.
func (s state) isNew(c picture.Comparison, before state, report picture.Report) faults {
	var f faults
	f.packages(c.Manifest, c.Manifest.New, before, s)
	f.units(c.Manifest, manifest.New, before, s)
	f.left(s)
	return append(f, c.Upgraded(before.machine, s.machine, report)...)
}

// isAsBefore says what a way back, a refusal or a second run has changed.
func (s state) isAsBefore(c picture.Comparison, before state) faults {
	f := faults(c.Same(before.machine, s.machine))
	for _, db := range sortedKeys(before.databases) {
		f.database(db, before.databases[db], s.databases[db], same, c.LeftOut)
		f.roles(db, before.databases[db], s.databases[db], c.LeftOut)
	}
	f.documents(before.documents, s.documents)
	f.left(s)
	return f
}

func (f *faults) left(s state) {
	if left := s.machine.Left(); len(left) > 0 {
		f.add("left behind: %s", strings.Join(left, " "))
	}
}

// faults are what was found, one line each.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// maxFaults bounds what is reported of one comparison.
const maxFaults = 30

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	told := slices.Clone(f[:min(len(f), maxFaults)])
	if more := len(f) - len(told); more > 0 {
		told = append(told, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%s", strings.Join(told, "; "))
}

// packages wants the set installed, each once, and no other package of the product. An optional
// one is wanted where the machine had it.
func (f *faults) packages(m *manifest.Manifest, set []manifest.Package, before, now state) {
	want := map[string]bool{}
	for _, p := range set {
		if p.Optional && !before.has(p.Name) {
			continue
		}
		id := p.EVR() + "." + p.Arch
		want[p.Name+" "+id] = true
		switch n := len(slices.DeleteFunc(now.versions(p.Name), func(v string) bool { return v != id })); {
		case n == 0:
			f.add("package %s is not installed", p.NEVRA())
		case n > 1:
			f.add("package %s is in rpm's database %d times", p.NEVRA(), n)
		}
	}
	for _, name := range picture.Names(m) {
		for _, id := range now.versions(name) {
			if !want[name+" "+id] {
				f.add("package %s-%s is installed and does not belong there", name, id)
			}
		}
	}
}

// versions are those of a package that are installed, as EVR.arch.
func (s state) versions(name string) []string {
	return strings.Fields(s.machine[picture.Packages][name])
}

func (s state) has(name string) bool { return len(s.versions(name)) > 0 }

// units wants every unit of the side active that was so before, those that came early too, and no unit of the other release.
func (f *faults) units(m *manifest.Manifest, side manifest.Side, before, now state) {
	for _, s := range m.Services {
		is := now.machine.Service(s.Unit)
		switch {
		case s.Only != "" && s.Only != side:
			if is == "active" {
				f.add("unit %s is active and belongs to the other release", s.Unit)
			}
		case is != "active" && (side == manifest.Old || s.Only == side || before.machine.Service(s.Unit) == "active"):
			f.add("unit %s is %s", s.Unit, is)
		}
	}
	for _, s := range m.EarlyServices {
		if is := now.machine.Service(s.Unit); side == manifest.New && is != "active" {
			f.add("unit %s is %s", s.Unit, is)
		}
	}
}

func short(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
