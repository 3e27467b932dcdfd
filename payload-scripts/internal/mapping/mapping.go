// Package mapping turns documents into rows, as the tables of a store in the manifest say.
// It asks nobody and writes nothing.
//
// It promises that nothing is dropped silently: of each document, and of each item of its
// list, the caller is told a row, or the reason why there is none, or what does not fit. No
// value of a document is in what it says.
package mapping

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/timeform"
)

// Table makes the rows of one table. It is not safe for concurrent use.
type Table struct {
	Spec    manifest.StoreTable
	Columns []string // of a row's cells

	edits    []edit
	marks    [][]condition // by their names
	columns  []*column
	order    []int // of the columns: references first, as a document without a place needs not fit
	always   []Cell
	key      []part
	each     []string
	document *document.Finder // for values of the whole document
	item     *document.Finder // for values of an item of each
	grows    int              // place of the time of writing, -1 when documents do not grow

	found, foundItem [][]byte // what the finders fill
	row              Row
}

// Row is a row of the table. It is good until the next document.
type Row struct {
	Key   []byte // names the row among the table's
	Marks uint8  // of those of the table, by their names' order, which ones it has
	Cells []Cell // in the order of Columns
}

// Cell is the value of a column, in the text form in which PostgreSQL reads it.
type Cell struct {
	Null  bool
	Bytes bool // Text is the bytes of a bytea
	Text  []byte
}

// Skip is a reason why a document, or an item, has no row.
type Skip struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Why    string `json:"why"`
}

// Reasons of a Skip.
const (
	NoValue    = "no value"
	NoRow      = "no such row"
	Unreadable = "unreadable value"
)

// Misfit is a value that the table cannot take.
type Misfit struct {
	Table, Column   string
	Index, Type, ID string // of the document
	Why             string
}

// Error names the document, never its content.
func (m Misfit) Error() string {
	where := "table " + m.Table
	if m.Column != "" {
		where += ", column " + m.Column
	}
	return fmt.Sprintf("document %s/%s/%q does not fit %s: %s", m.Index, m.Type, m.ID, where, m.Why)
}

// Sink takes what becomes of documents. Every function must be there.
type Sink struct {
	Lookup   func(table string, key []byte) (number int64, ok bool) // of rows that others refer to
	Marked   func(table string, key []byte, mark string) bool       // likewise; false without such a row
	Row      func(*Row) error
	Skip     func(Skip)
	Unknown  func(table string, key []byte) // a row was looked up and is not there
	Replaced func(column string, characters int)
	Misfit   func(Misfit) error // an error ends the work
}

// Options are what a mapping needs of the host.
type Options struct {
	Values map[string]manifest.JSON // of the host, by their names
}

// part is one value of a key.
type part struct {
	meta  string // "" for a value at a path
	item  bool   // it is found in the item of each
	place int
}

// New prepares the table of a store that was checked.
func New(spec manifest.StoreTable, o Options) (*Table, error) {
	t := &Table{Spec: spec, document: document.NewFinder(), grows: -1}
	t.item = t.document
	if spec.Read.Each != "" {
		t.item = document.NewFinder()
	}
	var err error
	if err = t.prepareEdits(spec.Edit, o.Values); err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Table, err)
	}
	if spec.Read.Each != "" {
		if t.each, err = manifest.SplitPath(spec.Read.Each); err != nil {
			return nil, err
		}
	}
	if spec.Read.Grows != "" {
		if t.grows, err = place(t.document, spec.Read.Grows); err != nil {
			return nil, err
		}
	}
	if t.key, err = t.parts(spec.Key, false); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Columns)) {
		c, err := t.column(name, spec.Columns[name])
		if err != nil {
			return nil, fmt.Errorf("table %s, column %s: %w", spec.Table, name, err)
		}
		t.columns, t.Columns = append(t.columns, c), append(t.Columns, name)
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Always)) {
		t.always, t.Columns = append(t.always, literal(spec.Always[name])), append(t.Columns, name)
	}
	for _, references := range []bool{true, false} {
		for i, c := range t.columns {
			if (c.spec.Row != "") == references {
				t.order = append(t.order, i)
			}
		}
	}
	t.row.Cells = make([]Cell, len(t.Columns))
	return t, nil
}

func place(f *document.Finder, path string) (int, error) {
	keys, err := manifest.SplitPath(path)
	if err != nil {
		return 0, err
	}
	return f.Add(keys), nil
}

