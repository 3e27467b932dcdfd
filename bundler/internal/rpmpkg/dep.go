package rpmpkg

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
	depRpmlib  DepFlags = 1 << 24 // a feature of rpm itself
	depSense            = DepLess | DepGreater | DepEqual
)

// IsRpmlib reports whether d asks for a feature of rpm itself, not for a package.
func (d Dep) IsRpmlib() bool { return d.Flags&depRpmlib != 0 || strings.HasPrefix(d.Name, "rpmlib(") }

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
