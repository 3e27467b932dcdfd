package release

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// The kinds of scriptlets, in the words of rpm's spec files: those that rpm can leave
// out of a transaction, and all that can run in one.
var (
	skippable = []string{"pre", "post", "preun", "postun"}
	keepable  = append(slices.Clone(skippable), "pretrans", "posttrans", "preuntrans", "postuntrans",
		"triggerprein", "triggerin", "triggerun", "triggerpostun",
		"filetriggerin", "filetriggerun", "filetriggerpostun",
		"transfiletriggerin", "transfiletriggerun", "transfiletriggerpostun")
)

// specs reads every specs/<from>-<to>/upgrade.yaml and what it names.
func (r *reader) specs() {
	entries, err := os.ReadDir(filepath.Join(r.root, "specs"))
	if os.IsNotExist(err) {
		return // a product of one release has no jump
	}
	if err != nil {
		r.wrong("specs", "cannot be read: "+reason(err), "")
		return
	}
	for _, e := range entries {
		switch name := "specs/" + e.Name(); {
		case Note(e):
		case e.IsDir():
			r.spec(e.Name())
		case e.Type() == fs.ModeSymlink:
			r.wrong(name, "is a symbolic link, which is not followed", "every jump is a folder of its own: move here what it leads to")
		default:
			r.wrong(name, "is not read", "every folder of specs/ is a jump, and nothing else is in it but README files, *.md and hidden files")
		}
	}
	r.numberLines()
}

func (r *reader) spec(jump string) {
	folder := "specs/" + jump
	s := &Spec{Dir: filepath.Join(r.root, folder), Migrations: map[string][]Migration{}}
	p := r.decode(folder+"/upgrade.yaml", s)
	if p == nil {
		r.wrong(folder+"/upgrade.yaml", "there is no such file", "every folder of specs/ is a jump")
		return
	}
	s.doc = p.doc
	ends := r.ends(p, s, jump)
	if ends {
		r.jump(p, s)
	}
	if s.Revision < 1 {
		if p.doc.Has("revision") {
			p.wrong(fmt.Sprintf("revision is %d", s.Revision), "1 for the first bundle, one more for every further", "revision")
		} else {
			p.missing("1 for the first bundle, one more for every further", "revision")
		}
	}
	r.sessionName(s)
	p.services(s)
	r.untried(p, s)
	r.unnamed(p, s)
	r.stopped(p, s)
	r.packages(p, s)
	r.optionals(s)
	r.parts(p, s)
	r.state(p, s)
	r.moves(p, s)
	r.config(p, s)
	if ends {
		r.configValues(p, s)
	}
	r.databases(p, s, folder)
	r.stores(p, s)
	p.agents(s.Agents)
	r.credentials(p, s, folder)
	r.uncertified(p, s)
	r.accept(p, s)
	r.hooks(p, s, folder)
	p.positive(s.Limits.Window, "how long the product may be out of service, e.g. 60s", "limits", "window")
	if p.doc.Has("limits", "lock_timeout") {
		p.positive(s.Limits.LockTimeout, "how long a migration waits for a lock, e.g. 3s", "limits", "lock_timeout")
	}
	if p.doc.Has("limits", "statement_timeout") {
		p.positive(s.Limits.StatementTimeout, "how long a statement of a migration may take, e.g. 30m", "limits", "statement_timeout")
	}
	if p.doc.Has("limits", "memory_mib") && s.Limits.MemoryMiB < 1 {
		p.wrong("memory_mib is not above 0", "how many MiB must be available on the host, e.g. 900", "limits", "memory_mib")
	}
	p.certification(s.Certify)
	r.sketches(s, folder)
	r.unreadJump(p, s, folder)
	r.cat.Specs[jump] = s
}

