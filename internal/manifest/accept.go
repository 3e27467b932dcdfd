package manifest

import "strings"

// Acceptance is a change for the worse that an admin must accept before anything is changed, on the hosts that it is about.
type Acceptance struct {
	Name string     `json:"name" yaml:"name"`           // name of the change in the admin's setting accept; each stands once in a jump
	Says string     `json:"says" yaml:"says"`           // what will be different, in words for the admin
	When []HostCase `json:"when,omitempty" yaml:"when"` // hosts that it is about: any of these cases; every host when absent
}

// Said is its name and what will be different, on one line.
func (a Acceptance) Said() string { return a.Name + ": " + strings.Join(strings.Fields(a.Says), " ") }

// Mistakes says everything that makes it unusable by itself, in the order of the keys.
func (a Acceptance) Mistakes() []StoreMistake {
	var c storeCheck
	if !nameGrammar.MatchString(a.Name) {
		c.wrong([]any{"name"}, "%q is no name: letters, digits and . _ + -", a.Name)
	}
	if a.Says == "" {
		c.wrong([]any{"says"}, "it does not say what will be different")
	}
	c.cases([]any{"when"}, a.When)
	return c.found
}

// accept demands acceptances that can be asked for, each by its own name.
func (v *validator) accept(list []Acceptance) {
	seen := map[string]bool{}
	for _, a := range list {
		for _, m := range a.Mistakes() {
			v.add("accept %q: %s%s", a.Name, joinPath(m.Path), m.What)
		}
		if seen[a.Name] {
			v.add("accept %q: a name that is there twice", a.Name)
		}
		seen[a.Name] = true
	}
}
