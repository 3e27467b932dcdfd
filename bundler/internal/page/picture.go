package page

import (
	"fmt"
	"strings"

	"onerpm/bundler/internal/repo"
)

// picture is the releases from top to bottom, with lines for the jumps. Lengths are pixels.
type picture struct {
	Width, Height int
	Text          string // the same in words
	Edges         []line
	Stops         []stop
}

type line struct {
	ID, State, Path, Note string
	X, Y                  int
}

type stop struct {
	ID, State, Version, Note string
	X, Y                     int
	TextX, TextY, NoteY      int
}

const (
	pictureWidth = 248
	rowHeight    = 82
	top          = 22
	reach        = 10 // of a line beside the middle, per release that it passes
)

func newPicture(g *graph) picture {
	x := 14
	for _, e := range g.edges { // lines that pass a release go around it, on the left
		if n := g.place(e.to) - g.place(e.from); n > 1 {
			x = max(x, 20+min(n, 5)*reach)
		}
	}
	p := picture{Width: pictureWidth + x, Height: top*2 + 20 + max(len(g.places)-1, 0)*rowHeight}
	var told []string
	reached := map[string]bool{}
	for i, e := range g.edges {
		from, to := top+g.place(e.from)*rowHeight, top+g.place(e.to)*rowHeight
		state, note := "missing", "not published"
		if e.bundle != nil {
			state = e.channel
			badge, _, _ := standing(e)
			note = bytesText(e.bundle.Size) + ", " + badge
			reached[e.to] = reached[e.to] || e.channel == repo.Stable
		}
		l := line{ID: jumpID(i), State: state, Note: note, X: x + 24, Y: to - rowHeight/2 + 8}
		if n := (to - from) / rowHeight; n > 1 {
			l.Path = fmt.Sprintf("M%d %d C%d %d %d %d %d %d", x, from, x-min(n, 5)*reach*4/3, from+rowHeight/2, x-min(n, 5)*reach*4/3, to-rowHeight/2, x, to)
			l.Note = "" // no room: the text says it
		} else {
			l.Path = fmt.Sprintf("M%d %dV%d", x, from, to)
		}
		p.Edges = append(p.Edges, l)
		told = append(told, e.from+" to "+e.to+": "+note)
	}
	for i, r := range g.places {
		y := top + i*rowHeight
		s := stop{ID: stopID(i), Version: r.Version, X: x, Y: y, TextX: x + 24, TextY: y + 6, NoteY: y + 26}
		switch {
		case reached[r.Version]:
			s.State = "reached"
		case g.alone(r.Version):
			s.State, s.Note = "alone", "no upgrade from here"
			told = append(told, r.Version+": no upgrade from here")
		}
		p.Stops = append(p.Stops, s)
	}
	p.Text = strings.Join(told, "; ")
	return p
}

// alone reports whether no jump touches a release.
func (g *graph) alone(version string) bool {
	for _, e := range g.edges {
		if e.from == version || e.to == version {
			return false
		}
	}
	return true
}
