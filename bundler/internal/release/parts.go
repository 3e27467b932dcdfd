package release

import (
	"fmt"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
)

// parts checks which packages come in prepare and which go after the commit.
func (r *reader) parts(p *page, s *Spec) {
	from, to := r.cat.Release(s.From), r.cat.Release(s.To)
	if from == nil || to == nil {
		return
	}
	for i, name := range s.Packages.Early {
		at := under([]any{"packages", "early", i})
		if slices.Contains(s.Packages.Early[:i], name) {
			p.wrong(fmt.Sprintf("package %s stands here twice", name), "", at()...)
		}
		switch c := component(to, name); {
		case c == nil:
			p.wrong(fmt.Sprintf("release %s has no package %s", s.To, name), "the name of a component that only the new release has", at()...)
		case component(from, name) != nil:
			p.wrong(fmt.Sprintf("release %s has a package %s too", s.From, name), "only what the new release adds can come while the old one serves", at()...)
		case c.Optional:
			p.wrong(fmt.Sprintf("package %s is optional", name), "an optional package comes in the place of one that the host had, so not early", at()...)
		}
	}
	first := map[string]int{}
	for i, late := range s.Packages.Late {
		at := under([]any{"packages", "late", i})
		if p.need(late.Package, "the name of a component that only the old release has", at("package")...) {
			if line, twice := first[late.Package]; twice {
				p.wrong(fmt.Sprintf("package %s stands here twice", late.Package), fmt.Sprintf("the first is on line %d", line), at("package")...)
			}
			first[late.Package] = p.doc.Mistake("", "", at("package")...).Line
			switch {
			case component(from, late.Package) == nil:
				p.wrong(fmt.Sprintf("release %s has no package %s", s.From, late.Package), "the name of a component that only the old release has", at("package")...)
			case component(to, late.Package) != nil:
				p.wrong(fmt.Sprintf("release %s has a package %s too", s.To, late.Package), "only what the new release no longer has is erased", at("package")...)
			}
		}
		p.need(late.Why, "say why it stays until the commit", at("why")...)
		for j, dir := range late.Keep {
			r.kept(p, s, dir, at("keep", j))
		}
	}
	r.earlyServices(p, s)
}

func component(r *Release, name string) *Component {
	i := slices.IndexFunc(r.Components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Components[i]
}

// kept checks a folder that stays until the admin cleans up, and is removed then: nothing of
// the new release may lie in it.
func (r *reader) kept(p *page, s *Spec, dir string, at []any) {
	if !p.hostPath(dir, at...) {
		return
	}
	meets := func(other, what string) {
		if other != "" && (manifest.Within(dir, other) || manifest.Within(other, dir)) {
			p.wrong(fmt.Sprintf("%s holds or lies in %s, %s", dir, other, what), "a folder that only the old release uses: clean removes it", at...)
		}
	}
	r.notOwn(p, dir, at...)
	for _, state := range s.State {
		meets(state, "which is state of the product")
	}
	for _, move := range s.Moves {
		meets(move.Source(), "which moves")
		meets(move.Target(), "which something moves to")
	}
	if to := r.cat.Release(s.To); to != nil {
		for _, f := range to.ConfigFiles {
			meets(f.Target, "which is configuration of "+s.To)
		}
	}
}

// earlyServices checks the units that are started in prepare.
func (r *reader) earlyServices(p *page, s *Spec) {
	for i, service := range s.EarlyServices {
		at := under([]any{"early_services", i})
		if i == 0 && len(s.Packages.Early) == 0 {
			p.wrong("no package comes early", "the unit of a package that stands under packages.early", at()...)
		}
		if p.need(service.Unit, "the systemd unit, without .service", at("unit")...) {
			if err := unit.Check(service.Unit); err != nil {
				p.wrong(fmt.Sprintf("%q is no unit of a product", service.Unit), err.Error(), at("unit")...)
			}
			if slices.ContainsFunc(s.Services, func(o manifest.Service) bool { return o.Unit == service.Unit }) ||
				slices.ContainsFunc(s.EarlyServices[:i], func(o manifest.EarlyService) bool { return o.Unit == service.Unit }) {
				p.wrong(fmt.Sprintf("unit %s stands under services too, or here twice", service.Unit), "a unit that goes on running in the window stands here alone", at("unit")...)
			}
		}
		switch {
		case service.Setup != "":
			p.positive(service.Timeout, "how long the setup may take, e.g. 2m", at("timeout")...)
		case p.doc.Has(at("timeout")...):
			p.wrong("a timeout without a setup", "leave it out", at("timeout")...)
		}
		for j, dir := range service.Makes {
			if !p.hostPath(dir, at("makes", j)...) {
				continue
			}
			r.notOwn(p, dir, at("makes", j)...)
			for _, state := range s.State {
				if manifest.Within(dir, state) || manifest.Within(state, dir) {
					p.wrong(fmt.Sprintf("%s holds or lies in %s, which is state", dir, state), "what comes early was not there before: it is removed on the way back, not restored", at("makes", j)...)
				}
			}
		}
	}
}

// moves checks what gets another place or another owner in the window.
func (r *reader) moves(p *page, s *Spec) {
	for i, m := range s.Moves {
		if said := m.Check(); said != "" {
			p.wrong(said, "from and to for one file or folder, each and into for all that is in a folder; absolute paths", "moves", i)
		}
		for _, end := range []struct{ key, path string }{{"from", m.From}, {"to", m.To}, {"each", m.Each}, {"into", m.Into}} {
			r.notOwn(p, end.path, "moves", i, end.key)
		}
		for j, other := range s.Moves[:i] {
			if said := m.Meets(other); said != "" {
				p.wrong(said, fmt.Sprintf("moves that can be done in any order; the other is on line %d", p.doc.Mistake("", "", "moves", j).Line), "moves", i)
			}
		}
	}
	for i, o := range s.Owners {
		at := under([]any{"owners", i})
		if p.need(o.Path, "a file or folder on the host", at("path")...) && p.hostPath(o.Path, at("path")...) {
			r.notOwn(p, o.Path, at("path")...)
			for j, other := range s.Owners[:i] {
				if manifest.Within(o.Path, other.Path) || manifest.Within(other.Path, o.Path) {
					p.wrong(fmt.Sprintf("%s overlaps with %s on line %d", o.Path, other.Path, p.doc.Mistake("", "", "owners", j, "path").Line),
						"a folder stands for all that is in it", at("path")...)
				}
			}
		}
		if p.need(o.User, "the name of a user", at("user")...) {
			p.match(userGrammar, o.User, "the name of a user", at("user")...)
		}
		p.match(userGrammar, o.Group, "the name of a group", at("group")...)
	}
}
