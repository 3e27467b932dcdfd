package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/bundler/internal/conffile"
	"onerpm/bundler/internal/diff"
	"onerpm/bundler/internal/plan"
	"onerpm/internal/manifest"
)

var signs = map[plan.Kind]string{plan.Added: "+", plan.Changed: "~", plan.Removed: "-", plan.Unchanged: "="}

// diffText is the difference for people, in sections; what has nothing to tell is left out.
func diffText(r diff.Jump, c palette) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s to %s, by %s\n", r.Product, r.From, r.To, r.Bundle)
	section := func(title, body string) {
		if body != "" {
			fmt.Fprintf(&b, "\n%s\n%s", c.bold(title), body)
		}
	}
	section("packages", packagesText(r.Packages))
	section("files of the packages", filesText(r.Files))
	section(markedTitle, markedText(r.Marked))
	section("scriptlets and triggers on the way there (on the way back none runs)", scriptsText(r.Scripts))
	section("configuration", configText(r.Config))
	section("units", configText(r.Units))
	section("services, in the order they start", servicesText(r.Services))
	section("services that start while the old release serves", earlyServicesText(r.Early))
	section("files that move", movesText(r.Moves))
	section("files that get another owner", ownersText(r.Owners))
	section("databases", databasesText(r.Databases))
	section("data that changes its database", storesText(r.Stores))
	section(acceptTitle, acceptText(r.Accept))
	section("hooks", hooksText(r.Hooks))
	section("agents, after the upgrade", agentsText(r.Agents))
	section("state that is kept", listText(r.State))
	section("folders that stay until clean", listText(r.Keep))
	return b.String()
}

func packagesText(packages []diff.Package) string {
	var rows [][]string
	for _, kind := range []plan.Kind{plan.Added, plan.Changed, plan.Removed, plan.Unchanged} {
		for _, p := range packages {
			if p.Change != kind {
				continue
			}
			var notes []string
			switch {
			case p.Backwards:
				notes = append(notes, "the version goes backwards")
			case kind == plan.Changed && p.Old == p.New:
				notes = append(notes, "the same version, built anew")
			}
			if part := partText(p.Part == diff.Early, p.Part == diff.Late); part != "" {
				notes = append(notes, part)
			}
			if p.Optional {
				notes = append(notes, "optional")
			}
			rows = append(rows, []string{signs[kind], p.Name, dash(p.Old), dash(p.New), strings.Join(notes, ", ")})
		}
	}
	return table("  ", rows)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func filesText(files []diff.File) string {
	var rows [][]string
	for _, f := range files {
		rows = append(rows, []string{signs[f.Change], f.Path, f.Package})
	}
	return table("  ", rows)
}

func scriptsText(scripts []diff.Script) string {
	var rows [][]string
	for _, s := range scripts {
		decided := map[string]string{"kept": "kept: ", "skipped": "left out: ", "nothing": "nothing decided"}[s.Decided] + s.Why
		rows = append(rows, []string{"%" + s.Kind, s.Package, s.When, strings.TrimSuffix(decided, ": ")})
	}
	return table("  ", rows)
}

func configText(files []diff.Config) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "  %s %s\n", signs[f.Change], f.Target)
		if f.Format == "text" && f.Change != plan.Changed {
			fmt.Fprintf(&b, "      %s\n", plural(len(f.Changes), "line"))
			continue
		}
		var rows [][]string
		for _, ch := range f.Changes {
			if set, is := f.Set[ch.Key]; is && ch.Op != "-" {
				ch.Op, ch.New = "!", set // what the release has there does not matter
			}
			rows = append(rows, changeRow(ch))
		}
		for _, key := range slices.Sorted(maps.Keys(f.Set)) {
			if !slices.ContainsFunc(f.Changes, func(ch conffile.Change) bool { return ch.Key == key }) {
				rows = append(rows, changeRow(conffile.Change{Op: "!", Key: key, New: f.Set[key]}))
			}
		}
		if f.Format == "text" {
			for _, row := range rows {
				b.WriteString("      " + strings.TrimRight(strings.Join(row, " "), " ") + "\n")
			}
			continue
		}
		b.WriteString(table("      ", rows))
	}
	return b.String()
}