// ends checks from and to, and reports whether they make a jump.
func (r *reader) ends(p *page, s *Spec, jump string) bool {
	ok := true
	for _, end := range []struct{ key, version string }{{"from", s.From}, {"to", s.To}} {
		if !p.need(end.version, "a release", end.key) {
			ok = false
			continue
		}
		if r.cat.Release(end.version) == nil {
			p.wrong(fmt.Sprintf("there is no release %q", end.version), "write versions/"+end.version+".yaml", end.key)
			ok = false
		}
	}
	if !ok {
		return false
	}
	if s.From == s.To {
		p.wrong("from and to are the same release", "", "to")
		return false
	}
	if name := s.From + "-" + s.To; name != jump {
		p.wrong(fmt.Sprintf("a jump from %s to %s stands in the folder %s", s.From, s.To, jump), "the folder is named <from>-<to>", "from")
		return false
	}
	return true
}

// sessionName checks that the name of the engine's database sessions is one that
// PostgreSQL does not cut.
func (r *reader) sessionName(s *Spec) {
	m := manifest.Manifest{Prefix: r.cat.Product.Prefix, To: s.To, Revision: s.Revision}
	if len(s.Databases) == 0 || r.lost || m.Names() <= manifest.MaxNames {
		return
	}
	r.productPage.wrong(fmt.Sprintf("the prefix has %d characters, which is too long for %s-%s, revision %d", len(m.Prefix), s.From, s.To, s.Revision),
		fmt.Sprintf("%d at most there: the engine's database sessions are named by prefix, release and revision, and PostgreSQL cuts such a name after 63 bytes",
			manifest.MaxNames-(m.Names()-len(m.Prefix))), "prefix")
}

// packages checks that skip and keep name scriptlets that can exist.
func (r *reader) packages(p *page, s *Spec) {
	known, all := map[string]bool{}, true // all: both releases were read, so that a name which is not known is wrong
	for _, version := range []string{s.From, s.To} {
		rel := r.cat.Release(version)
		if rel == nil {
			all = false
			continue
		}
		for _, c := range rel.Components {
			known[c.ID().NVR()] = true
			all = all && nameGrammar.MatchString(c.Name) && evrGrammar.MatchString(c.EVR)
		}
	}
	for _, rules := range []struct {
		key   string
		rules map[string]map[string]string
		kinds []string
	}{{"skip", s.Packages.Skip, skippable}, {"keep", s.Packages.Keep, keepable}} {
		for nvr, kinds := range rules.rules {
			if all && !known[nvr] {
				p.wrong(fmt.Sprintf("neither release has a package %s", nvr), "name-version-release of a component", "packages", rules.key, nvr)
			}
			for kind, why := range kinds {
				at := []any{"packages", rules.key, nvr, kind}
				switch allowed := "allowed: " + strings.Join(rules.kinds, ", "); {
				case slices.Contains(rules.kinds, kind):
				case slices.Contains(keepable, kind):
					p.wrong("rpm cannot leave out %"+kind+" alone", allowed, at...)
				default:
					p.wrong(fmt.Sprintf("%q is no kind of scriptlet", kind), allowed, at...)
				}
				if why == "" {
					p.wrong("no reason", "say why the scriptlet must not run, or may", at...)
				}
				if _, both := s.Packages.Skip[nvr][kind]; both && rules.key == "keep" {
					p.wrong("the scriptlet is both skipped and kept", "", at...)
				}
			}
		}
	}
}

// state checks the paths that belong to the product and to no package.
func (r *reader) state(p *page, s *Spec) {
	for i, dir := range s.State {
		if !p.hostPath(dir, "state", i) {
			continue
		}
		r.notOwn(p, dir, "state", i)
		for j, other := range s.State[:i] {
			if other != "" && (dir == other || strings.HasPrefix(dir, other+"/") || strings.HasPrefix(other, dir+"/")) {
				m := p.doc.Mistake("", "", "state", j)
				p.wrong(fmt.Sprintf("%s overlaps with %s on line %d", dir, other, m.Line), "a folder stands for all that is in it", "state", i)
			}
		}
	}
}

// hostPath reports a path on the host that is not absolute or not written plainly.
func (p *page) hostPath(name string, at ...any) bool {
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" || strings.ContainsFunc(name, func(c rune) bool { return c < 0x20 }) {
		p.wrong(fmt.Sprintf("%q is no path on the host", name), "an absolute path, without . and .. and a slash at the end", at...)
		return false
	}
	return true
}

// sortedKeys gives the keys of a map in order, so that mistakes come in the same order every time.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
