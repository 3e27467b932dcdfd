package matrix

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"onerpm/bundler/internal/repo"
)

// The picture's measures, in its own units (pixels at full size).
const (
	wide     = 760
	row      = 68  // from one release to the next
	top      = 74  // of the first release
	lane     = 36  // where the line of jumps runs
	textAt   = 64  // left edge of the texts
	barAt    = 430 // left edge of the bars
	barWide  = 240 // of the most customers
	whyWide  = 98  // characters of one line of a reason
	whyLines = 3   // of a reason, at most
	whyLine  = 17  // from one line to the next
)

const style = `
.mx{font:14px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1f2937}
.mx .bg{fill:#fff}.mx .h{font-size:16px;font-weight:600}.mx .v{font-weight:600;font-size:15px}.mx .s{fill:#64748b;font-size:12.5px}
.mx .line{stroke:#94a3b8;stroke-width:2.5;fill:none}.mx .tip{fill:#94a3b8}
.mx .dot{fill:#fff;stroke:#64748b;stroke-width:2.5}.mx .new{fill:#2563eb;stroke:#2563eb}.mx .gap{fill:#fff;stroke:#c2410c;stroke-width:2.5;stroke-dasharray:3.5 3}
.mx .bar{fill:#93c5fd}.mx .bar.left{fill:#fdba74}.mx .track{fill:#f1f5f9}.mx .warn{fill:#c2410c}.mx .ok{fill:#15803d}
@media(prefers-color-scheme:dark){
.mx{fill:#e5e7eb}.mx .bg{fill:#0f172a}.mx .s{fill:#94a3b8}.mx .line{stroke:#64748b}.mx .tip{fill:#64748b}
.mx .dot{fill:#0f172a;stroke:#94a3b8}.mx .new{fill:#60a5fa;stroke:#60a5fa}.mx .gap{fill:#0f172a;stroke:#fb923c}
.mx .bar{fill:#3b82f6}.mx .bar.left{fill:#c2410c}.mx .track{fill:#1e293b}.mx .warn{fill:#fb923c}.mx .ok{fill:#4ade80}}
`

