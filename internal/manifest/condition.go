package manifest

import "slices"

// HostCase is a case that holds on a host when all of its conditions do.
type HostCase struct {
	All []HostCondition `json:"all" yaml:"all"` // conditions that all have to hold; one at least
}

// HostFile is a configuration file of the host.
type HostFile struct {
	File   string `json:"file" yaml:"file"`     // path on the host of the file
	Format string `json:"format" yaml:"format"` // format of the file: json, yaml, env, ini, toml or properties
}

// HostCondition is about what the old release's configuration on the host says at a key: one of is, not and some. What is not
// there, the whole file perhaps, counts as an empty text.
type HostCondition struct {
	File   string    `json:"file" yaml:"file"`           // path on the host of the file
	Format string    `json:"format" yaml:"format"`       // format of the file: json, yaml, env, ini, toml or properties
	Key    string    `json:"key" yaml:"key"`             // key in the file, as a.b.c
	Is     []string  `json:"is,omitempty" yaml:"is"`     // it is one of these texts
	Not    []string  `json:"not,omitempty" yaml:"not"`   // it is none of these texts
	Some   *HostItem `json:"some,omitempty" yaml:"some"` // it is a list with an item of which this holds
}

// HostItem is about an item of a list: one of is, not and lacks.
type HostItem struct {
	Key     string       `json:"key" yaml:"key"`                   // key in the item, as a.b.c
	Is      []string     `json:"is,omitempty" yaml:"is"`           // it is one of these texts
	Not     []string     `json:"not,omitempty" yaml:"not"`         // it is none of these texts
	Lacks   string       `json:"lacks,omitempty" yaml:"lacks"`     // it is neither this text nor a list with it
	Through *HostThrough `json:"through,omitempty" yaml:"through"` // together with lacks: the same must hold of everything that the item names
	Named   string       `json:"named,omitempty" yaml:"named"`     // key of the item's name: the admin is told which items they are
}

// HostThrough finds the items of another list of the same file that an item names.
type HostThrough struct {
	Names string `json:"names" yaml:"names"` // key of the item that has the names: a list or one name
	List  string `json:"list" yaml:"list"`   // key of the other list, in the whole file
	By    string `json:"by" yaml:"by"`       // key of the other list's items that is their name
}

// Mistakes says everything that makes the file's description unusable by itself.
func (f HostFile) Mistakes() []StoreMistake {
	var c storeCheck
	c.hostFile(nil, f.File, f.Format)
	return c.found
}

func (c *storeCheck) cases(at []any, cases []HostCase) {
	for i, one := range cases {
		if len(one.All) == 0 {
			c.wrong(below(at, i, "all"), "no condition")
		}
		for j, h := range one.All {
			c.condition(below(at, i, "all", j), h)
		}
	}
}

func (c *storeCheck) condition(at []any, h HostCondition) {
	c.hostFile(at, h.File, h.Format)
	if h.Key == "" {
		c.wrong(below(at, "key"), "no key")
	}
	if count(h.Is != nil, h.Not != nil, h.Some != nil) != 1 {
		c.wrong(at, "it has not exactly one of is, not and some")
	}
	if h.Some == nil {
		return
	}
	at = below(at, "some")
	if h.Some.Key == "" {
		c.wrong(below(at, "key"), "no key")
	}
	if count(h.Some.Is != nil, h.Some.Not != nil, h.Some.Lacks != "") != 1 {
		c.wrong(at, "it has not exactly one of is, not and lacks")
	}
	if t := h.Some.Through; t != nil {
		if h.Some.Lacks == "" {
			c.wrong(below(at, "through"), "it stands without lacks")
		}
		if t.Names == "" || t.List == "" || t.By == "" {
			c.wrong(below(at, "through"), "it has not all of names, list and by")
		}
	}
}

func count(all ...bool) int {
	return len(slices.DeleteFunc(all, func(b bool) bool { return !b }))
}
