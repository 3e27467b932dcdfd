package cli

import (
	"cmp"
	"fmt"
	"strings"

	"onerpm/bundler/internal/pkgconf"
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

// markedTitle is above what markedText says.
const markedTitle = "%config files of the packages, and what becomes of them on a machine"

func markedText(files []pkgconf.File) string {
	var rows [][]string
	for _, f := range files {
		mark := cmp.Or(f.New, f.Old)
		if f.Old != "" && f.New != "" && f.Old != f.New {
			mark = f.Old + " > " + f.New
		}
		rows = append(rows, []string{signs[f.Change], f.Path, f.Package, mark, f.What})
	}
	return table("  ", rows)
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
