package systemdtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/unit"
)

// folders are where unit files and drop-ins lie, the first ones before the others.
var folders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"}

// reload reads the drop-ins and the links of the boot, as a daemon-reload does.
func (m *Manager) reload() {
	m.dropIns = map[string][]string{}
	for name, u := range m.units {
		m.dropIns[name] = m.find(name)
		if u.Gone {
			u.File = ""
		}
		if target, err := os.Readlink(m.root + folders[0] + "/" + name); err == nil && target == "/dev/null" {
			u.Load, u.File = "masked", "masked"
		}
	}
}

// find returns the drop-ins of a unit, sorted by the names of the files in all folders.
func (m *Manager) find(name string) []string {
	names := []string{name}
	if t := unit.Template(name); t != "" {
		names = append(names, t)
	}
	first := map[string]string{} // file name -> path
	for _, dir := range folders {
		for _, n := range names {
			files, _ := filepath.Glob(m.root + dir + "/" + n + ".d/*.conf")
			for _, f := range files {
				if base := filepath.Base(f); first[base] == "" {
					first[base] = f
				}
			}
		}
	}
	var bases, paths []string
	for base := range first {
		bases = append(bases, base)
	}
	slices.Sort(bases)
	for _, base := range bases {
		paths = append(paths, first[base])
	}
	return paths
}

// condition is one ConditionPathExists= line.
type condition struct {
	alternative, negated bool
	path                 string
}

// conditions are those of a unit's file and of its drop-ins. An empty one forgets those before it.
func (m *Manager) conditions(u *Unit) []condition {
	lines := slices.Clone(u.Own)
	for _, path := range m.dropIns[u.Name] {
		data, _ := os.ReadFile(path)
		lines = append(lines, strings.Split(string(data), "\n")...)
	}
	var all []condition
	for _, line := range lines {
		value, is := strings.CutPrefix(strings.TrimSpace(line), "ConditionPathExists=")
		if !is {
			continue
		}
		if value == "" {
			all = nil
			continue
		}
		var c condition
		value, c.alternative = strings.CutPrefix(value, "|")
		c.path, c.negated = strings.CutPrefix(value, "!")
		all = append(all, c)
	}
	return all
}

// allowed tells whether a unit's conditions hold: every plain one, and one of the alternatives if there are any.
func (m *Manager) allowed(u *Unit) bool {
	alternatives, one := false, false
	for _, c := range m.conditions(u) {
		holds := m.exists(c.path) != c.negated
		if c.alternative {
			alternatives, one = true, one || holds
		} else if !holds {
			return false
		}
	}
	return !alternatives || one
}

// exists follows links, whose absolute targets lie below root too.
func (m *Manager) exists(path string) bool {
	for range 8 {
		target, err := os.Readlink(m.root + path)
		if err != nil {
			_, err = os.Lstat(m.root + path)
			return err == nil
		}
		path = strings.TrimPrefix(target, m.root)
	}
	return false
}
