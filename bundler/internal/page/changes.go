package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/repo"
)

// changes are what an upgrade changes on a machine.
type changes struct {
	From, To, Summary string
	Packages          []repo.PackageChange // that do not stay as they are; changed, added, dropped
	Kept              string               // about those that do
	Lists             []titled
	Agents            bool
}

type titled struct {
	Title string
	Items []string
}

func newChanges(from, to string, of *repo.Changes) changes {
	c := changes{From: from, To: to, Agents: of.Agents}
	var kept int
	for _, how := range []string{repo.Changed, repo.Added, repo.Dropped, repo.Kept} {
		for _, p := range of.Packages {
			switch {
			case p.How != how:
			case how == repo.Kept:
				kept++
			default:
				c.Packages = append(c.Packages, p)
			}
		}
	}
	var told []string
	tell := func(n int, what string) {
		if n > 0 {
			told = append(told, plural(n, what))
		}
	}
	tell(len(c.Packages), "package")
	tell(len(of.Config), "configuration file")
	tell(len(of.Migrations), "migration")
	tell(len(of.Services), "service")
	tell(len(of.Stores), "store")
	c.Summary = strings.Join(told, ", ")
	switch {
	case kept == 1:
		c.Kept = "1 more stays as it is."
	case kept > 1:
		c.Kept = fmt.Sprintf("%d more stay as they are.", kept)
	}
	for _, l := range []titled{{"To be accepted before, on machines that it concerns", of.Accept}, {"Services", of.Services}, {"Configuration files", of.Config}, {"Migrations of the database", of.Migrations}, {"Data that changes its database", of.Stores}} {
		if len(l.Items) > 0 {
			c.Lists = append(c.Lists, l)
		}
	}
	return c
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func number(n int) string {
	words := []string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// bytesText is a size for people, in decimal units as browsers show downloads. No line breaks in it.
func bytesText(n int64) string {
	size, unit := float64(n), "bytes"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if size < 999.95 {
			break
		}
		size, unit = size/1000, u
	}
	if unit == "bytes" {
		return plural(int(n), "byte")
	}
	return fmt.Sprintf("%.1f\u00a0%s", size, unit)
}

// duration is a time in seconds for people.
func duration(seconds float64) string {
	switch s := int(seconds + .5); {
	case seconds < 9.95:
		return fmt.Sprintf("%.1f\u00a0s", seconds)
	case s < 60:
		return fmt.Sprintf("%d\u00a0s", s)
	case s < 3600:
		return fmt.Sprintf("%d\u00a0min\u00a0%02d\u00a0s", s/60, s%60)
	default:
		return fmt.Sprintf("%d\u00a0h\u00a0%02d\u00a0min", s/3600, s%3600/60)
	}
}

func longest(certificates []repo.Certificate) float64 {
	var l float64
	for _, c := range certificates {
		l = max(l, c.Window)
	}
	return l
}

// leftOut is what the tests on any platform did not compare with the machine before, each once.
func leftOut(certificates []repo.Certificate) []string {
	var all []string
	for _, c := range certificates {
		for _, l := range c.LeftOut {
			if s := l.String(); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// clientsText says what became of clients in the tests on all platforms, "" when nothing is known.
func clientsText(certificates []repo.Certificate) string {
	var all certify.Clients
	for _, c := range certificates {
		all = all.Plus(c.Clients)
	}
	if all.Requests == 0 {
		return ""
	}
	s := "waited at most " + duration(all.Longest) + " when tested, "
	if n := all.TurnedAway(); n > 0 {
		s += fmt.Sprintf("turned away: %d of %d requests", n, all.Requests)
	} else {
		s += "none was turned away"
	}
	if all.Cut > 0 {
		s += fmt.Sprintf("; under way and cut off: %d of %d requests", all.Cut, all.Requests)
	}
	return s
}

// noWrites says on which platforms nothing was written while it was tested, "" for none.
func noWrites(certificates []repo.Certificate) string {
	var on []string
	for _, c := range certificates {
		if c.NoWrites {
			on = append(on, c.Platform)
		}
	}
	switch len(on) {
	case 0:
		return ""
	case len(certificates):
		return "No writes were tried when tested: what users write during the upgrade was not looked at"
	}
	return "No writes were tried when tested on " + strings.Join(on, ", ")
}

// day is the date of a time of an Index; what is none is shown as it is.
func day(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Format("2 January 2006")
	}
	return s
}

func minute(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Format("2 January 2006, 15:04 UTC")
	}
	return s
}

// grouped is a fingerprint in groups of four, to be compared by eye.
func grouped(key string) string {
	var groups []string
	for g := range slices.Chunk([]rune(key), 4) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, " ")
}
