package scaffold

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
)

// packages writes the decisions about scriptlets, each with the body that it is about.
func (s *spec) packages() string {
	var b strings.Builder
	skip, keep := s.decisions()
	rules := func(key, intro string, list []scriptlet, ask func(scriptlet) string) {
		if len(list) == 0 {
			return
		}
		fmt.Fprintf(&b, "%s  %s:\n", intro, key)
		for i, sc := range list {
			var before scriptlet
			if i > 0 {
				before = list[i-1]
			}
			indent := "    "
			if sc.nvr == before.nvr {
				indent = "      "
			}
			fmt.Fprintf(&b, "%s# %%%s of %s, by %s\n%s", indent, sc.kind, sc.nvr, plain(sc.prog), sc.shown(indent))
			for _, f := range sc.finds {
				fmt.Fprintf(&b, "%s#   > %s\n", indent, plain(f))
			}
			if sc.nvr != before.nvr {
				fmt.Fprintf(&b, "    %s:\n", quoted(sc.nvr))
			}
			if sc.nvr != before.nvr || sc.kind != before.kind { // a package may have several triggers of a kind
				fmt.Fprintf(&b, "      %s: %s\n", sc.kind, undecided(ask(sc)))
			}
		}
	}
	rules("skip", "  # A kind of scriptlet is left out for the whole transaction: either all that are listed here, or none of them (then keep).\n", skip, func(sc scriptlet) string {
		return "why its %" + sc.kind + " must not run" + s.advice(sc)
	})
	rules("keep", "", keep, func(sc scriptlet) string {
		return "why its %" + sc.kind + " may run" + s.advice(sc)
	})
	if host := s.host(); len(host) > 0 {
		fmt.Fprintf(&b, "  # required by packages, in neither release: on every host, as the jump before says\n  host: [%s]\n", strings.Join(host, ", "))
	}
	text := b.String()
	if text != "" {
		text = "packages:\n" + text
	}
	return s.others() + text
}

// advice is what is known about a decision: what the jump before said of that package, or what was found.
func (s *spec) advice(sc scriptlet) string {
	if s.before.spec != nil {
		for verb, rules := range map[string]map[string]map[string]string{"skipped": s.before.spec.Packages.Skip, "kept": s.before.spec.Packages.Keep} {
			for nvr, kinds := range rules {
				if why := kinds[sc.kind]; why != "" && strings.HasPrefix(nvr, sc.name+"-") && strings.Count(nvr, "-") == strings.Count(sc.name, "-")+2 {
					return fmt.Sprintf("; the jump before %s that of %s: %s", verb, nvr, why)
				}
			}
		}
	}
	if len(sc.finds) > 0 {
		return "; it " + strings.TrimPrefix(sc.finds[0], "it ")
	}
	return ""
}

// decisions proposes what to do with what check asks about: skip all %postun of the old
// packages when one of them does something worth a look, else keep each; keep the rest.
func (s *spec) decisions() (skip, keep []scriptlet) {
	var going []scriptlet
	harm := false
	for _, sc := range s.scriptlets {
		if sc.kind == "postun" && sc.old {
			going, harm = append(going, sc), harm || len(sc.finds) > 0 || sc.prog != "/bin/sh"
		}
	}
	if harm {
		skip = s.withLdconfig(going)
	}
	for _, sc := range s.scriptlets {
		if sc.ask && (sc.kind != "postun" || !harm) {
			keep = append(keep, sc)
		}
	}
	return skip, keep
}

// withLdconfig adds the old packages' %postun that would be harmless: left out with the rest, they must be listed.
func (s *spec) withLdconfig(list []scriptlet) []scriptlet {
	for _, c := range s.changes {
		if c.old == nil || !c.moves() {
			continue
		}
		for _, sl := range c.old.Header.Scriptlets() {
			listed := slices.ContainsFunc(list, func(sc scriptlet) bool { return sc.nvr == c.old.Header.NVR() })
			if sl.Kind == "postun" && sl.Body == "" && !listed {
				list = append(list, scriptlet{nvr: c.old.Header.NVR(), name: c.name, kind: sl.Kind, prog: strings.Join(sl.Interpreter, " "), old: true})
			}
		}
	}
	return list
}

// others tells of the scriptlets about which check only warns.
func (s *spec) others() string {
	var b strings.Builder
	for _, sc := range s.scriptlets {
		if sc.ask {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("# These run too. check warns of them until packages.keep says that they were read:\n")
		}
		note := ""
		if len(sc.finds) > 0 {
			note = ": " + plain(strings.Join(sc.finds, "; "))
		}
		fmt.Fprintf(&b, "#   %%%s of %s%s\n", sc.kind, sc.nvr, note)
	}
	return b.String()
}

// host is what the jump before says every host has, and a new package still requires.
func (s *spec) host() []string {
	if s.before.spec == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.before.spec.Packages.Host), func(name string) bool {
		return !slices.ContainsFunc(s.in.To.Packages, func(p Package) bool {
			return slices.ContainsFunc(p.Header.Requires(), func(d rpmpkg.Dep) bool { return d.Name == name })
		})
	})
}
