package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"onerpm/bundler/internal/notes"
	"onerpm/bundler/internal/repo"
)

// view is what the templates show. Whatever text of it comes from the input is a plain string, but for release notes, of which package notes makes harmless HTML.
type view struct {
	Product, Key, KeyName, KeyFile, Generated, Policy string

	Style      template.CSS
	Script     template.JS
	Places     []place
	Targets    []place // releases that one can want, the newest first
	Jumps      []jump
	Picture    picture
	Repository step
	LookAtKey  step
	Withdrawn  []gone
	Older      int // releases that are left out
}

// place is a release.
type place struct {
	ID, Version, Why string
	Best             bool // the newest release that a published upgrade leads to
	Ways             []way
}

// way leads from a release to a later one.
type way struct {
	ID, From, To string
	Jumps, Stops string // identifiers, with spaces between
	Said         string
	Links        []jump
}

// jump is one upgrade.
type jump struct {
	ID, From, To string
	Badge, Tone  string
	Notes        []string
	Bundle       *bundle // nil for one that is not published
}

// bundle is the RPM of a jump.
type bundle struct {
	File, Fixed             link // the same for one that is still being tried
	Size, SHA256, Published string
	Windows                 []window
	Clients                 string        // what they saw in tests, "" when nothing is known
	News                    template.HTML // what is new in the release, "" when nobody wrote it
	Writes                  string        // that none were tried in tests, "" when some were
	LeftOut                 []string      // what tests did not compare with the machine before, and why
	Companions              []link
	Steps                   []step
	Changes                 changes
}

type link struct{ Name, URL string }

// window is the time out of service in a test.
type window struct{ Platform, Time, Day, URL string }

type gone struct{ NEVRA, SHA256, Reason, Day string }

func newView(in Input) *view {
	g := newGraph(in)
	v := &view{Product: in.Product, Key: grouped(in.Key), KeyName: in.keyName(), KeyFile: relative(in.keyName()), Generated: minute(in.Generated),
		Repository: in.repositoryStep(), LookAtKey: in.keyStep(), Picture: newPicture(g), Older: g.older}
	for i, e := range g.edges {
		v.Jumps = append(v.Jumps, newJump(in, e, jumpID(i)))
	}
	best := g.best()
	for i, r := range g.places {
		p := place{ID: fmt.Sprintf("from-%d", i), Version: r.Version, Why: sentence(r.Why), Best: r.Version == best}
		for _, to := range g.places {
			if w := g.way(r.Version, to.Version); w != nil {
				p.Ways = append(p.Ways, newWay(g, w))
			}
		}
		if len(p.Ways) > 0 {
			p.Why = "" // there is a way, whatever was said
		}
		v.Places = append(v.Places, p)
	}
	v.Targets = slices.Clone(v.Places)
	slices.Reverse(v.Targets)
	for _, w := range withdrawn(in) {
		v.Withdrawn = append(v.Withdrawn, gone{w.NEVRA, w.SHA256, sentence(w.Reason), day(w.At)})
	}
	return v
}

func jumpID(i int) string { return fmt.Sprintf("jump-%d", i) }
func stopID(i int) string { return fmt.Sprintf("stop-%d", i) }

// best is the newest release that a published upgrade leads to, a stable one when there is one.
func (g *graph) best() string {
	best, stable := "", false
	for _, r := range g.places {
		for _, e := range g.edges {
			if e.to != r.Version || e.bundle == nil || stable && e.channel != repo.Stable {
				continue
			}
			best, stable = r.Version, e.channel == repo.Stable
		}
	}
	return best
}

func newWay(g *graph, edges []*edge) way {
	w := way{From: edges[0].from, To: edges[len(edges)-1].to, Said: describePath(edges)}
	w.ID = "way-" + w.From + "-" + w.To
	stops := []string{stopID(g.place(w.From))}
	var jumps []string
	for _, e := range edges {
		id := jumpID(slices.Index(g.edges, e))
		jumps = append(jumps, id)
		stops = append(stops, stopID(g.place(e.to)))
		w.Links = append(w.Links, jump{ID: id, From: e.from, To: e.to})
	}
	w.Jumps, w.Stops = strings.Join(jumps, " "), strings.Join(stops, " ")
	return w
}

