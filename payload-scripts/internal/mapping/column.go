package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
)

// column makes the cells of one column.
type column struct {
	name  string
	spec  manifest.StoreColumn
	kind  kind
	item  bool // its value is in the item of each
	place int
	by    []part

	lacking, unreadable instead
	key                 []byte // of the row that was looked up last
}

// instead is what happens without a value.
type instead struct {
	do    string // skip, null, fail, or "" for a value
	cell  Cell
	place int // of another value; -1 for cell
}

func (t *Table) column(name string, spec manifest.StoreColumn) (*column, error) {
	c := &column{name: name, spec: spec, item: spec.Of == "" && t.item != t.document, kind: kind{as: spec.As, bits: spec.Bits, length: spec.Length}}
	if c.kind.as == "" {
		c.kind.as = manifest.AsText
	}
	var err error
	switch {
	case spec.From != "":
		f := t.document
		if c.item {
			f = t.item
		}
		if c.place, err = place(f, spec.From); err != nil {
			return nil, err
		}
	case spec.Row != "":
		if c.by, err = t.parts(spec.By, spec.Of == ""); err != nil {
			return nil, err
		}
	}
	usual := manifest.Null
	if spec.Required {
		usual = manifest.Fail
	}
	if spec.Row != "" && spec.Lacking == nil {
		usual = manifest.Fail
	}
	if c.lacking, err = c.prepare(t, spec.Lacking, usual); err != nil {
		return nil, err
	}
	c.unreadable, err = c.prepare(t, spec.Unreadable, manifest.Fail)
	return c, err
}

func (c *column) prepare(t *Table, spec *manifest.Instead, usual string) (instead, error) {
	i := instead{do: usual, place: -1}
	switch {
	case spec == nil:
	case spec.From != "":
		f := t.document
		if c.item {
			f = t.item
		}
		at, err := place(f, spec.From)
		return instead{place: at}, err
	case spec.Value != nil:
		cell, _, err := c.kind.convert(spec.Value)
		if err != nil {
			return i, fmt.Errorf("the value that is taken instead does not fit: %w", err)
		}
		i.do, i.cell = "", cell
	default:
		i.do = spec.Do
	}
	return i, nil
}

// cell makes the cell for a document; what is manifest.Skip or manifest.Fail when there is
// none, for the reason why.
func (c *column) cell(t *Table, d *document.Document, to *Sink) (cell Cell, what, why string) {
	switch {
	case c.spec.Meta == "_version":
		return Cell{Text: meta(c.spec.Meta, d)}, "", ""
	case c.spec.Meta != "":
		return Cell{Text: bytes.ReplaceAll(bytes.ToValidUTF8(meta(c.spec.Meta, d), []byte("\uFFFD")), []byte{0}, []byte("\uFFFD"))}, "", ""
	case c.spec.Row != "":
		return c.reference(t, d, to)
	}
	raw := t.value(c.item, c.place)
	switch kind := document.KindOf(raw); {
	case kind == document.Missing, kind == document.Null && c.spec.Required && c.kind.as != manifest.AsPickle && c.kind.as != manifest.AsJSON && c.kind.as != manifest.AsJSONText:
		return c.other(t, c.lacking, NoValue, to)
	case kind == document.Null && !c.spec.Required:
		return Cell{Null: true}, "", ""
	}
	cell, err := c.convert(raw, to)
	if err != nil {
		if c.unreadable.do == manifest.Fail {
			return cell, manifest.Fail, err.Error()
		}
		return c.other(t, c.unreadable, Unreadable, to)
	}
	return cell, "", ""
}

// convert reads a value, and says what was replaced in it.
func (c *column) convert(raw []byte, to *Sink) (Cell, error) {
	cell, replaced, err := c.kind.convert(raw)
	if err == nil && len(c.spec.Only) > 0 && !slices.Contains(c.spec.Only, string(cell.Text)) {
		err = errors.New("a text that the column does not have")
	}
	if err == nil && replaced > 0 {
		to.Replaced(c.name, replaced)
	}
	return cell, err
}

// other does what is done without a value.
func (c *column) other(t *Table, i instead, why string, to *Sink) (Cell, string, string) {
	switch {
	case i.do == manifest.Null:
		return Cell{Null: true}, "", ""
	case i.do != "":
		return Cell{}, i.do, why
	case i.place < 0:
		return i.cell, "", ""
	}
	raw := t.value(c.item, i.place)
	switch kind := document.KindOf(raw); {
	case kind == document.Missing || kind == document.Null && c.spec.Required:
		return Cell{}, manifest.Fail, why + ", and none where it is taken from instead"
	case kind == document.Null:
		return Cell{Null: true}, "", ""
	}
	cell, err := c.convert(raw, to)
	if err != nil {
		return cell, manifest.Fail, why + ", and what is taken instead is " + err.Error()
	}
	return cell, "", ""
}

// reference looks the row of another table up. A document that names none refers to none.
func (c *column) reference(t *Table, d *document.Document, to *Sink) (Cell, string, string) {
	key, named := t.keyOf(c.key[:0], c.by, d)
	c.key = key
	if !named {
		if !c.spec.Required {
			return Cell{Null: true}, "", ""
		}
		return c.other(t, c.lacking, NoValue, to)
	}
	number, known := to.Lookup(c.spec.Row, key)
	if !known {
		to.Unknown(c.spec.Row, key)
		return c.other(t, c.lacking, NoRow, to)
	}
	return Cell{Text: strconv.AppendInt(nil, number, 10)}, "", ""
}

// Unfinished returns the first column that has a text in a row which may not be there in
// the window; "" when there is none.
func (t *Table) Unfinished(r *Row) string {
	for i, c := range t.columns {
		if len(c.spec.Final) > 0 && !r.Cells[i].Null && !slices.Contains(c.spec.Final, string(r.Cells[i].Text)) {
			return c.name
		}
	}
	return ""
}
