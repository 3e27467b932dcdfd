package release

import (
	"fmt"
	"slices"

	"onerpm/internal/manifest"
)

// accept checks what an admin must accept.
func (r *reader) accept(p *page, s *Spec) {
	first := map[string]int{}
	for i, a := range s.Accept {
		at := under([]any{"accept", i})
		p.unusable(a.Mistakes(), at())
		if len(a.Said()) > maxLine {
			p.wrong(fmt.Sprintf("name and text have %d bytes", len(a.Said())), fmt.Sprintf("at most %d", maxLine), at("says")...)
		}
		if a.Name == "" {
			continue
		}
		if line, twice := first[a.Name]; twice {
			p.wrong(fmt.Sprintf("%s stands here twice", a.Name), fmt.Sprintf("the first is on line %d", line), at("name")...)
		} else {
			first[a.Name] = p.doc.Mistake("", "", at("name")...).Line
		}
	}
}

// unusable reports what makes a part of the spec unusable by itself.
func (p *page) unusable(mistakes []manifest.StoreMistake, base []any) {
	for _, m := range mistakes {
		p.wrong(m.What, "", append(slices.Clone(base), m.Path...)...)
	}
}
