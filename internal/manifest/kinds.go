package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mistakes says what is wrong with a service besides its name, given the stores of its jump, with
// the keys that lead to it.
func (s Service) Mistakes(stores []Store) (list []StoreMistake) {
	if s.Source {
		at := []any{"source"}
		switch {
		case s.Door:
			list = append(list, StoreMistake{at, "a source lets no clients in: it is no door"})
		case s.Only != Old:
			list = append(list, StoreMistake{at, "a source is the old release's alone: only: old"})
		case len(stores) == 0:
			list = append(list, StoreMistake{at, "a source of what? there are no stores"})
		}
	}
	if s.Ready != nil && s.Health != nil {
		list = append(list, StoreMistake{[]any{"ready"}, "a unit that answers a health question is ready then; leave one of them out"})
	}
	if s.Ready != nil && s.Door {
		list = append(list, StoreMistake{[]any{"ready"}, "a door is ready when it lets clients in: ask it (health)"})
	}
	if len(s.Hold) > 0 && !s.Door {
		list = append(list, StoreMistake{[]any{"hold"}, "only a door has clients that can wait: door: true"})
	}
	for i, port := range s.Hold {
		if port < 1 || port > 65535 {
			list = append(list, StoreMistake{[]any{"hold", i}, fmt.Sprintf("%d is no TCP port", port)})
		} else if slices.Contains(s.Hold[:i], port) {
			list = append(list, StoreMistake{[]any{"hold", i}, fmt.Sprintf("port %d stands here twice", port)})
		}
	}
	for i, port := range s.Answer {
		if !slices.Contains(s.Hold, port) {
			list = append(list, StoreMistake{[]any{"answer", i}, fmt.Sprintf("port %d is none of those that are held: name it in hold too", port)})
		}
	}
	if s.Grace != 0 && !s.Door {
		list = append(list, StoreMistake{[]any{"grace"}, "only a door has clients whose requests need an end: door: true"})
	} else if s.Grace < 0 {
		list = append(list, StoreMistake{[]any{"grace"}, fmt.Sprintf("%s is no time", s.Grace.D())})
	}
	if s.Drain == nil || s.Drain.Store == "" {
		return list
	}
	name, at := s.Drain.Store, []any{"drain", "store"}
	i := slices.IndexFunc(stores, func(o Store) bool { return o.Name == name })
	switch {
	case s.Drain.Query != "" || s.Drain.Database != "":
		list = append(list, StoreMistake{at, "drain asks a store or a database, not both"})
	case i < 0:
		list = append(list, StoreMistake{at, fmt.Sprintf("drain asks the store %q, and there is none of that name", name)})
	case !stores[i].judges():
		list = append(list, StoreMistake{at, fmt.Sprintf("drain asks the store %q, and no column of it has final values", name)})
	}
	return list
}

// judges reports whether documents of the store can be not final.
func (s Store) judges() bool {
	for _, t := range s.Tables {
		for _, c := range t.Columns {
			if len(c.Final) > 0 {
				return true
			}
		}
	}
	return false
}

// Mistakes says what a database that only one release has cannot have, with the keys that lead to it.
func (d Database) Mistakes() (list []StoreMistake) {
	if d.Only == Old {
		list = append(list, StoreMistake{[]any{"only"}, "a database that the new release does not have is none of its business: only: new, or nothing"})
	}
	for _, about := range []struct {
		key string
		has bool
	}{{"expects", d.Expects != nil}, {"checks", d.Checks != ""}, {"backfill", len(d.Backfill) > 0}} {
		if d.Only == New && about.has {
			list = append(list, StoreMistake{[]any{about.key}, about.key + " is about the old release's database, and there is none"})
		}
	}
	return list
}

// There are the databases that the old release has.
func (m *Manifest) There() []Database {
	return slices.DeleteFunc(slices.Clone(m.Databases), func(d Database) bool { return d.Only == New })
}

// EndedBy is the edit by which the document with a key, whose work will never end, is copied as one
// that has ended with a final value. One that has ended by itself is left as it is.
func (t StoreTable) EndedBy(key, value string) (StoreEdit, error) {
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		c := t.Columns[name]
		if len(c.Final) == 0 {
			continue
		}
		if !slices.Contains(c.Final, value) {
			return StoreEdit{}, fmt.Errorf("%q is not final for %s; it would be one of %s", value, t.Table, strings.Join(c.Final, ", "))
		}
		running := slices.DeleteFunc(slices.Clone(c.Only), func(text string) bool { return slices.Contains(c.Final, text) })
		if len(running) == 0 || len(t.Key) != 1 || slices.Contains(metaNames, t.Key[0]) {
			return StoreEdit{}, fmt.Errorf("the bundle does not tell which documents of %s are under way", t.Table)
		}
		e := StoreEdit{Set: map[string]JSON{c.From: text(value)}, When: map[string]StoreCondition{
			t.Key[0]: {Is: text(key)}, c.From: {In: text(running)},
		}}
		maps.Copy(e.Set, c.Ended)
		return e, nil
	}
	return StoreEdit{}, fmt.Errorf("documents of %s have no final values", t.Table)
}

// text writes texts as JSON.
func text(v any) JSON {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts can be written
	}
	return b
}
