package cli

import (
	"fmt"
	"strings"

	"onerpm/internal/manifest"
)

// partText tells a part of the packages to people, "" for the window.
func partText(early, late bool) string {
	switch {
	case early:
		return "comes while the old release serves"
	case late:
		return "erased after the commit"
	}
	return ""
}

func earlyServicesText(services []manifest.EarlyService) string {
	var rows [][]string
	for _, s := range services {
		var notes []string
		if s.Setup != "" {
			notes = append(notes, fmt.Sprintf("set up by %s, for at most %s", s.Setup, s.Timeout.D()))
		}
		if len(s.Makes) > 0 {
			notes = append(notes, "makes "+strings.Join(s.Makes, ", "))
		}
		rows = append(rows, []string{s.Unit, strings.Join(notes, "; ")})
	}
	return table("  ", rows)
}

func movesText(moves []manifest.Move) string {
	var rows [][]string
	for _, m := range moves {
		what := "the file or folder"
		if m.Each != "" {
			what = "all that is in it"
		}
		rows = append(rows, []string{m.Source(), "to " + m.Target(), what})
	}
	return table("  ", rows)
}

func ownersText(owners []manifest.Owner) string {
	var rows [][]string
	for _, o := range owners {
		who := o.User
		if o.Group != "" {
			who += ", group " + o.Group
		}
		rows = append(rows, []string{o.Path, who})
	}
	return table("  ", rows)
}
