package manifest

import (
	"maps"
	"slices"
)

func (c *storeCheck) edit(at []any, e StoreEdit) {
	if len(e.Remove)+len(e.Set)+len(e.Put)+len(e.Append) == 0 {
		c.wrong(at, "it changes nothing: none of remove, set, put and append")
	}
	c.conditions(below(at, "when"), e.When)
	c.editRow(below(at, "row"), e.Row)
	c.changes(at, e)
}

// editRow checks the condition about a row of another table.
func (c *storeCheck) editRow(at []any, r *StoreEditRow) {
	if r == nil {
		return
	}
	other, before := c.tables[r.Table]
	switch {
	case !before:
		c.wrong(below(at, "table"), "no table %s stands before", r.Table)
	case len(r.By) != len(other.Key):
		c.wrong(below(at, "by"), "%d values; the key of %s has %d", len(r.By), r.Table, len(other.Key))
	case other.Marks[r.Marked] == nil:
		c.wrong(below(at, "marked"), "%s has no mark %q", r.Table, r.Marked)
	}
	for j, part := range r.By {
		c.part(below(at, "by", j), part)
	}
}

func (c *storeCheck) conditions(at []any, all map[string]StoreCondition) {
	for _, p := range slices.Sorted(maps.Keys(all)) {
		when := below(at, p)
		c.path(when, p)
		cond, ways := all[p], 0
		for _, v := range []JSON{cond.Has, cond.Is, cond.In} {
			if v != nil {
				ways++
				c.json(when, v)
			}
		}
		if cond.Exists != nil {
			ways++
		}
		if cond.Kind != "" {
			ways++
			c.oneOf(below(when, "kind"), cond.Kind, "object", "list", "text", "number", "boolean")
		}
		if ways != 1 {
			c.wrong(when, "%d of has, is, in, exists and kind", ways)
		}
		if cond.In != nil && cond.In[0] != '[' {
			c.wrong(below(when, "in"), "%s is no list", cond.In)
		}
	}
}

func (c *storeCheck) changes(at []any, e StoreEdit) {
	for j, p := range e.Remove {
		c.path(below(at, "remove", j), p)
	}
	for key, values := range map[string]map[string]JSON{"set": e.Set, "put": e.Put} {
		for _, p := range slices.Sorted(maps.Keys(values)) {
			c.path(below(at, key, p), p)
			c.json(below(at, key, p), values[p])
		}
	}
	for _, p := range slices.Sorted(maps.Keys(e.Append)) {
		c.path(below(at, "append", p), p)
		c.json(below(at, "append", p, "item"), e.Append[p].Item)
		for _, q := range slices.Sorted(maps.Keys(e.Append[p].Unless)) {
			c.path(below(at, "append", p, "unless", q), q)
			c.json(below(at, "append", p, "unless", q), e.Append[p].Unless[q])
		}
	}
}
