package repodata

import (
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/nevra"
)

// Bits of a dependency's flags that only metadata asks for (rpmds.h).
const (
	sensePosttrans  rpmpkg.DepFlags = 1 << 5
	sensePretrans   rpmpkg.DepFlags = 1 << 7
	senseScriptPre  rpmpkg.DepFlags = 1 << 9
	senseScriptPost rpmpkg.DepFlags = 1 << 10
	senseMissingOK  rpmpkg.DepFlags = 1 << 19 // a requirement that is a recommendation
	senseStrong     rpmpkg.DepFlags = 1 << 27 // an old suggestion that is a recommendation
	sensePre                        = rpmpkg.DepPreReq | sensePretrans | sensePosttrans | senseScriptPre | senseScriptPost
)

// dep is a dependency as it is written.
type dep struct {
	name, sense, version string // sense: "", LT, GT, EQ, LE or GE; version as the header has it
	flags                rpmpkg.DepFlags
	pre                  bool
}

func (d dep) key() string { return d.name + d.sense + d.version }

// written makes dependencies ready to be written. What has an epoch that is no number is left out, as by createrepo_c.
func written(all []rpmpkg.Dep) []dep {
	list := make([]dep, 0, len(all))
	for _, o := range all {
		d := dep{name: o.Name, version: o.EVR, flags: o.Flags}
		switch d.flags & 0xf {
		case rpmpkg.DepLess:
			d.sense = "LT"
		case rpmpkg.DepGreater:
			d.sense = "GT"
		case rpmpkg.DepEqual:
			d.sense = "EQ"
		case rpmpkg.DepLess | rpmpkg.DepEqual:
			d.sense = "LE"
		case rpmpkg.DepGreater | rpmpkg.DepEqual:
			d.sense = "GE"
		}
		if _, _, _, ok := cutEVR(d.version); ok {
			list = append(list, d)
		}
	}
	return list
}

// cutEVR splits [epoch:]version[-release]; ok is false when the epoch is no number.
// Of "" all is "".
func cutEVR(s string) (epoch, version, release string, ok bool) {
	if s == "" {
		return "", "", "", true
	}
	epoch, rest, found := strings.Cut(s, ":")
	switch {
	case !found:
		epoch, rest = "0", s
	case epoch == "":
		epoch = "0"
	case strings.Trim(epoch, "0123456789") != "":
		return "", "", "", false
	}
	version, release, _ = strings.Cut(rest, "-")
	return epoch, version, release, true
}

// dependencies writes all relations in createrepo_c's order.
func dependencies(w *writer, h *rpmpkg.Package) {
	provides := written(h.Provides())
	requires, recommends := required(h, provides)
	suggests, enhances, supplements := written(h.Suggests()), written(h.Enhances()), written(h.Supplements())
	recommends = append(recommends, written(h.Recommends())...)
	for _, d := range written(h.OldSuggests()) {
		if d.flags&senseStrong != 0 {
			recommends = append(recommends, d)
		} else {
			suggests = append(suggests, d)
		}
	}
	for _, d := range written(h.OldEnhances()) {
		if d.flags&senseStrong != 0 {
			supplements = append(supplements, d)
		} else {
			enhances = append(enhances, d)
		}
	}
	for _, l := range []struct {
		name string
		list []dep
	}{
		{"rpm:provides", provides},
		{"rpm:requires", requires},
		{"rpm:conflicts", written(h.Conflicts())},
		{"rpm:obsoletes", written(h.Obsoletes())},
		{"rpm:suggests", suggests},
		{"rpm:enhances", enhances},
		{"rpm:recommends", recommends},
		{"rpm:supplements", supplements},
	} {
		entries(w, l.name, l.list)
	}
}

func entries(w *writer, name string, list []dep) {
	if len(list) == 0 {
		return
	}
	list = slices.DeleteFunc(list, func(d dep) bool { return d.name == "" })
	if len(list) == 0 { // as createrepo_c does
		w.empty(2, name)
		return
	}
	w.open(2, name)
	for _, d := range list {
		attrs := []string{"name", d.name}
		if d.sense != "" {
			epoch, version, release, _ := cutEVR(d.version)
			attrs = append(attrs, "flags", d.sense)
			for _, a := range [][2]string{{"epoch", epoch}, {"ver", version}, {"rel", release}} {
				if a[1] != "" {
					attrs = append(attrs, a[0], a[1])
				}
			}
		}
		if d.pre {
			attrs = append(attrs, "pre", "1")
		}
		w.empty(3, "rpm:entry", attrs...)
	}
	w.close(2, name)
}

// required returns what the package asks of others: not of rpm itself, not what it
// provides or has among its primary files, nothing twice in a row of its name. Requirements that may stay
// unmet come out as recommendations.
func required(h *rpmpkg.Package, provides []dep) (requires, recommends []dep) {
	own, provided := map[string]bool{}, map[string]bool{}
	for _, f := range h.Files() {
		if isPrimary(f.Path) {
			own[f.Path] = true
		}
	}
	for _, d := range provides {
		provided[d.key()] = true
	}
	last := map[string]dep{} // the last of each name
	var libc dep
	for _, d := range written(h.Requires()) {
		d.pre = d.flags&sensePre != 0
		seen, again := last[d.name]
		switch {
		case strings.HasPrefix(d.name, "rpmlib("), own[d.name], provided[d.key()],
			again && seen.sense == d.sense && seen.version == d.version && seen.pre == d.pre:
		case d.flags&senseMissingOK != 0:
			d.pre = false
			recommends = append(recommends, d)
		case strings.HasPrefix(d.name, "libc.so.6"):
			if libc.name == "" || libcOlder(libc.name, d.name) {
				libc = d
			}
		default:
			requires = append(requires, d)
			last[d.name] = d
		}
	}
	if libc.name != "" {
		requires = append(requires, libc) // only the newest symbol version is asked for, last of all
	}
	return requires, recommends
}

// libcOlder reports whether a asks for an older symbol version of libc than b:
// libc.so.6()(64bit) < libc.so.6(GLIBC_2.3.4)(64bit) < libc.so.6(GLIBC_2.4)(64bit).
func libcOlder(a, b string) bool {
	va, rankA := libcVersion(a)
	vb, rankB := libcVersion(b)
	if rankA != rankB {
		return rankA < rankB
	}
	return rankA == libcVersioned && nevra.CompareEVR(va, vb) < 0
}

// Ranks of a requirement of libc by how much it says.
const (
	libcBare      = iota // no parentheses
	libcUnclosed         // of which the second is missing
	libcEmpty            // with nothing between
	libcNoNumber         // with no number between
	libcVersioned        // with one
)

func libcVersion(name string) (version string, rank int) {
	_, rest, found := strings.Cut(name, "(")
	if !found {
		return "", libcBare
	}
	inside, _, found := strings.Cut(rest, ")")
	if !found {
		return "", libcUnclosed
	}
	if inside == "" {
		return "", libcEmpty
	}
	i := strings.IndexAny(inside, "0123456789")
	if i < 0 {
		return "", libcNoNumber
	}
	return inside[i:], libcVersioned
}