// parts prepares the values of a key, of an item or of the whole document.
func (t *Table) parts(names []string, item bool) ([]part, error) {
	var parts []part
	for _, name := range names {
		switch name {
		case "_id", "_index", "_type", "_version":
			parts = append(parts, part{meta: name})
			continue
		}
		f := t.document
		if item {
			f = t.item
		}
		at, err := place(f, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{place: at, item: item && t.item != t.document})
	}
	return parts, nil
}

// literal is the cell of a scalar.
func literal(v manifest.JSON) Cell {
	switch document.KindOf(v) {
	case document.Null:
		return Cell{Null: true}
	case document.String:
		text, _ := document.Text(v)
		return Cell{Text: text}
	}
	return Cell{Text: v}
}

// WrittenAt is the time of writing of the document that Rows was given last, also while it is
// at work; false when it says none.
func (t *Table) WrittenAt() (time.Time, bool) {
	if t.grows < 0 {
		return time.Time{}, false
	}
	raw := t.found[t.grows]
	if document.KindOf(raw) != document.String {
		return time.Time{}, false
	}
	return timeform.Read(document.Unquote(nil, raw), true)
}

// Rows tells what becomes of a document.
func (t *Table) Rows(d *document.Document, to *Sink) error {
	source := document.Trim(d.Source)
	if document.KindOf(source) != document.Object {
		return to.Misfit(t.misfit(d, "", "its source is no object"))
	}
	source, err := t.edited(source, d, to)
	if err != nil {
		return to.Misfit(t.misfit(d, "", err.Error()))
	}
	t.found = t.document.Find(source, t.found)
	t.row.Marks = 0
	for i, conditions := range t.marks {
		if allHold(conditions, source) {
			t.row.Marks |= 1 << i
		}
	}
	if t.each == nil {
		t.foundItem = t.found
		return t.makeRow(d, -1, to)
	}
	list := document.Get(source, t.each)
	switch document.KindOf(list) {
	case document.Missing, document.Null:
		return nil
	case document.List:
	default:
		return to.Misfit(t.misfit(d, "", fmt.Sprintf("its %s is no list", t.Spec.Read.Each)))
	}
	n := 0
	document.Items(list, func(item []byte) bool {
		t.foundItem = t.item.Find(item, t.foundItem)
		err = t.makeRow(d, n, to)
		n++
		return err == nil
	})
	return err
}

// makeRow makes the row of a document, or of the n-th item of its list.
func (t *Table) makeRow(d *document.Document, n int, to *Sink) error {
	key, ok := t.keyOf(t.row.Key[:0], t.key, d)
	if !ok {
		return to.Misfit(t.misfit(d, "", "it has no value for its key"))
	}
	if n >= 0 {
		key = binary.AppendUvarint(key, uint64(n))
	}
	t.row.Key = key
	for _, i := range t.order {
		c := t.columns[i]
		cell, what, why := c.cell(t, d, to)
		switch what {
		case manifest.Skip:
			to.Skip(Skip{t.Spec.Table, c.name, why})
			return nil
		case manifest.Fail:
			return to.Misfit(t.misfit(d, c.name, why))
		}
		t.row.Cells[i] = cell
	}
	copy(t.row.Cells[len(t.columns):], t.always)
	return to.Row(&t.row)
}

func (t *Table) misfit(d *document.Document, column, why string) Misfit {
	return Misfit{t.Spec.Table, column, d.Index, d.Type, d.ID, why}
}

// keyOf appends the values of a key, so that different ones never look the same; false when
// one is missing.
func (t *Table) keyOf(key []byte, parts []part, d *document.Document) ([]byte, bool) {
	for _, p := range parts {
		var value []byte
		switch {
		case p.meta != "":
			value = meta(p.meta, d)
		default:
			raw := t.value(p.item, p.place)
			switch document.KindOf(raw) {
			case document.String:
				value, _ = document.Text(raw)
			case document.Number, document.Bool:
				value = raw
			default:
				return key, false
			}
		}
		key = append(binary.AppendUvarint(key, uint64(len(value))), value...)
	}
	return key, true
}

// value is what was found at a place.
func (t *Table) value(item bool, place int) []byte {
	if item {
		return t.foundItem[place]
	}
	return t.found[place]
}

func meta(name string, d *document.Document) []byte {
	switch name {
	case "_id":
		return []byte(d.ID)
	case "_index":
		return []byte(d.Index)
	case "_type":
		return []byte(d.Type)
	}
	return strconv.AppendInt(nil, d.Version, 10)
}

// SameKey is the misfit of a document whose key another one has too.
func SameKey(table string, d *document.Document) Misfit {
	return Misfit{Table: table, Index: d.Index, Type: d.Type, ID: d.ID, Why: "another document has the same key"}
}
