package rpmpkg

import "onerpm/internal/rpmfile"

// Scriptlet is a program that rpm runs when the package comes or goes.
type Scriptlet struct {
	Kind        string   // pre, post, preun, postun, pretrans, posttrans, preuntrans, postuntrans or verify
	Interpreter []string // program and its arguments, e.g. /bin/sh; "<lua>" for rpm's own Lua
	Body        string   // "" when the interpreter itself is what runs (%post -p /sbin/ldconfig)
}

// Scriptlets returns the package's scriptlets, without triggers. One that has
// neither a body nor an interpreter is not there.
func (p *Package) Scriptlets() []Scriptlet {
	var list []Scriptlet
	for _, s := range rpmfile.ScriptletTags {
		if !p.Main.Has(s.Body) && !p.Main.Has(s.Prog) {
			continue
		}
		interpreter := p.Main.Strings(s.Prog)
		if interpreter == nil {
			interpreter = []string{"/bin/sh"} // rpm's default
		}
		list = append(list, Scriptlet{Kind: s.Kind, Interpreter: interpreter, Body: p.Main.String(s.Body)})
	}
	return list
}