// SVG is the picture of the graph: releases from the newest down, the jumps between
// them, the customers of each as a bar. It needs nothing from elsewhere, follows the
// reader's light or dark scheme, and may stand alone or inside a page. Equal matrices
// give equal bytes.
func (m *Matrix) SVG() string {
	p := picture{m: m, most: 1}
	for _, r := range m.Releases {
		p.most = max(p.most, r.Customers)
	}
	y := top
	for _, r := range m.upward() {
		y += p.release(r, y)
	}
	high := y - 14
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="mx" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="mx-t mx-d">`+"\n", wide, high, wide, high)
	fmt.Fprintf(&b, "<title id=\"mx-t\">%s</title>\n<desc id=\"mx-d\">%s</desc>\n<style>%s</style>\n", escape(m.title()), escape(m.described()), style)
	fmt.Fprintf(&b, `<rect class="bg" width="%d" height="%d" rx="10"/>`+"\n", wide, high)
	fmt.Fprintf(&b, `<text class="h" x="24" y="34">%s</text>`+"\n", escape(m.title()))
	fmt.Fprintf(&b, `<text class="s" x="%d" y="%d" text-anchor="end">customers</text>`+"\n", wide-24, top-20)
	b.WriteString(p.lines.String() + p.marks.String())
	b.WriteString("</svg>\n")
	return b.String()
}

func (m *Matrix) title() string { return m.Product + ": " + m.Summary() }

// described is the picture in words, for those who cannot see it.
func (m *Matrix) described() string {
	var parts []string
	for _, r := range m.Releases {
		parts = append(parts, fmt.Sprintf("%s, %s customers: %s", r.Version, count(r), r.way(m.Newest)))
	}
	return strings.Join(parts, ". ") + "."
}

// upward is the releases as they stand in the picture: the newest at the top, those
// without a file at the bottom.
func (m *Matrix) upward() []Release {
	out := slices.Clone(m.Releases)
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b Release) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

func rank(r Release) int {
	if r.Reaches {
		return 0
	}
	return 1
}

type picture struct {
	m     *Matrix
	most  int // customers of one release
	lines strings.Builder
	marks strings.Builder
	lastY int    // of the release above
	last  string // its version
}

// release draws one release at a height and returns the room it took.
func (p *picture) release(r Release, y int) int {
	p.jump(r, y)
	p.lastY, p.last = y, r.Version
	class := "dot"
	switch {
	case r.Version == p.m.Newest:
		class = "dot new"
	case !r.Reaches:
		class = "gap"
	}
	fmt.Fprintf(&p.marks, `<circle class="%s" cx="%d" cy="%d" r="8"/>`+"\n", class, lane, y)
	note := r.Status
	if note == "" {
		note = "no file in versions/"
	}
	if r.Version == p.m.Newest {
		what := "the newest"
		if p.m.asked {
			what = "what counts here"
		}
		if note = what; r.Status != "supported" {
			note = r.Status + ", " + what
		}
	}
	fmt.Fprintf(&p.marks, `<text x="%d" y="%d"><tspan class="v">%s</tspan><tspan class="s" dx="10">%s</tspan></text>`+"\n", textAt, y+5, escape(r.Version), escape(note))
	p.bar(r, y)
	if r.Reaches {
		return row
	}
	return p.reason(r, y)
}

// bar draws the customers of a release.
func (p *picture) bar(r Release, y int) {
	if !r.Installed {
		what := "no customer"
		if !p.m.knows() {
			what = "not known"
		}
		fmt.Fprintf(&p.marks, `<text class="s" x="%d" y="%d">%s</text>`+"\n", barAt, y+5, what)
		return
	}
	long := 0
	if r.Customers > 0 {
		long = max(4, r.Customers*barWide/p.most)
	}
	class := "bar"
	if !r.Reaches {
		class = "bar left"
	}
	fmt.Fprintf(&p.marks, `<rect class="track" x="%d" y="%d" width="%d" height="14" rx="4"/><rect class="%s" x="%d" y="%d" width="%d" height="14" rx="4"/>`+"\n",
		barAt, y-7, barWide, class, barAt, y-7, long)
	fmt.Fprintf(&p.marks, `<text class="v" x="%d" y="%d" text-anchor="end">%d</text>`+"\n", wide-24, y+5, r.Customers)
}

// reason writes why a release has no way below it.
func (p *picture) reason(r Release, y int) int {
	lines := wrap("No way: "+r.Why, whyWide, whyLines)
	for i, line := range lines {
		fmt.Fprintf(&p.marks, `<text class="s warn" x="%d" y="%d">%s</text>`+"\n", textAt, y+26+i*whyLine, escape(line))
	}
	return row + (len(lines)-1)*whyLine
}

// jump draws the jump from a release to the one above it, when there is one.
func (p *picture) jump(r Release, y int) {
	i := slices.IndexFunc(p.m.Jumps, func(j Jump) bool { return j.From == r.Version && j.To == p.last })
	if i < 0 {
		return
	}
	j := p.m.Jumps[i]
	fmt.Fprintf(&p.lines, `<path class="line" d="M%d %dV%d"/><path class="tip" d="M%d %dl-6 11h12z"/>`+"\n", lane, y-9, p.lastY+19, lane, p.lastY+11)
	class, state := j.state()
	if !p.m.looked() {
		state = ""
	}
	bundle := j.Bundle
	if len(j.Stores) > 0 {
		bundle += ", data moves"
	}
	fmt.Fprintf(&p.marks, `<text class="s" x="%d" y="%d">%s <tspan class="%s" dx="6">%s</tspan></text>`+"\n",
		textAt, (y+p.lastY)/2+5, escape(bundle), class, escape(state))
}

// looked reports whether anything is known of bundles: where none was built and no store
// asked, "not built" would say nothing.
func (m *Matrix) looked() bool {
	return m.Store || slices.ContainsFunc(m.Jumps, func(j Jump) bool { return j.Built != nil })
}

// state is how far a jump is, in a few words, and the class that paints them.
func (j Jump) state() (class, text string) {
	if j.Published != nil && j.blocker() == "" {
		return "ok", "published"
	}
	switch {
	case j.Published != nil && j.Published.Channel == repo.Stable:
		return "warn", "published, not certified"
	case j.Published != nil:
		return "warn", "in " + j.Published.Channel
	case j.Built != nil && j.Built.Revision == j.revision && len(j.certified()) > 0 && len(j.uncertified()) == 0:
		return "ok", "certified"
	case j.Built != nil && j.Built.Revision == j.revision:
		return "s", "built"
	case j.Older != nil:
		return "warn", fmt.Sprintf("revision %d in %s", j.Older.Revision, j.Older.Channel)
	case j.Built != nil:
		return "s", fmt.Sprintf("revision %d built", j.Built.Revision)
	}
	return "s", "not built"
}

// wrap cuts a text into lines at its spaces; what does not fit ends in an ellipsis.
func wrap(text string, width, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	lines = append(lines, line)
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] += " ..."
	}
	return lines
}

func escape(s string) string { return html.EscapeString(s) }
