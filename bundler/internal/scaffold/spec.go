package scaffold

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// spec is the jump while its file is written.
type spec struct {
	in         Input
	before     before
	changes    []change
	scriptlets []scriptlet
	err        error
}

func newSpec(in Input) *spec {
	s := &spec{in: in, changes: changes(in.From.Packages, in.To.Packages)}
	s.scriptlets = running(s.changes)
	s.before, s.err = previous(in)
	return s
}

// text is upgrade.yaml, section by section.
func (s *spec) text() (string, error) {
	if s.err != nil {
		return "", s.err
	}
	parts := []string{s.head(), s.services(), s.packages(), s.state(), s.config(), s.databases(), s.stores(), s.agents(), s.hooks(), s.limits()}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "\n"), nil
}

func (s *spec) head() string {
	var b strings.Builder
	b.WriteString(s.in.modeline("../../schemas/upgrade.schema.json"))
	fmt.Fprintf(&b, "# What cannot be derived from the two releases about the way from %s to %s.\n", s.in.From.Version, s.in.To.Version)
	b.WriteString("# Written by bundler new. A value that begins with DECIDE is a person's to replace; bundler check names all of them.\n")
	if list := s.carriedOver(); list != nil {
		fmt.Fprintf(&b, "# Carried over from %s-%s, to be read once: %s.\n", s.before.spec.From, s.before.spec.To, strings.Join(list, ", "))
	}
	fmt.Fprintf(&b, "from: %s\nto: %s\nrevision: 1\n", quoted(s.in.From.Version), quoted(s.in.To.Version))
	b.WriteString("\n# What happens to the packages; this is computed, nothing is to be written:\n")
	for _, row := range s.packageRows() {
		fmt.Fprintf(&b, "#   %-9s %s\n", row[0], row[1])
	}
	return b.String()
}

// carriedOver names what of the file is the jump before's.
func (s *spec) carriedOver() (list []string) {
	old := s.before.spec
	if old == nil {
		return nil
	}
	skip, keep := s.decisions()
	same := func(verb string) func(scriptlet) bool {
		return func(sc scriptlet) bool { d := s.decided(sc.nvr, sc.kind); return d != nil && d.same && d.verb == verb }
	}
	for _, part := range []struct {
		name string
		is   bool
	}{
		{"services", slices.ContainsFunc(old.Services, func(v manifest.Service) bool { return v.Only != manifest.Old })},
		{"decisions about scriptlets", slices.ContainsFunc(skip, same(skipIt)) || slices.ContainsFunc(keep, same(keepIt))},
		{"packages.host", len(s.host()) > 0},
		{"state", len(old.State) > 0},
		{"config", s.carriedConfig() != ""},
		{"databases", len(old.Databases) > 0},
		{"agents", old.Agents != nil},
		{"limits", s.before.section("limits") != ""},
	} {
		if part.is {
			list = append(list, part.name)
		}
	}
	return list
}

// packageRows says what happens to every package.
func (s *spec) packageRows() [][2]string {
	var added, changed, removed, same [][2]string
	for _, c := range s.changes {
		switch {
		case c.old == nil:
			added = append(added, [2]string{"added", c.name + " " + evrOf(c.new.Header)})
		case c.new == nil:
			note := "; nothing new obsoletes it, so the bundle takes it away"
			if by := obsoletedBy(*c.old, s.in.To.Packages); by != "" {
				note = "; " + by + " obsoletes it"
			}
			removed = append(removed, [2]string{"removed", c.name + " " + evrOf(c.old.Header) + note})
		case !c.moves():
			same = append(same, [2]string{"unchanged", c.name + " " + evrOf(c.new.Header)})
		default:
			note := ""
			switch {
			case c.backwards():
				note = "; the version goes backwards"
			case evrOf(c.old.Header) == evrOf(c.new.Header):
				note = "; the same version, built anew"
			}
			changed = append(changed, [2]string{"changed", fmt.Sprintf("%s %s > %s%s", c.name, evrOf(c.old.Header), evrOf(c.new.Header), note)})
		}
	}
	return slices.Concat(added, changed, removed, same)
}

