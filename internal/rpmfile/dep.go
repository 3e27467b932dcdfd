package rpmfile

import "strings"

// Dep is one dependency: a name, and the versions of it that are meant.
type Dep struct {
	Name  string
	Flags DepFlags
	EVR   string // [epoch:]version[-release]; "" means any version
}

// DepFlags are rpm's RPMSENSE_ bits.
type DepFlags uint32

// Bits of DepFlags.
const (
	DepLess    DepFlags = 1 << 1
	DepGreater DepFlags = 1 << 2
	DepEqual   DepFlags = 1 << 3
	DepPreReq  DepFlags = 1 << 6
	DepRpmlib  DepFlags = 1 << 24 // a feature of rpm itself
	depSense            = DepLess | DepGreater | DepEqual
)

// IsRpmlib reports whether d asks for a feature of rpm itself, not for a package.
func (d Dep) IsRpmlib() bool { return d.Flags&DepRpmlib != 0 || strings.HasPrefix(d.Name, "rpmlib(") }

// IsRich reports whether d is a boolean dependency such as "(a or b)".
func (d Dep) IsRich() bool { return strings.HasPrefix(d.Name, "(") }

// String writes d as a spec file does, e.g. "python >= 2.7".
func (d Dep) String() string {
	op := ""
	for _, b := range []struct {
		bit  DepFlags
		sign string
	}{{DepLess, "<"}, {DepGreater, ">"}, {DepEqual, "="}} {
		if d.Flags&b.bit != 0 {
			op += b.sign
		}
	}
	if op == "" || d.EVR == "" {
		return d.Name
	}
	return d.Name + " " + op + " " + d.EVR
}

// depTags are the three lists that hold one kind of dependency.
type depTags struct{ name, flags, version Tag }

var (
	provides  = depTags{TagProvideName, TagProvideFlags, TagProvideVersion}
	requires  = depTags{TagRequireName, TagRequireFlags, TagRequireVersion}
	conflicts = depTags{TagConflictName, TagConflictFlags, TagConflictVersion}
	obsoletes = depTags{TagObsoleteName, TagObsoleteFlags, TagObsoleteVersion}
)

// Provides returns what the package provides, itself included.
func (h *Header) Provides() []Dep { return h.deps(provides) }

// Requires returns what the package requires, features of rpm included.
func (h *Header) Requires() []Dep { return h.deps(requires) }

// Conflicts returns what the package cannot stand beside.
func (h *Header) Conflicts() []Dep { return h.deps(conflicts) }

// Obsoletes returns what the package replaces. Only names of packages count here, not provides.
func (h *Header) Obsoletes() []Dep { return h.deps(obsoletes) }

func (h *Header) deps(t depTags) []Dep {
	names := h.Main.Strings(t.name)
	flags, versions := h.Main.Ints(t.flags), h.Main.Strings(t.version)
	deps := make([]Dep, len(names))
	for i, name := range names {
		deps[i] = Dep{Name: name, Flags: DepFlags(at(flags, i)), EVR: at(versions, i)}
	}
	return deps
}
