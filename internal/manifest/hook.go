package manifest

import "path"

// Hooks are programs of the product that run as steps of the line, in the order of the lists.
type Hooks struct {
	Prepare []Hook `json:"prepare,omitempty" yaml:"prepare"` // the old release serves; undone on the way back where there is an undo
	Switch  []Hook `json:"switch,omitempty" yaml:"switch"`   // in the window: packages and files are new, the schema and the services are not yet
	Open    []Hook `json:"open,omitempty" yaml:"open"`       // after the commit: forward only, so without undo
}

// Hook is one program. It is idempotent: it may have run before, to any point.
type Hook struct {
	Run     string   `json:"run" yaml:"run"`               // path in the bundle (in the spec's folder), below hooks/
	Undo    string   `json:"undo,omitempty" yaml:"undo"`   // likewise: takes back what Run did, or began to do
	Timeout Duration `json:"timeout" yaml:"timeout"`       // of either
	Needs   *Given   `json:"needs,omitempty" yaml:"needs"` // what the admin must have written before; check refuses without it

	// Reads are configuration files of the host that Run is given on its input, as the old release has them.
	Reads []HostFile `json:"reads,omitempty" yaml:"reads"`
}

// Given is a file in which an admin says what cannot be found on the host, such as a first password. It
// belongs to root, and others can neither read nor write it.
type Given struct {
	File  string     `json:"file" yaml:"file"`           // path on the host
	Lines []string   `json:"lines" yaml:"lines"`         // what stands in each line, from the first on, in words for the admin; none is empty
	When  []HostCase `json:"when,omitempty" yaml:"when"` // the hosts that need it: any of these cases; every host when absent. On others it may be there all the same
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
