package hostcheck

import (
	"fmt"
	"strings"

	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/settings"
)

// decisions tell what is decided about configuration in the upgrade to a release, and by whom.
type decisions struct {
	to       string
	settings *settings.Settings
}

// notes tell what was decided about a file: by a line of the admin's settings, by the bundle's spec, or by whoever
// changed on the host what the release leaves as it is. What the release changes where nobody else did is no decision.
func (d decisions) notes(target string, changes []config.Change) []finding.Finding {
	var out []finding.Finding
	var own []string
	for _, c := range changes {
		by := ""
		switch c.By {
		case config.BySettings:
			decided, _ := config.Lookup(d.settings.Decisions(d.to)[target], c.Key)
			by = d.settings.At(decided.Line) + " decides"
		case config.ByPolicy:
			by = "the bundle's policy decides"
		case config.BySet:
			if c.Kind == config.Changed {
				by = "the bundle sets it"
			}
		case config.ByAdmin:
			own = append(own, key(c))
		}
		if by == "" {
			continue
		}
		what := target
		if c.Key != "" {
			what += ", " + c.Key
		}
		out = append(out, finding.Finding{ID: "config-decided", Level: finding.Note, What: what + ": " + d.becomes(c) + ", as " + by})
	}
	if len(own) > 0 {
		out = append(out, finding.Finding{ID: "config-own", Level: finding.Note,
			What: fmt.Sprintf("%s: what was changed on this host stays, as %s changes nothing of it: %s", target, d.to, some(own))})
	}
	return out
}

// becomes says which side's value it is.
func (d decisions) becomes(c config.Change) string {
	from, to := value(c.From), value(c.To)
	switch {
	case c.Kind == config.Kept && c.From == config.Absent:
		return "it stays away"
	case c.Kind == config.Kept && from == "":
		return "this host's own stays"
	case c.Kind == config.Kept:
		return "this host's " + from + " stays"
	case c.Kind == config.Removed:
		return "it goes, as in " + d.to
	case from == "" && to == "":
		return "it becomes that of " + d.to
	case from == "":
		return "it becomes " + to
	}
	return "this host's " + from + " becomes " + to
}

// value is a change's value on one line; "" for the file as a whole, and for none.
func value(text string) string {
	if text == config.TheFile {
		return ""
	}
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more {
		line += " ..."
	}
	return line
}

func key(c config.Change) string {
	if c.Key == "" {
		return "the file"
	}
	return c.Key
}

// some names the first of a list.
func some(list []string) string {
	more := ""
	if n := len(list) - shown; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list[:min(shown, len(list))], ", ") + more
}
