package certify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// state is what a machine holds of the product at one moment.
type state struct {
	packages map[string]string // NEVRA without architecture -> how often it is in rpm's database
	units    map[string]string // unit -> what systemctl is-active says
	altered  map[string]string // file that is not as its package has it -> rpm's word for it
	files    map[string]string // configuration and state paths, and all below them -> kind, mode, owner, digest
	owners   map[string]string // files whose owners the upgrade changes -> "<uid>:<gid>"
	tables   map[string]table  // "<database> <schema>.<table>" -> its rows
	schema   map[string]string // "<database> <what> <name>" -> definition
	left     string            // what an upgrade must not leave behind

	documents map[string]table // of the old release: "<store> <index>/<type>" -> its documents
}

func newState() state {
	return state{packages: map[string]string{}, units: map[string]string{}, altered: map[string]string{}, files: map[string]string{}, owners: map[string]string{},
		tables: map[string]table{}, schema: map[string]string{}, documents: map[string]table{}}
}

// readState reads what the machine, which serves a side's release, holds.
func (r *run) readState(ctx context.Context, side manifest.Side) (state, error) {
	out, err := r.machine.look(ctx, "look at the machine", lookScript(r.m))
	if err != nil {
		return state{}, err
	}
	s := newState()
	section := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "@@ "); ok {
			section = name
			continue
		}
		s.note(r.m, section, line)
	}
	if section != "end" {
		return s, notReady(fmt.Errorf("look at the machine: its answer is cut off after %q", section))
	}
	if err := r.lookDatabases(ctx, side, &s); err != nil || side == manifest.New {
		return s, err
	}
	return s, r.lookDocuments(ctx, &s)
}

// lookScript prints a section for each part of the state.
func lookScript(m *manifest.Manifest) string {
	var units []string
	for _, s := range m.Services {
		units = append(units, s.Unit)
	}
	var makes, owners []string
	for _, s := range m.EarlyServices {
		units, makes = append(units, s.Unit), append(makes, s.Makes...)
	}
	for _, o := range m.Owners {
		owners = append(owners, o.Path)
	}
	p := m.Prefix
	return `export LC_ALL=C
echo '@@ packages'
rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' || exit
echo '@@ altered'
rpm -V --nomtime $(rpm -qa --qf '%{NAME}\n' | grep -xF ` + quote(strings.Join(names(m), "\n")) + `) 2>&1
echo '@@ units'
for unit in ` + quoted(units) + `; do printf '%s %s\n' "$unit" "$(systemctl is-active "$unit")"; done
echo '@@ files'
for path in ` + quoted(watched(m)) + `; do
	[ -e "$path" ] || continue
	find "$path" -printf '%y %m %U:%G %l\t%p\n'
	find "$path" -type f -exec sha256sum {} +
done
for path in ` + quoted(makes) + `; do [ ! -e "$path" ] || find "$path" -maxdepth 0 -printf '%y %m %U:%G %l\t%p\n'; done
echo '@@ owners'
for path in ` + quoted(owners) + `; do [ ! -e "$path" ] || find "$path" -printf '%U:%G\t%p\n'; done
echo '@@ left'
for file in /var/lib/` + p + `/window /etc/systemd/system/` + p + `.service; do [ ! -e "$file" ] || echo "$file"; done
echo '@@ end'`
}

// watched are the paths on the machine of which a way back leaves everything as it was: none lies in another.
func watched(m *manifest.Manifest) []string {
	paths := slices.Clone(m.State)
	for _, c := range m.Config {
		paths = append(paths, c.Target)
	}
	for _, v := range m.Moves {
		paths = append(paths, v.Source(), v.Target())
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return slices.ContainsFunc(paths, func(folder string) bool { return path != folder && manifest.Within(path, folder) })
	})
}

// note takes one line of a section in.
func (s *state) note(m *manifest.Manifest, section, line string) {
	switch section {
	case "packages":
		if name, _, _ := strings.Cut(line, " "); slices.Contains(names(m), name) {
			s.packages[line] += "x"
		}
	case "units":
		unit, is, _ := strings.Cut(line, " ")
		s.units[unit] = is
	case "altered":
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[1] == "c" || fields[1] == "g" { // configuration is the machine's own; ghosts belong to what runs
			return
		}
		if path := fields[len(fields)-1]; !exempt(m, path) {
			s.altered[path] = line
		}
	case "files":
		if is, path, ok := strings.Cut(line, "\t"); ok {
			s.files[path] = is
		} else if sum, path, ok := strings.Cut(line, "  "); ok {
			s.files[path] += " " + sum
		}
	case "owners":
		if is, path, ok := strings.Cut(line, "\t"); ok {
			s.owners[path] = is
		}
	case "left":
		s.left += line + " "
	}
}

// names are all packages that belong to the product in any release that the bundle knows, sorted.
func names(m *manifest.Manifest) []string {
	all := map[string]bool{}
	for _, r := range m.Known {
		for _, p := range r.Packages {
			all[p.Name] = true
		}
	}
	for _, p := range slices.Concat(m.Old, m.New) {
		all[p.Name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// exempt reports whether a file may be otherwise than its package has it.
func exempt(m *manifest.Manifest, path string) bool {
	for _, c := range m.Config {
		if path == c.Target {
			return true
		}
	}
	return slices.ContainsFunc(m.State, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
}
