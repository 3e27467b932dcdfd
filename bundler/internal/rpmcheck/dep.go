// Package rpmcheck decides as rpm does, from headers alone, whether packages can be installed
// together: whether what one requires is there, whether two exclude each other, whether files
// at one path may be shared, and whether the rpm of a platform can read a package at all.
//
// It promises rpm's own answer, of 4.11 to 6: its tests ask the rpm of the machine about random
// packages. What rpm finds out on a host alone, such as boolean dependencies, it leaves to rpm.
package rpmcheck

import (
	"strings"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/nevra"
)

// Bits of a dependency's flags (RPMSENSE_*) that decide whether and when it must be met.
const (
	pretrans  rpmpkg.DepFlags = 1 << 7
	missingOK rpmpkg.DepFlags = 1 << 19

	sense = rpmpkg.DepLess | rpmpkg.DepGreater | rpmpkg.DepEqual
)

// BeforeTransaction reports whether a requirement must be met by what is installed before the
// transaction: Requires(pretrans).
func BeforeTransaction(d rpmpkg.Dep) bool { return d.Flags&pretrans != 0 }

// MayBeMissing reports whether rpm installs a package without what it requires.
func MayBeMissing(d rpmpkg.Dep) bool { return d.Flags&missingOK != 0 }

// Self is what a package provides by its name and version.
func Self(h *rpmpkg.Package) rpmpkg.Dep {
	return rpmpkg.Dep{Name: h.Name, Flags: rpmpkg.DepEqual, EVR: h.ShortEVR()}
}

// Overlap reports whether what one dependency provides is what the other asks for (rpmdsCompare).
func Overlap(a, b rpmpkg.Dep) bool {
	if a.Name != b.Name {
		return false
	}
	if a.EVR == "" || b.EVR == "" || a.Flags&sense == 0 || b.Flags&sense == 0 {
		return true
	}
	x, y := splitEVR(a.EVR), splitEVR(b.EVR)
	order := nevra.CompareEVR(x.version, y.version)
	if order == 0 && x.release != "" && y.release != "" {
		order = nevra.CompareEVR(x.release, y.release)
	}
	return overlap(order, x.release != "", y.release != "", a.Flags, b.Flags)
}

// overlap is rpmverOverlap. The order is that of the versions and, where both have one, of the releases.
func overlap(order int, aRelease, bRelease bool, a, b rpmpkg.DepFlags) bool {
	switch {
	case order < 0:
		return a&rpmpkg.DepGreater != 0 || b&rpmpkg.DepLess != 0
	case order > 0:
		return a&rpmpkg.DepLess != 0 || b&rpmpkg.DepGreater != 0
	case aRelease && !bRelease && b&rpmpkg.DepEqual != 0, bRelease && !aRelease && a&rpmpkg.DepEqual != 0:
		return true // "= 1.0" means every release of 1.0
	}
	return a&b&sense != 0
}

// evr is a version in the two parts that rpm compares one after the other.
type evr struct {
	version string // with its epoch
	release string // "" for none, which is like any
}

func splitEVR(s string) evr {
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return evr{s[:i], s[i+1:]}
	}
	return evr{version: s}
}

// Implies reports whether every version that fulfils the one requirement is sure to fulfil the other.
func Implies(known, asked rpmpkg.Dep) bool {
	if known.Name != asked.Name {
		return false
	}
	if asked.EVR == "" || asked.Flags&sense == 0 {
		return true
	}
	if known.EVR == "" || known.Flags&sense == 0 {
		return false
	}
	// Whether a version fulfils a requirement depends only on where it stands beside the
	// requirement's own. So a few stand for all: below, at, between and above the two, with a release
	// that stands likewise, or without one.
	k, a := splitEVR(known.EVR), splitEVR(asked.EVR)
	kv, av := places(nevra.CompareEVR(k.version, a.version))
	kr, ar := places(nevra.CompareEVR(k.release, a.release))
	for v := range 5 {
		for r := -1; r < 5; r++ { // -1 is no release
			fulfils := func(version, release int, e evr, flags rpmpkg.DepFlags) bool {
				order := v - version
				if order == 0 && r >= 0 && e.release != "" {
					order = r - release
				}
				return overlap(order, r >= 0, e.release != "", rpmpkg.DepEqual, flags)
			}
			if fulfils(kv, kr, k, known.Flags) && !fulfils(av, ar, a, asked.Flags) {
				return false
			}
		}
	}
	return true
}

// places puts two things that compare so on a line from 0 to 4 that has room below, between and above.
func places(order int) (a, b int) {
	switch {
	case order < 0:
		return 1, 3
	case order > 0:
		return 3, 1
	}
	return 2, 2
}