// services carries the units over, and adds those that the packages bring.
func (s *spec) services() string {
	head, items, ok := s.before.services()
	var b strings.Builder
	if !ok {
		b.WriteString(wholeNote + "\n" + s.before.section("services"))
		return b.String()
	}
	old, new := units(s.in.From.Packages), units(s.in.To.Packages)
	if head == "" {
		head = "# In the order in which they start; stopped in reverse. The door, which lets clients in, comes last (door: true).\n" +
			"# health asks a unit whether it is well, drain waits for work under way: docs/writing-a-jump.md. All of them are stopped in the\n" +
			"# window, so the server of a database is none of them. A web server in front of the product, for instance:\n" +
			"#   - unit: nginx\n#     door: true\n#     verify: nginx -t\n" +
			"#     health: { http: http://127.0.0.1/version, expect: { status: 200 }, within: 30s }\nservices:\n"
	}
	var lines, doors []string
	known := map[string]bool{}
	for _, it := range items {
		if it.only == "old" {
			continue // gone since the jump before
		}
		known[it.unit] = true
		text := it.text
		switch gone := s.gone(it.unit); {
		case old[it.unit] != "" && new[it.unit] == "":
			text = withOnly(text, "old", "no package of "+s.in.To.Version+" owns it any more")
		case gone != "":
			text = withOnly(text, "old", "it starts what "+gone+" had, which goes; remove its file from versions/"+s.in.To.Version+"/config too")
		}
		if it.door {
			doors = append(doors, text)
			continue
		}
		lines = append(lines, text)
	}
	var steady []string
	for _, unit := range slices.Sorted(maps.Keys(union(old, new))) {
		switch {
		case known[unit]:
		case old[unit] == new[unit] && s.stays(new[unit]): // a database's, perhaps, which the migrations need
			steady = append(steady, unit)
		default:
			lines = append(lines, newItem(unit, old[unit], new[unit]))
		}
	}
	if steady != nil {
		fmt.Fprintf(&b, steadyNote+"%s\n", strings.Join(steady, ", "))
	}
	if len(lines)+len(doors) == 0 && steady != nil {
		return b.String()
	}
	if len(lines)+len(doors) == 0 {
		return "# No package owns a systemd unit. Services that the product's own bootstrap writes are listed here all the same:\n" +
			"# services:\n#   - unit: example\n"
	}
	b.WriteString(s.unowned(known) + head + strings.Join(lines, "") + strings.Join(doors, ""))
	return b.String()
}

// stays tells a package that is the same in both releases.
func (s *spec) stays(name string) bool {
	return slices.ContainsFunc(s.changes, func(c change) bool { return c.name == name && c.old != nil && c.new != nil && !c.moves() })
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// newItem is the item of a unit that a package owns and no jump has named yet.
func newItem(unit, old, new string) string {
	switch {
	case old == "":
		return fmt.Sprintf("  - unit: %s # new, of %s; is this its place in the order?\n    only: new\n", quoted(unit), new)
	case new == "":
		return fmt.Sprintf("  - unit: %s # of %s, which has it no more\n    only: old\n", quoted(unit), old)
	}
	return fmt.Sprintf("  - unit: %s # of %s\n", quoted(unit), new)
}

// withOnly adds a key behind an item's first line.
func withOnly(text, side, why string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(line)
		if m := item.FindStringSubmatch(line); m != nil && !strings.Contains(b.String(), "only:") {
			fmt.Fprintf(&b, "%s  only: %s # %s\n", m[1], side, why)
		}
	}
	return b.String()
}

// unowned tells of the units that no package owns and no service names, and of new
// packages that bring none.
func (s *spec) unowned(known map[string]bool) string {
	var b strings.Builder
	var other []string
	for _, unit := range slices.Sorted(maps.Keys(rendered(s.in.From.Release))) {
		if !known[unit] {
			other = append(other, unit)
		}
	}
	if other != nil {
		fmt.Fprintf(&b, unownedNote+"%s\n", strings.Join(other, ", "))
	}
	var silent []string
	for _, c := range s.changes {
		if c.old == nil && len(units([]Package{*c.new})) == 0 {
			silent = append(silent, c.name)
		}
	}
	if silent != nil {
		fmt.Fprintf(&b, silentNote+"%s\n", strings.Join(silent, ", "))
	}
	return b.String()
}

func (s *spec) state() string {
	text := s.before.section("state")
	if text == "" {
		text = "# Files of the product that no package owns: folders that %post fills, uploads. Kept, and saved before the jump.\nstate: []\n"
	}
	var open []string
	for _, dir := range folders(s.scriptlets, s.in.To.Packages) {
		if !s.hasState(dir) {
			open = append(open, dir)
		}
	}
	if open == nil {
		return text
	}
	return foldersNote + strings.Join(open, ", ") + "\n" + text
}

func (s *spec) hasState(dir string) bool {
	return s.before.spec != nil && slices.ContainsFunc(s.before.spec.State, func(p string) bool { return dir == p || strings.HasPrefix(dir, p+"/") })
}

