package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
)

// edit is a change of documents with its paths taken apart.
type edit struct {
	when   []condition
	row    *manifest.StoreEditRow
	by     []part
	remove [][]string
	set    []change
	put    []change
	append []change
}

type condition struct {
	path []string
	is   manifest.StoreCondition
}

// change is a value for a path; unless is what an item that is there has already.
type change struct {
	path   []string
	value  []byte
	unless []condition
}

// prepareEdits prepares the edits and marks, with the host's values put in.
func (t *Table) prepareEdits(list []manifest.StoreEdit, values map[string]manifest.JSON) error {
	p := preparer{values: values}
	for _, name := range slices.Sorted(maps.Keys(t.Spec.Marks)) {
		t.marks = append(t.marks, p.conditions(t.Spec.Marks[name]))
	}
	for _, spec := range list {
		e := edit{when: p.conditions(spec.When), row: spec.Row}
		if e.row != nil {
			by, err := t.parts(e.row.By, false)
			if err != nil {
				return err
			}
			e.by = by
		}
		for _, path := range spec.Remove {
			e.remove = append(e.remove, p.path(path))
		}
		for _, path := range slices.Sorted(maps.Keys(spec.Set)) {
			e.set = append(e.set, change{path: p.path(path), value: p.value(spec.Set[path])})
		}
		for _, path := range slices.Sorted(maps.Keys(spec.Put)) {
			e.put = append(e.put, change{path: p.path(path), value: p.value(spec.Put[path])})
		}
		for _, path := range slices.Sorted(maps.Keys(spec.Append)) {
			c := change{path: p.path(path), value: p.value(spec.Append[path].Item)}
			unless := spec.Append[path].Unless
			for _, q := range slices.Sorted(maps.Keys(unless)) {
				c.unless = append(c.unless, condition{p.path(q), manifest.StoreCondition{Is: p.value(unless[q])}})
			}
			e.append = append(e.append, c)
		}
		t.edits = append(t.edits, e)
	}
	return p.err
}

// edited is the document after the edits.
func (t *Table) edited(source []byte, d *document.Document, to *Sink) ([]byte, error) {
	for i := range t.edits {
		e := &t.edits[i]
		if !allHold(e.when, source) {
			continue
		}
		if e.row != nil {
			t.found = t.document.Find(source, t.found)
			if key, named := t.keyOf(nil, e.by, d); !named || !to.Marked(e.row.Table, key, e.row.Marked) {
				continue
			}
		}
		changed, err := e.apply(source)
		if err != nil {
			return nil, err
		}
		source = changed
	}
	return source, nil
}

// allHold reports whether all conditions hold for a document.
func allHold(all []condition, source []byte) bool {
	for i := range all {
		if !all[i].holds(document.Get(source, all[i].path)) {
			return false
		}
	}
	return true
}

// preparer keeps the first error.
type preparer struct {
	values map[string]manifest.JSON
	err    error
}

func (p *preparer) path(s string) []string {
	keys, err := manifest.SplitPath(s)
	if err != nil && p.err == nil {
		p.err = err
	}
	return keys
}

func (p *preparer) conditions(all map[string]manifest.StoreCondition) (list []condition) {
	for _, path := range slices.Sorted(maps.Keys(all)) {
		list = append(list, condition{p.path(path), p.condition(all[path])})
	}
	return list
}

func (p *preparer) condition(c manifest.StoreCondition) manifest.StoreCondition {
	for _, v := range []*manifest.JSON{&c.Has, &c.Is, &c.In} {
		if *v != nil {
			*v = p.value(*v)
		}
	}
	return c
}

var (
	wholeValue = regexp.MustCompile(`"<<([^<>"]*)>>"(\s*:)?`)
	inValue    = regexp.MustCompile(`<<([^<>"]*)>>`)
)

// value puts the host's values into a JSON value: "<<name>>" becomes the value itself, the
// same within a longer text its text.
func (p *preparer) value(v manifest.JSON) manifest.JSON {
	look := func(name []byte) manifest.JSON {
		value, known := p.values[string(name)]
		if !known && p.err == nil {
			p.err = fmt.Errorf("there is no value %q of the host", name)
		}
		return value
	}
	v = wholeValue.ReplaceAllFunc(v, func(found []byte) []byte {
		if bytes.HasSuffix(found, []byte(":")) {
			return found // a key
		}
		return look(wholeValue.FindSubmatch(found)[1])
	})
	v = inValue.ReplaceAllFunc(v, func(found []byte) []byte {
		value := look(inValue.FindSubmatch(found)[1])
		return bytes.Trim(value, `"`)
	})
	if !json.Valid(v) && p.err == nil {
		p.err = fmt.Errorf("with the host's values it is no JSON")
	}
	return v
}

// apply returns the changed document.
func (e *edit) apply(raw []byte) ([]byte, error) {
	var err error
	for _, path := range e.remove {
		raw = document.Remove(raw, path)
	}
	for _, c := range e.set {
		if raw, err = document.Set(raw, c.path, c.value); err != nil {
			return nil, err
		}
	}
	for _, c := range e.put {
		if document.Get(raw, c.path) != nil {
			continue
		}
		if raw, err = document.Set(raw, c.path, c.value); err != nil {
			return nil, err
		}
	}
	for _, c := range e.append {
		list := document.Get(raw, c.path)
		if c.present(list) {
			continue
		}
		if list, err = document.Append(list, c.value); err != nil {
			return nil, err
		}
		if raw, err = document.Set(raw, c.path, list); err != nil {
			return nil, err
		}
	}
	return raw, nil
}

// present reports whether an item of the list already has what c would add: all of its unless.
func (c *change) present(list []byte) (found bool) {
	if len(c.unless) == 0 {
		return false
	}
	document.Items(list, func(item []byte) bool {
		found = true
		for _, u := range c.unless {
			found = found && u.holds(document.Get(item, u.path))
		}
		return !found
	})
	return found
}

// holds reports whether a condition holds for a value, which may be missing.
func (c *condition) holds(value []byte) bool {
	kind := document.KindOf(value)
	switch {
	case c.is.Exists != nil:
		return *c.is.Exists == (kind > document.Null)
	case c.is.Kind != "":
		return kinds[c.is.Kind] == kind
	case c.is.Is != nil:
		return kind != document.Missing && document.Equal(value, c.is.Is)
	case c.is.Has != nil:
		return has(value, c.is.Has)
	}
	return kind != document.Missing && has(c.is.In, value)
}

var kinds = map[string]document.Kind{"object": document.Object, "list": document.List, "text": document.String, "number": document.Number, "boolean": document.Bool}

func has(list, item []byte) (found bool) {
	document.Items(list, func(i []byte) bool {
		found = document.Equal(i, item)
		return !found
	})
	return found
}
