package release

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// Certification is how the jump's bundles are certified.
type Certification struct {
	Gap      manifest.Duration `yaml:"gap"`       // how long clients may be without a good answer in the scenario load; limits.window when absent
	Back     manifest.Duration `yaml:"back"`      // how long the product may be out of service when an upgrade goes back; limits.window when absent
	LeaveOut []LeftOut         `yaml:"leave_out"` // what is not compared with the machine before the upgrade
}

// LeftOut is something of a machine that certification does not compare.
type LeftOut struct {
	Part string        `yaml:"part" json:"part"`           // part of the machine: files, or contents of files that have to be there with the same mode and owner; packages, enabled, units, users, groups, ports, mounts, network, kernel, clock; of a database: roles, schema, rows, columns, sequences
	Name string        `yaml:"name" json:"name"`           // name in that part: * stands for anything but a slash, ** for anything, {a,b} for one of them; a path stands for all that is in it
	Only manifest.Side `yaml:"only" json:"only,omitempty"` // new, when it has to be as before after a way back; old, when only a way back leaves it different
	Why  string        `yaml:"why" json:"why"`             // reason, shown in the certificate and on the download page
}

// String is what is left out and why, for people.
func (l LeftOut) String() string {
	of := map[manifest.Side]string{manifest.New: " of the new release", manifest.Old: " after a way back"}[l.Only]
	return l.Part + of + ": " + l.Name + " (" + l.Why + ")"
}

// LeftOutParts are the parts of a machine that are compared.
var LeftOutParts = []string{"files", "contents", "packages", "enabled", "units", "users", "groups", "ports", "mounts", "network", "kernel", "clock",
	"roles", "schema", "rows", "columns", "sequences"}

// paths reports whether its name is a path.
func (l LeftOut) paths() bool { return l.Part == "files" || l.Part == "contents" }

// Pattern matches the names that are left out.
func (l LeftOut) Pattern() *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^(?s:")
	depth := 0
	for i := 0; i < len(l.Name); i++ {
		switch c := l.Name[i]; {
		case strings.HasPrefix(l.Name[i:], "**"):
			b.WriteString(".*")
			i++
		case c == '*' && l.paths():
			b.WriteString("[^/]*")
		case c == '*':
			b.WriteString(".*")
		case c == '{':
			b.WriteString("(?:")
			depth++
		case c == '}' && depth > 0:
			b.WriteString(")")
			depth--
		case c == ',' && depth > 0:
			b.WriteString("|")
		default:
			b.WriteString(regexp.QuoteMeta(l.Name[i : i+1]))
		}
	}
	b.WriteString(strings.Repeat(")", depth))
	if l.paths() {
		b.WriteString("(?:/.*)?")
	}
	b.WriteString(")$")
	return regexp.MustCompile(b.String())
}

// certification checks what is left out: each is named once, and has a reason.
func (p *page) certification(c Certification) {
	first := map[[2]string]int{}
	for i, l := range c.LeaveOut {
		at := under([]any{"certify", "leave_out", i})
		if p.need(l.Part, "one of "+strings.Join(LeftOutParts, ", "), at("part")...) && !slices.Contains(LeftOutParts, l.Part) {
			p.wrong(fmt.Sprintf("%q is no part of a machine that is compared", l.Part), "one of "+strings.Join(LeftOutParts, ", "), at("part")...)
		}
		if p.need(l.Name, "what of it is left out, e.g. /opt/product/cache", at("name")...) {
			p.leftOutName(l, at("name"))
		}
		p.need(l.Why, "why it is another after an upgrade, for people", at("why")...)
		key := [2]string{l.Part, l.Name}
		if line, twice := first[key]; twice {
			p.wrong(fmt.Sprintf("%s %s stands here twice", l.Part, l.Name), fmt.Sprintf("the first is on line %d", line), at("name")...)
		} else {
			first[key] = p.doc.Mistake("", "", at("name")...).Line
		}
	}
}

func (p *page) leftOutName(l LeftOut, at []any) {
	switch {
	case l.paths() && !strings.HasPrefix(l.Name, "/"):
		p.wrong(fmt.Sprintf("%q is no absolute path", l.Name), "/opt/product/cache, /**/*.tmp", at...)
	case l.Pattern().MatchString("/") || !l.paths() && l.Pattern().MatchString("\x00"):
		p.wrong(fmt.Sprintf("%q leaves out everything", l.Name), "name what changes, and why", at...)
	}
}