func (s *spec) config() string {
	var b strings.Builder
	if from := s.in.From.Release; from != nil && len(from.ConfigFiles) > 0 && s.in.To.Release == nil {
		fmt.Fprintf(&b, "# versions/%s/config is a copy of %s's: no package says what the new release's bootstrap renders. Correct it first;\n"+
			"# then set what no host can know: a literal, { random: 32 }, { copy: other.key }.\n", s.in.To.Version, s.in.From.Version)
	}
	if list := s.packageConfig(); len(list) > 0 {
		b.WriteString("# %config files of the packages that come, change or go, and what becomes of each without an entry here. An entry that names\n" +
			"# the package can decide about conflicts (policy) and keys (set). A key that has another name in " + s.in.To.Version + " keeps the machine's value\n" +
			"# by set: { new_name: { copy: old_name } }; without that nothing carries it over.\n")
		for _, f := range list {
			fmt.Fprintf(&b, "#   %-7s %s of %s, %s: %s\n", f.Change, clean(f.Path), f.Package, cmp.Or(f.New, f.Old), f.What)
		}
	}
	entries := s.carriedConfig()
	if entries == "" {
		if b.Len() == 0 {
			return ""
		}
		return b.String() + "config: []\n"
	}
	return b.String() + "config:\n" + entries
}

// carriedConfig is the files of the jump before that are still there. What it set is
// done, and setting it again could undo what an admin did since.
func (s *spec) carriedConfig() string {
	if s.before.spec == nil || s.in.From.Release == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range s.before.spec.Config {
		has := slices.ContainsFunc(s.in.From.Release.ConfigFiles, func(f release.ConfigFile) bool { return f.Target == c.Target })
		if c.InPackage() {
			has = slices.ContainsFunc(s.in.To.Packages, func(p Package) bool {
				_, is := configOf(&p)[c.Target]
				return is && p.Header.Name == c.Package
			})
		}
		if !has || c.Format == "" && len(c.Policy) == 0 {
			continue
		}
		fmt.Fprintf(&b, "  - target: %s\n", quoted(c.Target))
		if c.InPackage() {
			fmt.Fprintf(&b, "    package: %s\n", quoted(c.Package))
		}
		if c.Format != "" {
			fmt.Fprintf(&b, "    format: %s\n", c.Format)
		}
		if len(c.Policy) > 0 {
			b.WriteString("    policy:\n")
			for _, key := range slices.Sorted(maps.Keys(c.Policy)) {
				fmt.Fprintf(&b, "      %s: %s\n", quoted(key), c.Policy[key])
			}
		}
	}
	return b.String()
}

func (s *spec) agents() string { return s.before.section("agents") }

func (s *spec) hooks() string {
	if s.before.spec == nil {
		return ""
	}
	var names []string
	for _, h := range s.before.spec.Hooks.All() {
		names = append(names, h.Run)
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("# Hooks belong to one jump. The jump before ran %s; none is carried over.\n", strings.Join(names, ", "))
}

func (s *spec) limits() string {
	if text := s.before.section("limits"); text != "" {
		return text
	}
	return "# The window that is promised: an upgrade that passes it goes on and reports it; a bundle that passes it is not certified.\nlimits:\n  window: 60s\n  lock_timeout: 3s\n"
}

// database of a jump before, with what is known of its schema now.
func databaseText(b *strings.Builder, db manifest.Database, folder string, to string) {
	fmt.Fprintf(b, "  - name: %s\n    connection:\n      file: %s\n      format: %s\n      keys:\n", quoted(db.Name), quoted(db.Connection.File), db.Connection.Format)
	for _, k := range [][2]string{{"url", db.Connection.Keys.URL}, {"host", db.Connection.Keys.Host}, {"port", db.Connection.Keys.Port}, {"database", db.Connection.Keys.Database},
		{"user", db.Connection.Keys.User}, {"password", db.Connection.Keys.Password}} {
		if k[1] != "" {
			fmt.Fprintf(b, "        %s: %s\n", k[0], quoted(k[1]))
		}
	}
	for _, list := range []struct {
		key    string
		values []string
	}{{"programs", db.Programs}, {"small", db.Small}} {
		if len(list.values) > 0 {
			fmt.Fprintf(b, "    %s:\n", list.key)
		}
		for _, v := range list.values {
			fmt.Fprintf(b, "      - %s\n", quoted(v))
		}
	}
	schema := db.Becomes
	if schema == nil {
		schema = db.Expects
	}
	if schema != nil {
		fmt.Fprintf(b, "    expects:\n      query: %s\n      value: %s\n", quoted(schema.Query), quoted(schema.Value))
		fmt.Fprintf(b, "    becomes:\n      query: %s\n      value: %s\n", quoted(schema.Query),
			undecided(fmt.Sprintf("what the query returns at %s; %s when the schema does not change", to, schema.Value)))
	}
	b.WriteString("    # checks: checks.sql   queries that must return no row before anything is touched\n")
	fmt.Fprintf(b, "    migrations: %s   # leave it out, and remove the folder, when the schema does not change\n", folder)
}
