package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

// storeMoves is what diff and inspect tell of data that changes its database.
type storeMoves struct {
	Name      string      `json:"name"`
	From      string      `json:"from"` // what holds the documents
	Address   string      `json:"address"`
	To        string      `json:"to"`     // the database
	Tables    []storeMove `json:"tables"` // in the order in which they are filled
	Ignored   []storeRest `json:"ignored"`
	Untouched []storeRest `json:"untouched"` // tables that get nothing; empty for a bundle, which does not say it
}

// storeMove is one type of documents and the table that they move into.
type storeMove struct {
	Index   string `json:"index"`
	Type    string `json:"type"`
	Each    string `json:"each,omitempty"` // the list of a document whose items are the rows
	Table   string `json:"table"`
	Columns int    `json:"columns"` // that are filled
	Edits   int    `json:"edits"`
	Grows   bool   `json:"grows"` // only the newest documents are read in the window
	Skips   bool   `json:"skips"` // a document may have no place
}

// storeRest is what is not copied, and why.
type storeRest struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// movesOf tells what moves where.
func movesOf(stores []manifest.Store) []storeMoves {
	list := []storeMoves{}
	for _, s := range stores {
		e := s.From.Elasticsearch
		m := storeMoves{Name: s.Name, From: "Elasticsearch", Address: e.File, To: s.To, Tables: []storeMove{}, Ignored: []storeRest{}, Untouched: []storeRest{}}
		for _, t := range s.Tables {
			m.Tables = append(m.Tables, moveOf(t))
		}
		for _, i := range s.Ignore {
			m.Ignored = append(m.Ignored, storeRest{kindText(i.Index, i.Type), i.Why})
		}
		for _, name := range slices.Sorted(maps.Keys(s.Untouched)) {
			m.Untouched = append(m.Untouched, storeRest{name, s.Untouched[name]})
		}
		list = append(list, m)
	}
	return list
}

func moveOf(t manifest.StoreTable) storeMove {
	m := storeMove{Index: t.Read.Index, Type: t.Read.Type, Each: t.Read.Each, Table: t.Table, Columns: len(t.Columns) + len(t.Always), Edits: len(t.Edit), Grows: t.Read.Grows != ""}
	if t.Number != "" {
		m.Columns++
	}
	for _, c := range t.Columns {
		m.Skips = m.Skips || slices.ContainsFunc([]*manifest.Instead{c.Lacking, c.Unreadable}, func(i *manifest.Instead) bool { return i != nil && i.Do == manifest.Skip })
	}
	return m
}

// kindText names documents: those of a type, or all of an index.
func kindText(index, kind string) string {
	if kind == "" {
		return index
	}
	return index + "/" + kind
}

// storesText tells it to people.
func storesText(stores []storeMoves) string {
	var b strings.Builder
	for _, s := range stores {
		fmt.Fprintf(&b, "  %s: from %s (its address is in %s) into database %s\n", s.Name, s.From, s.Address, s.To)
		rows := [][]string{}
		for _, t := range s.Tables {
			rows = append(rows, t.row())
		}
		b.WriteString(table("      ", rows))
		for _, rest := range []struct {
			title string
			list  []storeRest
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

func (t storeMove) row() []string {
	from := kindText(t.Index, t.Type)
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
