package manifest

import (
	"maps"
	"slices"
)

func (c *storeCheck) column(at []any, t StoreTable, col StoreColumn) {
	ways := 0
	for _, given := range []string{col.From, col.Meta, col.Row} {
		if given != "" {
			ways++
		}
	}
	if ways != 1 {
		c.wrong(at, "%d of from, meta and row; one of them says where the value is", ways)
	}
	if col.From != "" {
		c.path(below(at, "from"), col.From)
	}
	c.oneOf(below(at, "meta"), col.Meta, append(slices.Clone(metaNames), "")...)
	c.oneOf(below(at, "as"), col.As, append(slices.Clone(StoreKinds), "")...)
	c.oneOf(below(at, "of"), col.Of, "", "document")
	if col.Of != "" && t.Read.Each == "" {
		c.wrong(below(at, "of"), "without each everything is of the document")
	}
	if col.From == "" && col.As != "" {
		c.wrong(below(at, "as"), "only what is read from the document has a kind")
	}
	c.row(at, t, col)
	c.instead(below(at, "lacking"), col, col.Lacking)
	c.instead(below(at, "unreadable"), col, col.Unreadable)
	if col.Unreadable != nil && col.From == "" {
		c.wrong(below(at, "unreadable"), "only what is read from the document can be unreadable")
	}
	if len(col.Only)+len(col.Final) > 0 && (col.From == "" || col.As != "" && col.As != AsText) {
		c.wrong(at, "only and final are for texts")
	}
	for j, text := range col.Final {
		if len(col.Only) > 0 && !slices.Contains(col.Only, text) {
			c.wrong(below(at, "final", j), "%q is not among only", text)
		}
	}
	if len(col.Ended) > 0 && (len(col.Final) == 0 || len(col.Only) == 0 || len(t.Key) != 1) {
		c.wrong(below(at, "ended"), "a document that is declared ended has a key of one value and a state among only and final")
	}
	for _, p := range slices.Sorted(maps.Keys(col.Ended)) {
		c.path(below(at, "ended", p), p)
		c.json(below(at, "ended", p), col.Ended[p])
	}
	if len(col.Final) > 0 && t.Read.Grows != "" {
		c.wrong(below(at, "final"), "documents that are only added do not change")
	}
}

// row checks the reference to a row of another table.
func (c *storeCheck) row(at []any, t StoreTable, col StoreColumn) {
	if col.Row == "" {
		if len(col.By) > 0 {
			c.wrong(below(at, "by"), "by goes with row")
		}
		return
	}
	other, before := c.tables[col.Row]
	switch {
	case col.Row == t.Table:
		c.wrong(below(at, "row"), "a row that refers to its own table")
	case !before:
		c.wrong(below(at, "row"), "no table %s stands before", col.Row)
	case other.Read.Grows != "" || other.Number == "":
		c.wrong(below(at, "row"), "the rows of %s have no number to refer to", col.Row)
	case other.Read.Each != "":
		c.wrong(below(at, "row"), "a document has several rows in %s", col.Row)
	case len(col.By) != len(other.Key):
		c.wrong(below(at, "by"), "%d values; the key of %s has %d", len(col.By), col.Row, len(other.Key))
	}
	for j, part := range col.By {
		c.part(below(at, "by", j), part)
	}
}

func (c *storeCheck) instead(at []any, col StoreColumn, i *Instead) {
	if i == nil {
		return
	}
	ways := 0
	for _, given := range []bool{i.Do != "", i.Value != nil, i.From != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		c.wrong(at, "%d of skip, null, fail, value and from", ways)
	}
	c.oneOf(at, i.Do, "", Skip, Null, Fail)
	if i.Do == Null && col.Required {
		c.wrong(at, "the column is never NULL")
	}
	if (i.Value != nil || i.From != "") && col.From == "" {
		c.wrong(at, "only what is read from the document can have another value")
	}
	if i.From != "" {
		c.path(below(at, "from"), i.From)
	}
	if i.Value != nil && c.json(below(at, "value"), i.Value) {
		if why := insteadFits(col.As, i.Value); why != "" {
			c.wrong(below(at, "value"), "%s %s", i.Value, why)
		}
	}
}