// changeRow shows one change: a key with its values, or a line.
func changeRow(c conffile.Change) []string {
	value := short(c.Old) + short(c.New)
	switch c.Op {
	case "~":
		value = short(c.Old) + " > " + short(c.New)
	case "!":
		value = "set to " + short(c.New)
	}
	if c.Key == "" {
		return []string{c.Op, value}
	}
	return []string{c.Op, c.Key, value}
}

// short shows the first line of a value that has several.
func short(value string) string {
	first, _, more := strings.Cut(value, "\n")
	if !more {
		return value
	}
	return fmt.Sprintf("%s ... (%d lines)", strings.TrimRight(first, " "), strings.Count(value, "\n")+1)
}

func servicesText(services []manifest.Service) string {
	var rows [][]string
	for _, s := range services {
		var notes []string
		switch s.Only {
		case manifest.New:
			notes = append(notes, "new")
		case manifest.Old:
			notes = append(notes, "not started any more")
		}
		if s.Drain != nil {
			notes = append(notes, fmt.Sprintf("drained for up to %s, else %s", s.Drain.Within.D(), s.Drain.Else))
		}
		if s.Health != nil {
			notes = append(notes, fmt.Sprintf("healthy within %s", s.Health.Within.D()))
		}
		if s.Door {
			notes = append(notes, "the door")
		}
		rows = append(rows, []string{s.Unit, strings.Join(notes, "; ")})
	}
	return table("  ", rows)
}

func databasesText(databases []diff.Database) string {
	var b strings.Builder
	for _, db := range databases {
		fmt.Fprintf(&b, "  %s\n", db.Name)
		var rows [][]string
		for _, m := range db.Migrations {
			when := "while the old release serves"
			if m.Phase == "switch" {
				when = "in the window"
			}
			rows = append(rows, []string{fmt.Sprint(m.Number), m.Phase, strings.ReplaceAll(m.Name, "_", " "), when})
		}
		b.WriteString(table("      ", rows))
		if len(db.Backfill) > 0 {
			fmt.Fprintf(&b, "      backfill of %s\n", strings.Join(db.Backfill, ", "))
		}
	}
	return b.String()
}

// acceptTitle is above what acceptText says.
const acceptTitle = "what an admin must accept before"

func acceptText(list []manifest.Acceptance) string {
	var b strings.Builder
	for _, a := range list {
		where := "on every machine"
		if len(a.When) > 0 {
			where = "by what stands in " + strings.Join(filesOf(a.When), ", ")
		}
		fmt.Fprintf(&b, "  %s\n      asked %s\n", a.Said(), where)
	}
	return b.String()
}

// filesOf are the files by which a machine is told to be one of some cases, each once.
func filesOf(cases []manifest.HostCase) []string {
	var files []string
	for _, c := range cases {
		for _, h := range c.All {
			if !slices.Contains(files, h.File) {
				files = append(files, h.File)
			}
		}
	}
	return files
}

func hooksText(hooks manifest.Hooks) string {
	var rows [][]string
	for _, phase := range []struct {
		name, when string
		hooks      []manifest.Hook
	}{
		{"prepare", "while the old release serves", hooks.Prepare},
		{"switch", "in the window", hooks.Switch},
		{"open", "while the new release serves", hooks.Open},
	} {
		for _, h := range phase.hooks {
			undo := "no undo"
			if h.Undo != "" {
				undo = "undone by " + h.Undo
			}
			rows = append(rows, []string{phase.name, h.Run, phase.when, fmt.Sprintf("for at most %s; %s", h.Timeout.D(), undo)})
		}
	}
	return table("  ", rows)
}

func agentsText(a *manifest.Agents) string {
	if a == nil {
		return ""
	}
	return table("  ", [][]string{
		{"asked of", a.API + "/" + a.Work.Path},
		{"let in by", a.Headers.File},
		{"become", a.Groups.Becomes},
		{"first", fmt.Sprintf("%s, one after the other; then %d at a time", plural(a.Canary, "group"), a.Batch)},
		{"stop", fmt.Sprintf("when more than %d%% of the groups failed", a.Stop)},
		{"a group", fmt.Sprintf("may take up to %s", a.Work.Within.D())},
	})
}

func listText(list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString("  " + s + "\n")
	}
	return b.String()
}
