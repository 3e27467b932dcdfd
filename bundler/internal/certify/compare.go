package certify

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// isOld says what keeps a machine from being the old release.
func (s state) isOld(m *manifest.Manifest) faults {
	var f faults
	f.packages(m.Old, s, s)
	f.units(m, manifest.Old, s, s)
	if s.left != "" {
		f.add("left behind: %s", s.left)
	}
	return f
}

// isNew says what keeps a machine from being the new release that grew out of before.
func (s state) isNew(m *manifest.Manifest, before state) faults {
	var f faults
	f.packages(m.New, before, s)
	f.units(m, manifest.New, before, s)
	for _, path := range slices.Sorted(maps.Keys(s.altered)) {
		if before.altered[path] != s.altered[path] && !onlyOwned(m, path, s.altered[path]) {
			f.add("a file is not as its package has it: %s", s.altered[path])
		}
	}
	if s.left != "" {
		f.add("left behind: %s", s.left)
	}
	return f
}

// isAsBefore says what a way back or a refusal has changed.
func (s state) isAsBefore(before state) faults {
	var f faults
	differ(&f, "package", before.packages, s.packages)
	differ(&f, "unit", before.units, s.units)
	differ(&f, "altered file", before.altered, s.altered)
	differ(&f, "file", before.files, s.files)
	f.owners(before.owners, s.owners)
	differ(&f, "schema", before.schema, s.schema)
	f.documents(before.documents, s.documents)
	f.rows(before.tables, s.tables, func(string) rule { return equal })
	if s.left != "" {
		f.add("left behind: %s", s.left)
	}
	return f
}

// onlyOwned reports whether a file differs from its package's by nothing but an owner that the upgrade gives it.
func onlyOwned(m *manifest.Manifest, path, line string) bool {
	flags, _, _ := strings.Cut(line, " ")
	return strings.Trim(flags, ".UG") == "" && slices.ContainsFunc(m.Owners, func(o manifest.Owner) bool { return manifest.Within(path, o.Path) })
}

// owners wants the files that were there before and are still there to be whose they were; others may have come and gone.
func (f *faults) owners(before, now map[string]string) {
	for _, path := range sortedKeys(before) {
		if n, is := now[path]; is && n != before[path] {
			f.add("file %s belongs to %s, did to %s", path, n, before[path])
		}
	}
}

// faults are what was found, one line each.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// maxFaults bounds what is reported of one comparison.
const maxFaults = 8

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
func (f *faults) packages(set []manifest.Package, before, now state) {
	want := map[string]bool{}
	for _, p := range set {
		id := p.Name + " " + p.EVR()
		if p.Optional && !before.has(p.Name) {
			continue
		}
		want[id] = true
		switch n := len(now.packages[id]); {
		case n == 0:
			f.add("package %s is not installed", p.NEVRA())
		case n > 1:
			f.add("package %s is in rpm's database %d times", p.NEVRA(), n)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now.packages)) {
		if !want[id] {
			f.add("package %s is installed and does not belong there", strings.Replace(id, " ", "-", 1))
		}
	}
}

func (s state) has(name string) bool {
	for id := range s.packages {
		if strings.HasPrefix(id, name+" ") {
			return true
		}
	}
	return false
}

// units wants every unit of the side active that was so before, those that came early too, and no unit of the other release.
func (f *faults) units(m *manifest.Manifest, side manifest.Side, before, now state) {
	for _, s := range m.Services {
		is := now.units[s.Unit]
		switch {
		case s.Only != "" && s.Only != side:
			if is == "active" {
				f.add("unit %s is active and belongs to the other release", s.Unit)
			}
		case is != "active" && (side == manifest.Old || s.Only == side || before.units[s.Unit] == "active"):
			f.add("unit %s is %s", s.Unit, is)
		}
	}
	for _, s := range m.EarlyServices {
		if is := now.units[s.Unit]; side == manifest.New && is != "active" {
			f.add("unit %s is %s", s.Unit, is)
		}
	}
}

// differ tells what two maps do not have in common.
func differ(f *faults, what string, before, now map[string]string) {
	keys := map[string]bool{}
	for k := range before {
		keys[k] = true
	}
	for k := range now {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		b, had := before[k]
		n, has := now[k]
		switch {
		case !had:
			f.add("%s %s is new", what, k)
		case !has:
			f.add("%s %s is gone", what, k)
		case b != n:
			f.add("%s %s is %s, was %s", what, k, short(n), short(b))
		}
	}
}

func short(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}

// rule says what may become of a table's rows.
type rule int

const (
	equal rule = iota // the same rows
	kept              // no row less
	free              // anything: the product said so
)

func (f *faults) rows(before, now map[string]table, may func(name string) rule) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		b, r := before[name], may(name)
		n, there := now[name]
		switch {
		case r == free:
		case !there && (b.rows > 0 || r == equal):
			f.add("table %s is gone, it had %d rows", name, b.rows)
		case !there:
		case n.rows < b.rows:
			f.add("table %s has %d rows, it had %d", name, n.rows, b.rows)
		case r == equal && n.rows != b.rows:
			f.add("table %s has %d rows, it had %d", name, n.rows, b.rows)
		case r == equal && n.digest != b.digest:
			f.add("table %s has %d rows as before, but not the same ones", name, n.rows)
		}
	}
}

// ruleOf is the rule of an upgrade: tables that no migration names are left alone, unless clients
// write meanwhile; the others lose no row; the product's word goes above it.
func ruleOf(migrations string, exceptions map[string]bool, clients bool) func(string) rule {
	named := map[string]bool{}
	for _, word := range words.FindAllString(strings.ToLower(migrations), -1) {
		named[word] = true
	}
	return func(name string) rule {
		_, full, _ := strings.Cut(name, " ")
		_, bare, _ := strings.Cut(full, ".")
		switch {
		case exceptions[full] || exceptions[bare]:
			return free
		case clients || named[strings.ToLower(bare)]:
			return kept
		}
		return equal
	}
}

var words = regexp.MustCompile(`[\p{L}_][\p{L}\p{N}_$]*`)
