package release

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

var (
	keyedList    = strings.Join(manifest.KeyedFormats, ", ")
	userGrammar  = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	modeGrammar  = regexp.MustCompile(`^0?[0-7]{3}$`)
	maxRandom    = manifest.MaxRandom
	valueAllowed = "a value, or exactly one of random and copy"
)

// Format returns the format of a configuration file in a jump: the spec's, or else
// the one of its name.
func (s *Spec) Format(target string) string {
	for _, c := range s.Config {
		if c.Target == target && c.Format != "" {
			return c.Format
		}
	}
	return manifest.FormatOf(target)
}

// config checks what the spec adds to the configuration files of both releases.
func (r *reader) config(p *page, s *Spec) {
	first := map[string]int{}
	for i, c := range s.Config {
		at := under([]any{"config", i})
		if p.need(c.Target, "the file's path on the host", at("target")...) && p.hostPath(c.Target, at("target")...) {
			if line, twice := first[c.Target]; twice {
				p.wrong(fmt.Sprintf("file %s stands here twice", c.Target), fmt.Sprintf("the first is on line %d", line), at("target")...)
			} else {
				first[c.Target] = p.doc.Mistake("", "", at("target")...).Line
			}
			r.notOwn(p, c.Target, at("target")...)
			if c.InPackage() {
				r.inPackage(p, s, c, at)
			} else {
				r.hasTarget(p, s, c.Target, at("target"))
			}
		}
		p.oneOf(manifest.Formats, c.Format, at("format")...)
		p.match(userGrammar, c.Owner, "the name of a user", at("owner")...)
		p.match(userGrammar, c.Group, "the name of a group", at("group")...)
		p.match(modeGrammar, c.Mode, "octal, e.g. 0644", at("mode")...)
		if s.Format(c.Target) == "text" && len(c.Set) > 0 && c.InPackage() {
			p.wrong(c.Target+" is text, which has no keys to set", "set the format, one of "+keyedList, at("set")...)
		}
		for _, key := range sortedKeys(c.Set) {
			p.value(c.Set[key], at("set", key))
		}
		for _, key := range sortedKeys(c.Policy) {
			if key == "" {
				p.wrong("an empty key", `a key, or "*" for all`, at("policy", key)...)
			}
		}
	}
}

// inPackage checks an entry about the %config file of a package, which that brings
// with owner and mode.
func (r *reader) inPackage(p *page, s *Spec, c manifest.Config, at func(...any) []any) {
	from, to := r.cat.Release(s.From), r.cat.Release(s.To)
	if from == nil || to == nil {
		return
	}
	if !slices.ContainsFunc(slices.Concat(from.Components, to.Components), func(o Component) bool { return o.Name == c.Package }) {
		p.wrong("neither release has a package "+c.Package, "the name of a component", at("package")...)
	}
	if slices.ContainsFunc(slices.Concat(from.ConfigFiles, to.ConfigFiles), func(f ConfigFile) bool { return f.Target == c.Target }) {
		p.wrong(c.Target+" is under versions/ and is to be in a package too", "leave out package, or the file there", at("package")...)
	}
	for key, value := range map[string]string{"owner": c.Owner, "group": c.Group, "mode": c.Mode} {
		if value != "" {
			p.wrong(fmt.Sprintf("a package gives its file the %s itself", key), "leave it out", at(key)...)
		}
	}
}

func (r *reader) hasTarget(p *page, s *Spec, target string, at []any) {
	is := func(f ConfigFile) bool { return f.Target == target }
	from, to := r.cat.Release(s.From), r.cat.Release(s.To)
	if from == nil || to == nil || slices.ContainsFunc(from.ConfigFiles, is) || slices.ContainsFunc(to.ConfigFiles, is) {
		return
	}
	p.wrong(fmt.Sprintf("neither release has a file %s", target),
		fmt.Sprintf("put it under versions/%s/config or versions/%s/config; of a %%config file say its package", s.From, s.To), at...)
}

func (p *page) value(v manifest.Value, at []any) {
	set := 0
	if v.Literal != nil {
		set++
	}
	if v.Random != 0 || p.doc.Has(append(slices.Clone(at), "random")...) {
		set++
		if v.Random < 1 || v.Random > maxRandom {
			p.wrong(fmt.Sprintf("%d characters", v.Random), fmt.Sprintf("from 1 to %d", maxRandom), append(slices.Clone(at), "random")...)
		}
	}
	if said := v.CheckRandom(); said != "" {
		p.wrong(said, "base64 or distinct, or leave it out for hexadecimal characters", append(slices.Clone(at), "as")...)
	}
	if v.Copy != "" {
		set++
	}
	if set != 1 {
		p.wrong(fmt.Sprintf("%v is set to %d things", lastKey(at), set), valueAllowed, at...)
	}
}
