package hostcheck

import (
	"fmt"
	"strconv"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/condition"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/layout"
)

// readConfig reads a configuration file of the host for conditions about it.
func readConfig(file string) ([]byte, error) { return host.ReadFile(file, hostconf.MaxSize) }

// acceptFindings tells what will be worse on this host: it refuses until the admin's settings say that it may.
func acceptFindings(b *layout.Bundle) []finding.Finding {
	var out []finding.Finding
	m, s := b.Manifest, &b.Settings
	for _, a := range m.Accept {
		holds, names, err := condition.Any(a.When, readConfig)
		line := s.Accepts(m.To, a.Name)
		switch {
		case err != nil:
			out = append(out, finding.Finding{ID: "check-failed", Level: finding.Refuse,
				What: fmt.Sprintf("could not find out whether this host is one where you must accept %q: %v", a.Name, err),
				Do:   "correct what it names, then check again"})
		case holds && line > 0:
			out = append(out, finding.Finding{ID: "accepted", Level: finding.Warn,
				What: says(a, names), Do: fmt.Sprintf("nothing: you accepted it in %s:%d", s.Path, line)})
		case holds:
			out = append(out, finding.Finding{ID: "not-accepted", Level: finding.Refuse,
				What: says(a, names), Do: fmt.Sprintf("if that may be so, write into %s: accept %s %s = yes", s.Path, m.To, a.Name)})
		}
	}
	return out
}

// says is what will be different, with some of those that it is about on this host.
func says(a manifest.Acceptance, names []string) string {
	if len(names) == 0 {
		return a.Said()
	}
	more := ""
	if n := len(names) - shown; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	quoted := make([]string, min(shown, len(names)))
	for i := range quoted {
		quoted[i] = strconv.Quote(names[i])
	}
	return a.Said() + " On this host: " + strings.Join(quoted, ", ") + more
}