// describePath describes an upgrade path in a few sentences.
func describePath(edges []*edge) string {
	var names, windows, untested []string
	var size int64
	var missing *edge
	for _, e := range edges {
		names = append(names, e.to)
		switch {
		case e.bundle == nil:
			missing = cmp.Or(missing, e)
			continue
		case len(e.details.Certificates) == 0:
			untested = append(untested, e.from+" to "+e.to)
		default:
			windows = append(windows, duration(longest(e.details.Certificates)))
		}
		size += e.bundle.Size
	}
	if missing != nil {
		return fmt.Sprintf("There is no whole way yet: the upgrade from %s to %s is not published.", missing.from, missing.to)
	}
	s := "One install: " + names[0] + "."
	if n := len(names); n > 1 {
		s = number(n) + " installs, one after the other: " + strings.Join(names[:n-1], ", ") + ", then " + names[n-1] + "."
	}
	s += " " + bytesText(size) + " to download."
	switch {
	case len(untested) == len(edges):
		return s + " Not certified: for testing only."
	case len(untested) > 0:
		return s + " Not certified, for testing only: " + strings.Join(untested, ", ") + "."
	}
	return s + " Out of service when tested: " + strings.Join(windows, ", then ") + "."
}

func newJump(in Input, e *edge, id string) jump {
	j := jump{ID: id, From: e.from, To: e.to}
	if e.bundle == nil {
		j.Badge, j.Notes = "not published", []string{"This upgrade is not published: there is nothing to download, and ways over it end here."}
		if w := e.withdrawn; w != nil {
			j.Notes = append(j.Notes, "It was withdrawn on "+day(w.At)+": "+sentence(w.Reason))
		}
		return j
	}
	b, d := e.bundle, e.details
	j.Badge, j.Tone, j.Notes = standing(e)
	if len(d.Changes.Accept) > 0 {
		j.Notes = append(j.Notes, "On some machines an administrator must accept changes before it starts. They are listed below, and its check tells which of them concern a machine.")
	}
	if len(d.Changes.Stores) > 0 {
		j.Notes = append(j.Notes, "Data of the product changes its database. It is copied while the old release serves; rehearse it first, as it needs disk space for both, and time that grows with the data.")
	}
	u := &bundle{Size: fmt.Sprintf("%s (%d bytes)", bytesText(b.Size), b.Size), SHA256: b.SHA256, Published: day(b.Published), Changes: newChanges(b.From, b.To, &d.Changes)}
	u.Fixed = link{b.File[strings.LastIndex(b.File, "/")+1:], relative(b.File)}
	u.File = link{e.fileName(), relative(e.file())}
	for _, c := range d.Certificates {
		u.Windows = append(u.Windows, window{c.Platform, duration(c.Window), day(c.At), relative(c.File)})
	}
	if d.Notes != "" {
		u.News = notes.HTML(d.Notes)
	}
	u.Clients, u.Writes, u.LeftOut = clientsText(d.Certificates), noWrites(d.Certificates), leftOut(d.Certificates)
	for _, c := range d.Companions {
		u.Companions = append(u.Companions, link{cmp.Or(companions[c.Name], c.Name), relative(c.File)})
	}
	u.Steps = in.steps(e, id)
	j.Bundle = u
	return j
}

// companions says what the files beside a bundle are; others are shown by their names.
var companions = map[string]string{
	"cdx.json": "bill of materials (CycloneDX)", "intoto.json": "provenance (in-toto)", "intoto.json.asc": "its signature", "sha256": "checksum",
}

// standing says how far a bundle may be trusted.
func standing(e *edge) (badge, tone string, notes []string) {
	d := e.details
	certified := len(d.Certificates) > 0
	switch {
	case certified && e.channel == repo.Stable:
		badge, tone = "certified", "good"
	case certified:
		badge, tone = "being tried", "care"
		notes = append(notes, "Certified, and not released yet: for testing only.")
	default:
		badge, tone = "not certified", "care"
		notes = append(notes, "Not certified: for testing only. Do not install it where it matters.")
	}
	if o := e.bundle.Override; o != nil {
		notes = append(notes, fmt.Sprintf("It was let through by %s on %s: %s", o.By, day(o.At), sentence(o.Reason)))
	}
	if n := e.newer; n != nil {
		notes = append(notes, fmt.Sprintf("Revision %d is being tried in the channel %s: %s, SHA-256 %s.", n.Revision, repo.Testing, n.NEVRA, n.SHA256))
	}
	return badge, tone, notes
}
