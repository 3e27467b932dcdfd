package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
)

// Findings tells each mistake, each decision that names no release, those that are for other upgrades, and each
// decision about a file that is neither configuration of the manifest nor among the packaged ones, which are merged too.
func (s *Settings) Findings(m *manifest.Manifest, packaged ...string) []finding.Finding {
	var out []finding.Finding
	for _, w := range s.Mistakes {
		out = append(out, s.mistake(m, w.Line, w.What))
	}
	out = append(out, s.unnamed(m)...)
	out = append(out, s.endedFindings(m)...)
	for _, a := range s.Accepted {
		known := func(k manifest.Acceptance) bool { return k.Name == a.Name }
		if a.To == m.To && !slices.ContainsFunc(m.Accept, known) {
			out = append(out, s.unused(a.Line, fmt.Sprintf("accepts %s, and the upgrade to %s has nothing of that name to accept", short(a.Name), m.To), "look whether the name is right"))
		}
	}
	merged := map[string]bool{}
	for _, c := range m.Config {
		merged[c.Target] = true
	}
	for _, target := range packaged {
		merged[target] = true
	}
	for _, c := range s.Conflicts {
		if c.To == m.To && !merged[c.Target] {
			out = append(out, s.unused(c.Line, fmt.Sprintf("decides about %s, which the upgrade to %s does not merge", c.Target, m.To), "look whether the path is right"))
		}
	}
	return append(out, s.others(m)...)
}

// At is a line of the file, for people.
func (s *Settings) At(line int) string {
	if line == 0 {
		return s.Path
	}
	return fmt.Sprintf("%s:%d", s.Path, line)
}

func (s *Settings) mistake(m *manifest.Manifest, line int, what string) finding.Finding {
	return finding.Finding{ID: "settings", Level: finding.Refuse, What: s.At(line) + ": " + what, Do: "correct it; `" + m.Prefix + " help settings` shows all settings"}
}

func (s *Settings) unused(line int, what, do string) finding.Finding {
	return finding.Finding{ID: "settings-unused", Level: finding.Warn, What: s.At(line) + " " + what, Do: do}
}

// unnamed tells of decisions that name no release, as they could be written before it was asked for: nobody knows which upgrade they were made for.
func (s *Settings) unnamed(m *manifest.Manifest) []finding.Finding {
	var out []finding.Finding
	tell := func(line int, what, want string) {
		out = append(out, finding.Finding{ID: "settings", Level: finding.Refuse,
			What: fmt.Sprintf("%s: %s names no release, so it may have been decided for another upgrade", s.At(line), what),
			Do:   fmt.Sprintf("if it is meant for the upgrade to %s, write \"%s\" instead; otherwise remove the line", m.To, want)})
	}
	for _, c := range s.Conflicts {
		if c.To == "" {
			tell(c.Line, "conflict", c.line(m.To))
		}
	}
	for _, e := range s.Ended {
		if e.To != m.To && slices.ContainsFunc(m.Stores, func(store manifest.Store) bool { return store.Name == e.To }) {
			tell(e.Line, "ended", fmt.Sprintf("ended %s %s %s %s %s = %s", m.To, e.To, e.Store, e.Table, e.Key, e.Value))
		}
	}
	return out
}

func (s *Settings) endedFindings(m *manifest.Manifest) []finding.Finding {
	var out []finding.Finding
	for _, e := range s.Ended {
		if e.To != m.To {
			continue
		}
		switch t, _, err := e.edit(m); {
		case err != nil:
			out = append(out, s.mistake(m, e.Line, fmt.Sprintf("ended: %v", err)))
		case t == nil:
			out = append(out, s.unused(e.Line, fmt.Sprintf("ends a document of %s in the store %s, and the upgrade to %s copies none such", e.Table, e.Store, m.To), "look whether the names are right"))
		default:
			out = append(out, finding.Finding{ID: "store-ended", Level: finding.Note,
				What: fmt.Sprintf("store %s: the document %s of %s is copied with %s, if it has not ended by itself, as %s decides", e.Store, e.Key, e.Table, short(e.Value), s.At(e.Line))})
		}
	}
	return out
}

// others tells which lines are for other upgrades: they decide nothing of this one.
func (s *Settings) others(m *manifest.Manifest) []finding.Finding {
	lines := map[string][]int{}
	add := func(to string, line int) {
		if to != m.To && to != "" && !slices.ContainsFunc(m.Stores, func(store manifest.Store) bool { return store.Name == to }) {
			lines[to] = append(lines[to], line)
		}
	}
	for _, c := range s.Conflicts {
		add(c.To, c.Line)
	}
	for _, e := range s.Ended {
		add(e.To, e.Line)
	}
	for _, a := range s.Accepted {
		add(a.To, a.Line)
	}
	var out []finding.Finding
	for _, to := range slices.Sorted(maps.Keys(lines)) {
		slices.Sort(lines[to])
		var at []string
		for _, line := range lines[to] {
			at = append(at, s.At(line))
		}
		decide := "decides"
		if len(at) > 1 {
			decide = "decide"
		}
		out = append(out, finding.Finding{ID: "settings-other", Level: finding.Note,
			What: fmt.Sprintf("%s %s for the upgrade to %s, and nothing of this one to %s", strings.Join(at, ", "), decide, to, m.To)})
	}
	return out
}
