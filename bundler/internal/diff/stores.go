package diff

import (
	"maps"
	"slices"

	"onerpm/internal/manifest"
)

// Moves is what is to be told of data that changes its database.
type Moves struct {
	Name      string `json:"name"`
	From      string `json:"from"` // what holds the documents
	Address   string `json:"address"`
	To        string `json:"to"`     // the database
	Tables    []Move `json:"tables"` // in the order in which they are filled
	Ignored   []Rest `json:"ignored"`
	Untouched []Rest `json:"untouched"` // tables that get nothing; empty for a bundle, which does not say it
}

// Move is one type of documents and the table that they move into.
type Move struct {
	Index   string `json:"index"`
	Type    string `json:"type"`
	Each    string `json:"each,omitempty"` // the list of a document whose items are the rows
	Table   string `json:"table"`
	Columns int    `json:"columns"` // that are filled
	Edits   int    `json:"edits"`
	Grows   bool   `json:"grows"` // only the newest documents are read in the window
	Skips   bool   `json:"skips"` // a document may have no place
}

// Rest is what is not copied, and why.
type Rest struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// MovesOf tells what moves where.
func MovesOf(stores []manifest.Store) []Moves {
	list := []Moves{}
	for _, s := range stores {
		e := s.From.Elasticsearch
		m := Moves{Name: s.Name, From: "Elasticsearch", Address: e.File, To: s.To, Tables: []Move{}, Ignored: []Rest{}, Untouched: []Rest{}}
		for _, t := range s.Tables {
			m.Tables = append(m.Tables, moveOf(t))
		}
		for _, i := range s.Ignore {
			m.Ignored = append(m.Ignored, Rest{KindText(i.Index, i.Type), i.Why})
		}
		for _, name := range slices.Sorted(maps.Keys(s.Untouched)) {
			m.Untouched = append(m.Untouched, Rest{name, s.Untouched[name]})
		}
		list = append(list, m)
	}
	return list
}

func moveOf(t manifest.StoreTable) Move {
	m := Move{Index: t.Read.Index, Type: t.Read.Type, Each: t.Read.Each, Table: t.Table, Columns: len(t.Columns) + len(t.Always), Edits: len(t.Edit), Grows: t.Read.Grows != ""}
	if t.Number != "" {
		m.Columns++
	}
	for _, c := range t.Columns {
		m.Skips = m.Skips || slices.ContainsFunc([]*manifest.Instead{c.Lacking, c.Unreadable}, func(i *manifest.Instead) bool { return i != nil && i.Do == manifest.Skip })
	}
	return m
}

// KindText names documents: those of a type, or all of an index.
func KindText(index, kind string) string {
	if kind == "" {
		return index
	}
	return index + "/" + kind
}
