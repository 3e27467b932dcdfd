package matrix

import (
	"fmt"
	"slices"
	"strings"
)

func join(list []string) string { return strings.Join(list, ", ") }

// Rows are the releases as a table, the first row its head.
func (m *Matrix) Rows() [][]string {
	rows := [][]string{{"RELEASE", "STATUS", "CUSTOMERS", "WAY TO " + m.Newest}}
	for _, r := range m.Releases {
		rows = append(rows, []string{r.Version, dash(r.Status), count(r), r.way(m.Newest)})
	}
	return rows
}

func count(r Release) string {
	if !r.Installed {
		return "-"
	}
	return fmt.Sprint(r.Customers)
}

// ahead is what is said of a release that the newest leads to.
const ahead = "ahead of it"

func (r Release) way(newest string) string {
	switch {
	case r.Version == newest && r.Status == "ended":
		return "is there, and it has ended"
	case r.Version == newest:
		return "is there"
	case r.Reaches && len(r.Way) == 0:
		return ahead
	case r.Reaches:
		return join(r.Way)
	}
	if r.Customers > 0 { // the reason stands among the gaps
		return "none"
	}
	return "none: " + r.Why
}

// JumpRows are the jumps as a table, the first row its head.
func (m *Matrix) JumpRows() [][]string {
	head := []string{"JUMP", "BUNDLE", "CUSTOMERS", "BUILT", "CERTIFIED"}
	if m.Store {
		head = append(head, "PUBLISHED")
	}
	moves := slices.ContainsFunc(m.Jumps, func(j Jump) bool { return len(j.Stores) > 0 })
	if moves {
		head = append(head, "DATA MOVES")
	}
	rows := [][]string{head}
	for _, j := range m.Jumps {
		row := []string{j.Name, j.Bundle, fmt.Sprint(j.Customers), j.built(), j.certificates()}
		if m.Store {
			row = append(row, j.published())
		}
		if moves {
			row = append(row, dash(join(j.Stores)))
		}
		rows = append(rows, row)
	}
	return rows
}

func (j Jump) built() string {
	switch {
	case j.Built == nil:
		return "no"
	case j.Built.Revision != j.revision:
		return fmt.Sprintf("revision %d", j.Built.Revision)
	}
	return "yes"
}

// certificates names the platforms with and without one.
func (j Jump) certificates() string {
	have, open := j.certified(), j.uncertified()
	switch {
	case len(have) == 0:
		return "no"
	case len(open) > 0:
		return join(have) + "; not " + join(open)
	}
	return join(have)
}

func (j Jump) published() string {
	switch {
	case j.Published == nil && j.Older != nil:
		return fmt.Sprintf("revision %d in %s", j.Older.Revision, j.Older.Channel)
	case j.Published == nil:
		return "no"
	case j.Published.Override != "":
		return j.Published.Channel + ", by override"
	}
	return j.Published.Channel
}

// Summary is one line: how many customers have a way, and where a store was asked, how many can take it.
func (m *Matrix) Summary() string {
	if !m.knows() {
		return "versions/installed-base.yaml does not say which releases customers run, so nobody is counted"
	}
	text := fmt.Sprintf("%d of %d customers have a way to %s or are there", m.Covered, m.Customers, m.Newest)
	if slices.ContainsFunc(m.Releases, func(r Release) bool { return r.Customers > 0 && r.way(m.Newest) == ahead }) {
		text += " or ahead of it"
	}
	if m.Ready != nil && *m.Ready < m.Covered {
		text += fmt.Sprintf("; %d of them can go all of it now", *m.Ready)
	}
	return text
}

// knows reports whether anything says which releases customers run.
func (m *Matrix) knows() bool {
	return slices.ContainsFunc(m.Releases, func(r Release) bool { return r.Installed })
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Markdown is the matrix for documents: both tables, the summary, the gaps.
func (m *Matrix) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s.**\n", m.Summary())
	for _, rows := range [][][]string{m.Rows(), m.JumpRows()} {
		if len(rows) == 1 {
			continue
		}
		b.WriteString("\n")
		for i, row := range rows {
			cells := make([]string, len(row))
			for n, cell := range row {
				cells[n] = markdown.Replace(cell)
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
			if i == 0 {
				fmt.Fprintf(&b, "|%s\n", strings.Repeat(" --- |", len(row)))
			}
		}
	}
	if len(m.Gaps) > 0 {
		b.WriteString("\n")
	}
	for _, g := range m.Gaps {
		accepted := ""
		if g.Accepted {
			accepted = " (accepted)"
		}
		fmt.Fprintf(&b, "- %s%s\n", markdown.Replace(g.String()), accepted)
	}
	return b.String()
}

var markdown = strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "\n", " ")
