package rpmpkg

import (
	"fmt"

	"onerpm/internal/rpmfile"
)

// Trigger is a scriptlet that rpm runs because of other packages, or of other packages' files.
type Trigger struct {
	Scriptlet       // its kind is the word of the spec file: triggerin, filetriggerpostun, transfiletriggerin, ...
	Targets   []Dep // packages whose coming or going runs it; of a file trigger, Name is the path that files begin with
}

// Bits of a trigger's flags (RPMSENSE_TRIGGER*), which say when it runs.
const (
	triggerIn     DepFlags = 1 << 16
	triggerUn     DepFlags = 1 << 17
	triggerPostUn DepFlags = 1 << 18
	triggerPreIn  DepFlags = 1 << 25
)

// triggerSet names the tags of one family of triggers. Names, flags and indexes are
// as long as one another: a line for each target, with the place of its script.
type triggerSet struct {
	family                        string      // what its kinds begin with
	scripts, prog                 rpmfile.Tag // a line for each script
	name, flags, index, condition rpmfile.Tag // a line for each target; condition is 0 where there is none
}

var triggerTags = []triggerSet{
	{"trigger", 1065, 1092, 1066, 1068, 1069, 1067},
	{"filetrigger", 5066, 5067, 5069, 5072, 5070, 0},
	{"transfiletrigger", 5076, 5077, 5079, 5082, 5080, 0},
}

// checkTriggers demands that the lists of a family fit together.
func checkTriggers(main *rpmfile.Tags, t triggerSet) error {
	if err := main.CheckTypes(rpmfile.Types{Strings: []rpmfile.Tag{t.scripts, t.prog, t.name, t.condition}, Ints: []rpmfile.Tag{t.flags, t.index}}); err != nil {
		return err
	}
	if err := main.CheckLengths(t.name, t.flags, t.index, t.condition); err != nil {
		return err
	}
	if err := main.CheckLengths(t.scripts, t.prog); err != nil {
		return err
	}
	scripts := len(main.Strings(t.scripts))
	for _, i := range main.Ints(t.index) {
		if i >= uint64(scripts) {
			return fmt.Errorf("a trigger runs script %d of %d", i, scripts)
		}
	}
	return nil
}

// Triggers returns the package's triggers in the order of the header, those on
// packages first, then those on files.
func (p *Package) Triggers() []Trigger {
	var list []Trigger
	for _, t := range triggerTags {
		names, flags, indexes := p.Main.Strings(t.name), p.Main.Ints(t.flags), p.Main.Ints(t.index)
		scripts := p.Main.Strings(t.scripts)
		progs, versions := resized(p.Main.Strings(t.prog), len(scripts)), resized(p.Main.Strings(t.condition), len(names))
		if len(indexes) != len(names) || len(flags) != len(names) {
			continue // no rpmbuild leaves them out, and rpm runs nothing then
		}
		last := map[uint64]int{} // script -> the trigger's place in list
		for i, name := range names {
			kind := triggerKind(DepFlags(flags[i]))
			if kind == "" {
				continue
			}
			target := Dep{Name: name, Flags: DepFlags(flags[i]) & depSense, EVR: versions[i]}
			if same, ok := last[indexes[i]]; ok {
				list[same].Targets = append(list[same].Targets, target)
				continue
			}
			last[indexes[i]] = len(list)
			prog := progs[indexes[i]]
			if prog == "" {
				prog = "/bin/sh" // rpm's default
			}
			list = append(list, Trigger{
				Scriptlet: Scriptlet{Kind: t.family + kind, Interpreter: []string{prog}, Body: scripts[indexes[i]]},
				Targets:   []Dep{target},
			})
		}
	}
	return list
}

// triggerKind is the second half of a trigger's kind.
func triggerKind(f DepFlags) string {
	switch {
	case f&triggerPreIn != 0:
		return "prein"
	case f&triggerIn != 0:
		return "in"
	case f&triggerUn != 0:
		return "un"
	case f&triggerPostUn != 0:
		return "postun"
	}
	return ""
}
