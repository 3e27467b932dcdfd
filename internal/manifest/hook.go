package manifest

import "path"

// Hooks are programs of the product that run as steps of the upgrade, in the order of the lists.
type Hooks struct {
	Prepare []Hook `json:"prepare,omitempty" yaml:"prepare"` // hooks that run while the old release serves; undone on the way back where there is an undo
	Switch  []Hook `json:"switch,omitempty" yaml:"switch"`   // hooks that run in the window: packages and files are new, the schema and the services are not yet; each needs an undo
	Open    []Hook `json:"open,omitempty" yaml:"open"`       // hooks that run after the commit: forward only, so without undo
}

// Hook is one script. It must be one that may be run again: it may have run before, to any point.
type Hook struct {
	Run     string   `json:"run" yaml:"run"`               // script that runs, a path in the folder of the jump, below hooks/
	Undo    string   `json:"undo,omitempty" yaml:"undo"`   // script that takes back what run did, or began to do; a path below hooks/, too
	Timeout Duration `json:"timeout" yaml:"timeout"`       // how long each of the two may take; then it is ended
	Needs   *Given   `json:"needs,omitempty" yaml:"needs"` // file that the admin must have written before; check on the host refuses without it

	// Reads are configuration files of the host that run is given on its input, as the old release has them.
	Reads []HostFile `json:"reads,omitempty" yaml:"reads"`
}

// Given is a file in which an admin says what cannot be found on the host, such as a first password. It
// belongs to root, and others can neither read nor write it.
type Given struct {
	File  string     `json:"file" yaml:"file"`           // path on the host of the file
	Lines []string   `json:"lines" yaml:"lines"`         // what stands in each line, from the first on, in words for the admin; none is empty
	When  []HostCase `json:"when,omitempty" yaml:"when"` // hosts that need it: any of these cases; every host when absent. On others it may be there all the same
}

// Mistakes says everything that makes it unusable by itself, in the order of the keys.
func (g Given) Mistakes() []StoreMistake {
	var c storeCheck
	if !cleanTarget(g.File) {
		c.wrong([]any{"file"}, "%q is no clean absolute path", g.File)
	}
	if len(g.Lines) == 0 {
		c.wrong([]any{"lines"}, "no lines")
	}
	for i, l := range g.Lines {
		if l == "" {
			c.wrong([]any{"lines", i}, "line %d is said to hold nothing", i+1)
		}
	}
	c.cases([]any{"when"}, g.When)
	return c.found
}

// All returns the hooks of every phase, in the order of the line.
func (h Hooks) All() []Hook {
	all := append([]Hook{}, h.Prepare...)
	return append(append(all, h.Switch...), h.Open...)
}

// Name is what a hook is called in the journal and the log: its file's name.
func (h Hook) Name() string { return path.Base(h.Run) }

// hooks demands that programs and undos are among the files and that no hook can run for ever.
func (v *validator) hooks(hooks Hooks) {
	seen := map[string]bool{}
	for _, h := range hooks.All() {
		if h.Run == "" || seen[h.Name()] {
			v.add("hook %q: no program, or two hooks of that name", h.Run)
		}
		seen[h.Name()] = true
		v.listed("hook "+h.Run, h.Run)
		v.listed("undo of the hook "+h.Run, h.Undo)
		if h.Timeout <= 0 {
			v.add("hook %q: no timeout", h.Run)
		}
		if h.Needs != nil {
			for _, m := range h.Needs.Mistakes() {
				v.add("what the hook %q needs: %s%s", h.Run, joinPath(m.Path), m.What)
			}
		}
		for _, f := range h.Reads {
			for _, m := range f.Mistakes() {
				v.add("what the hook %q reads: %s%s", h.Run, joinPath(m.Path), m.What)
			}
		}
	}
	for _, h := range hooks.Switch {
		if h.Undo == "" {
			v.add("hook %q: it runs in the window and has no undo", h.Run)
		}
	}
	for _, h := range hooks.Open {
		if h.Undo != "" {
			v.add("hook %q: it runs after the commit, where nothing is undone", h.Run)
		}
	}
}
