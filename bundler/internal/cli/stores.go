package cli

import (
	"fmt"
	"strings"

	"onerpm/bundler/internal/diff"
)

// storesText tells it to people.
func storesText(stores []diff.Moves) string {
	var b strings.Builder
	for _, s := range stores {
		fmt.Fprintf(&b, "  %s: from %s (its address is in %s) into database %s\n", s.Name, s.From, s.Address, s.To)
		rows := [][]string{}
		for _, t := range s.Tables {
			rows = append(rows, storeRow(t))
		}
		b.WriteString(table("      ", rows))
		for _, rest := range []struct {
			title string
			list  []diff.Rest
		}{{"not copied", s.Ignored}, {"tables that get nothing", s.Untouched}} {
			if len(rest.list) == 0 {
				continue
			}
			fmt.Fprintf(&b, "    %s\n", rest.title)
			rows := [][]string{}
			for _, r := range rest.list {
				rows = append(rows, []string{r.What, r.Why})
			}
			b.WriteString(table("      ", rows))
		}
	}
	return b.String()
}

func storeRow(t diff.Move) []string {
	from := diff.KindText(t.Index, t.Type)
	if t.Each != "" {
		from += ", each of " + t.Each
	}
	notes := []string{plural(t.Columns, "column")}
	if t.Edits > 0 {
		notes = append(notes, plural(t.Edits, "edit"))
	}
	if t.Skips {
		notes = append(notes, "a document may have no place")
	}
	if t.Grows {
		notes = append(notes, "of these only the newest are read in the window")
	}
	return []string{from, "> " + t.Table, strings.Join(notes, "; ")}
}
