package scaffold

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
)

// packages writes the decisions about scriptlets: each with the text that it is about, or whence it was taken over.
func (s *spec) packages() string {
	var b strings.Builder
	skip, keep := s.decisions()
	s.rules(&b, skipIt, "  # rpm leaves a kind of scriptlet out of all packages at once: of each kind here, all are listed. Where one of them must run,\n  # none of its kind can be left out: list that kind under keep.\n", skip)
	s.rules(&b, keepIt, "", keep)
	if host := s.host(); len(host) > 0 {
		fmt.Fprintf(&b, "  # required by packages, in neither release: on every host, as the jump before says\n  host: [%s]\n", strings.Join(host, ", "))
	}
	text := b.String()
	if text != "" {
		text = "packages:\n" + text
	}
	return s.others(skip, keep) + text
}

// rules writes one of the two lists.
func (s *spec) rules(b *strings.Builder, verb, intro string, list []scriptlet) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "%s  %s:\n", intro, verb)
	for i, sc := range list {
		var before scriptlet
		if i > 0 {
			before = list[i-1]
		}
		indent := "    "
		if sc.nvr == before.nvr {
			indent = "      "
		}
		d := s.decided(sc.nvr, sc.kind)
		taken := d != nil && d.same && d.verb == verb
		first := sc.nvr != before.nvr || sc.kind != before.kind // a package may have several triggers of a kind
		switch {
		case taken && first:
			fmt.Fprintf(b, "%s# decided in %s-%s: %%%s is byte for byte that of %s\n", indent, s.before.spec.From, s.before.spec.To, sc.kind, d.nvr)
		case !taken:
			fmt.Fprintf(b, "%s# %%%s of %s, by %s; it %s\n%s", indent, sc.kind, sc.nvr, plain(sc.prog), sc.runs(), sc.shown(indent))
			for _, f := range sc.finds {
				fmt.Fprintf(b, "%s#   > %s\n", indent, plain(f))
			}
		}
		if sc.nvr != before.nvr {
			fmt.Fprintf(b, "    %s:\n", quoted(sc.nvr))
		}
		switch {
		case !first:
		case taken:
			fmt.Fprintf(b, "      %s: %s\n", sc.kind, quoted(plain(d.why)))
		default:
			may := map[string]string{skipIt: "must not", keepIt: "may"}[verb]
			fmt.Fprintf(b, "      %s: %s\n", sc.kind, undecided("why its %"+sc.kind+" "+may+" run"+s.advice(sc, d)))
		}
	}
}

// decisions proposes what to do with what check asks about, and with what the jump before decided about. A kind is left out of
// all packages when it was left out before and one of its texts is the same; so is %postun of the old packages when one of
// them does something worth a look that nobody has decided about. The rest is kept.
func (s *spec) decisions() (skip, keep []scriptlet) {
	left := map[string]bool{}
	for _, sc := range s.scriptlets {
		d := s.decided(sc.nvr, sc.kind)
		switch {
		case !sc.leftOut():
		case d != nil && d.same:
			left[sc.kind] = left[sc.kind] || d.verb == skipIt
		case sc.kind == "postun" && (len(sc.finds) > 0 || sc.prog != "/bin/sh"):
			left[sc.kind] = true
		}
	}
	for _, sc := range s.scriptlets {
		switch d := s.decided(sc.nvr, sc.kind); {
		case left[sc.kind] && sc.leftOut():
			skip = append(skip, sc)
		case left[sc.kind]: // goes with those
		case sc.ask || d != nil:
			keep = append(keep, sc)
		}
	}
	return s.withIdle(skip, left), keep
}

// runs says when rpm runs it.
func (sc scriptlet) runs() string {
	if sc.when == "" {
		return "does nothing of interest"
	}
	return sc.when
}

// leftOut tells of a scriptlet that has to be listed where its kind is left out: of a package that comes, what runs as it
// comes, of one that goes, what runs as it goes.
func (sc scriptlet) leftOut() bool {
	switch sc.kind {
	case "pre", "post":
		return !sc.old
	case "preun", "postun":
		return sc.old
	}
	return false
}

// withIdle adds the scriptlets that would be harmless, as ldconfig alone: left out with the rest of their kind, they must be
// listed.
func (s *spec) withIdle(list []scriptlet, left map[string]bool) []scriptlet {
	for _, c := range s.changes {
		if !c.moves() {
			continue
		}
		for _, side := range []*Package{c.old, c.new} {
			if side == nil {
				continue
			}
			for _, sl := range side.Header.Scriptlets() {
				sc := scriptlet{nvr: side.Header.NVR(), name: c.name, kind: sl.Kind, prog: strings.Join(sl.Interpreter, " "), old: side == c.old}
				listed := slices.ContainsFunc(list, func(o scriptlet) bool { return o.nvr == sc.nvr && o.kind == sc.kind })
				if left[sl.Kind] && sl.Body == "" && sc.leftOut() && !listed {
					list = append(list, sc)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b scriptlet) int { return strings.Compare(a.nvr+" "+a.kind, b.nvr+" "+b.kind) })
	return list
}

// others tells of the scriptlets about which check only warns, but for those that are listed.
func (s *spec) others(skip, keep []scriptlet) string {
	var b strings.Builder
	for _, sc := range s.scriptlets {
		same := func(o scriptlet) bool { return o.kind == sc.kind && o.nvr == sc.nvr }
		if sc.ask || slices.ContainsFunc(skip, func(o scriptlet) bool { return o.kind == sc.kind }) || slices.ContainsFunc(keep, same) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("# Not listed under packages, so these run. check warns of each until packages.keep says that it was read:\n")
		}
		fmt.Fprintf(&b, "#   %%%s of %s: %s\n", sc.kind, sc.nvr, plain(strings.Join(append([]string{sc.runs()}, sc.finds...), "; ")))
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
