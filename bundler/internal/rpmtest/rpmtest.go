// Package rpmtest puts scriptlets and triggers of every kind into packages that tests make;
// rpmpack itself writes the usual scriptlets only.
package rpmtest

import (
	"fmt"
	"strings"

	"github.com/google/rpmpack"
)

// scriptlets are the tags of a kind's body and of its interpreter (rpm's rpmtag.h).
var scriptlets = map[string][2]int{
	"pretrans": {1151, 1153}, "pre": {1023, 1085}, "post": {1024, 1086}, "preun": {1025, 1087}, "postun": {1026, 1088},
	"posttrans": {1152, 1154}, "preuntrans": {5103, 5105}, "postuntrans": {5104, 5106},
}

// AddScriptlet adds a scriptlet of a kind, as a spec file calls it. One that begins with "-p "
// has an interpreter of its own in its first line, and in the further ones its body.
func AddScriptlet(r *rpmpack.RPM, kind, text string) error {
	tags, ok := scriptlets[kind]
	if !ok {
		return fmt.Errorf("%q is no kind of scriptlet", kind)
	}
	program, body := "/bin/sh", text
	if own, is := strings.CutPrefix(text, "-p "); is {
		program, body, _ = strings.Cut(own, "\n")
	}
	if body != "" {
		r.AddCustomTag(tags[0], rpmpack.EntryString(body))
	}
	r.AddCustomTag(tags[1], rpmpack.EntryString(program))
	return nil
}

// Trigger is one of a package.
type Trigger struct {
	Kind string // as a spec file calls it, e.g. triggerin or transfiletriggerpostun
	On   string // a package, one with a condition such as "base < 2", or for files the beginning of their paths
	Body string // of a shell script
}

// Bits of a trigger's flags (RPMSENSE_*).
var (
	senses   = map[string]uint32{"prein": 1 << 25, "in": 1 << 16, "un": 1 << 17, "postun": 1 << 18}
	compares = map[string]uint32{"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12}
)

// families are the tags of the triggers that rpm keeps together.
var families = []struct {
	name                                          string
	scripts, programs, on, flags, index, versions int
}{
	{"trigger", 1065, 1092, 1066, 1068, 1069, 1067},
	{"filetrigger", 5066, 5067, 5069, 5072, 5070, 0},
	{"transfiletrigger", 5076, 5077, 5079, 5082, 5080, 0},
}

// AddTriggers adds all triggers of a package, with a script for each, as rpmbuild does.
func AddTriggers(r *rpmpack.RPM, all []Trigger) error {
	added := 0
	for _, family := range families {
		var scripts, programs, on, versions []string
		var flags, index []uint32
		for _, t := range all {
			when, ours := strings.CutPrefix(t.Kind, family.name)
			if !ours || senses[when] == 0 {
				continue
			}
			sense, version, fields := senses[when], "", strings.Fields(t.On)
			if len(fields) == 3 {
				sense, version = sense|compares[fields[1]], fields[2]
			}
			index = append(index, uint32(len(scripts)))
			scripts, programs = append(scripts, t.Body), append(programs, "/bin/sh")
			on, versions, flags = append(on, fields[0]), append(versions, version), append(flags, sense)
		}
		if on == nil {
			continue
		}
		added += len(on)
		r.AddCustomTag(family.scripts, rpmpack.EntryStringSlice(scripts))
		r.AddCustomTag(family.programs, rpmpack.EntryStringSlice(programs))
		r.AddCustomTag(family.on, rpmpack.EntryStringSlice(on))
		r.AddCustomTag(family.flags, rpmpack.EntryUint32(flags))
		r.AddCustomTag(family.index, rpmpack.EntryUint32(index))
		if family.versions != 0 {
			r.AddCustomTag(family.versions, rpmpack.EntryStringSlice(versions))
		}
	}
	if added != len(all) {
		return fmt.Errorf("one of %+v has no kind of a trigger", all)
	}
	return nil
}
