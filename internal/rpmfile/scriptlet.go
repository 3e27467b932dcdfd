package rpmfile

// Scriptlet is a program that rpm runs when the package comes or goes.
type Scriptlet struct {
	Kind        string   // pre, post, preun, postun, pretrans, posttrans, preuntrans, postuntrans or verify
	Interpreter []string // program and its arguments, e.g. /bin/sh; "<lua>" for rpm's own Lua
	Body        string   // "" when the interpreter itself is what runs (%post -p /sbin/ldconfig)
}

var scriptletTags = []struct {
	kind       string
	body, prog Tag
}{
	{"pretrans", TagPreTrans, TagPreTransProg},
	{"pre", TagPreIn, TagPreInProg},
	{"post", TagPostIn, TagPostInProg},
	{"preun", TagPreUn, TagPreUnProg},
	{"postun", TagPostUn, TagPostUnProg},
	{"posttrans", TagPostTrans, TagPostTransProg},
	{"preuntrans", TagPreUnTrans, TagPreUnTransProg},
	{"postuntrans", TagPostUnTrans, TagPostUnTransProg},
	{"verify", TagVerifyScript, TagVerifyScriptProg},
}

// Scriptlets returns the package's scriptlets, without triggers. One that has
// neither a body nor an interpreter is not there.
func (h *Header) Scriptlets() []Scriptlet {
	var list []Scriptlet
	for _, s := range scriptletTags {
		if !h.Main.Has(s.body) && !h.Main.Has(s.prog) {
			continue
		}
		interpreter := h.Main.Strings(s.prog)
		if interpreter == nil {
			interpreter = []string{"/bin/sh"} // rpm's default
		}
		list = append(list, Scriptlet{Kind: s.kind, Interpreter: interpreter, Body: h.Main.String(s.body)})
	}
	return list
}

// HasTriggers reports whether the package has scriptlets that run when other packages come or go.
func (h *Header) HasTriggers() bool { return len(h.Triggers()) > 0 }
