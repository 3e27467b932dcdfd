package fleet

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed assets/page.html
var pageText string

//go:embed assets/style.css
var style string

// maxRows is how many machines a page lists; it counts all of them.
const maxRows = 2000

// view is what the page shows. Whatever text of it comes from machines is a plain string.
type view struct {
	*Fleet
	Style  template.CSS
	Policy string
	Total  int
	Tiles  []tile
	Rows   []row
	More   int // machines that are left out
}

type tile struct {
	Count int
	Label string
	Tone  string
}

type row struct {
	Machine
	Label, Tone, WindowText, Day string
	Bar                          int // of the window, in percent of the longest
}

var labels = map[State][2]string{ // for people, and how it looks
	NeedsAPerson: {"needs a person", "bad"}, RolledBack: {"rolled back", "bad"}, Refused: {"refused", "care"},
	UnderWay: {"under way", ""}, Ready: {"not upgraded yet", ""}, Upgraded: {"upgraded", "good"},
}

// Label is the state for people.
func (s State) Label() string { return labels[s][0] }

// Render writes a page of HTML that asks the network for nothing and runs nothing.
func (f *Fleet) Render(w io.Writer) error {
	sum := sha256.Sum256([]byte(style))
	v := view{Fleet: f, Style: template.CSS(style), Total: len(f.Machines), //nolint:gosec // a file of this package
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'"}
	for _, s := range order {
		if n := f.Counts[s]; n > 0 {
			v.Tiles = append(v.Tiles, tile{n, s.Label(), labels[s][1]})
		}
	}
	longest := time.Duration(1)
	for _, m := range f.Machines {
		longest = max(longest, m.Window)
	}
	for i, m := range f.Machines {
		if i == maxRows {
			v.More = len(f.Machines) - maxRows
			break
		}
		r := row{Machine: m, Label: m.State.Label(), Tone: labels[m.State][1], WindowText: Seconds(m.Seconds), Bar: int(100 * m.Window / longest)}
		if !m.Ended.IsZero() {
			r.Day = m.Ended.UTC().Format("2006-01-02 15:04")
		}
		v.Rows = append(v.Rows, r)
	}
	t, err := template.New("page").Funcs(template.FuncMap{"seconds": Seconds, "label": State.Label, "names": names}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	var page bytes.Buffer // whole before the first byte is written: never half a page
	if err := t.Execute(&page, v); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// Seconds writes a time out of service for people; "" when it is not known.
func Seconds(s float64) string {
	if s <= 0 {
		return ""
	}
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", s)
	}
	return d.Round(time.Second).String()
}

// maxNames are told of the machines of a cause.
const maxNames = 20

// names lists machines, the first of them when there are many.
func names(all []string) string {
	if len(all) <= maxNames {
		return strings.Join(all, ", ")
	}
	return strings.Join(all[:maxNames], ", ") + fmt.Sprintf(" and %d more", len(all)-maxNames)
}

// Table is the fleet in rows of cells, for a terminal; the first row has the titles.
func (f *Fleet) Table() [][]string {
	rows := [][]string{{"MACHINE", "FROM", "TO", "STATE", "WINDOW", "CAUSE"}}
	for _, m := range f.Machines {
		state := m.State.Label()
		if m.Agents {
			state += ", agents pending"
		}
		rows = append(rows, []string{m.Name, m.From, m.To, state, Seconds(m.Seconds), m.Cause})
	}
	return rows
}

// Summary is one line: how many are where.
func (f *Fleet) Summary() string {
	var parts []string
	for _, s := range order {
		if n := f.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.Label()))
		}
	}
	text := fmt.Sprintf("%d machines: %s", len(f.Machines), strings.Join(parts, ", "))
	if len(f.Machines) == 1 {
		text = "1 machine: " + parts[0]
	}
	switch w := f.Windows; {
	case w == nil:
	case w.Machines == 1:
		text += "; out of service for " + Seconds(w.Most)
	default:
		text += fmt.Sprintf("; out of service %s to %s, half of them at most %s", Seconds(w.Least), Seconds(w.Most), Seconds(w.Median))
	}
	return text
}
