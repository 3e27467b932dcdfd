package manifest_test

import (
	"fmt"
	"maps"
	"testing"

	"onerpm/internal/manifest"
)

func TestFit(t *testing.T) {
	t.Parallel()
	good := manifest.StoreTable{Table: "t", Number: "n", Always: map[string]manifest.JSON{"tenant": j("0"), "private": j("false"), "state": j(`"open"`), "rate": j("1.5"), "day": j(`"2020-01-01"`), "none": j("null")},
		Columns: map[string]manifest.StoreColumn{"id": {Meta: "_id"}, "version": {Meta: "_version"}, "size": {From: "s", As: "integer"}, "kind": {From: "k", Only: []string{"a"}}, "body": {From: "b", As: "json", Required: true},
			"text": {From: "t", As: "json-text"}, "at": {From: "a", As: "time"}, "owner": {Row: "o", By: []string{"o"}}}}
	facts := map[string]manifest.ColumnFact{"n": {Type: "int8", NotNull: true, Unique: true}, "tenant": {Type: "int4", NotNull: true}, "private": {Type: "bool"}, "state": {Type: "states", Labels: []string{"open"}}, "rate": {Type: "numeric"},
		"day": {Type: "date"}, "none": {Type: "text"}, "id": {Type: "text", NotNull: true}, "version": {Type: "int4"}, "size": {Type: "int2"}, "kind": {Type: "kinds", Labels: []string{"a", "b"}}, "body": {Type: "bytea", NotNull: true},
		"text": {Type: "json"}, "at": {Type: "timestamptz"}, "owner": {Type: "int4"}, "made": {Type: "timestamp", NotNull: true, Default: true}, "free": {Type: "text"}}
	if found := good.Fit(facts); found != nil {
		t.Errorf("it fits: %+v", found)
	}
	for want, change := range map[string]func(map[string]manifest.ColumnFact){
		`[always tenant] column tenant: the database has no such column`:                        func(f map[string]manifest.ColumnFact) { delete(f, "tenant") },
		`[columns size] column size: the database has no such column`:                           func(f map[string]manifest.ColumnFact) { delete(f, "size") },
		`[columns size] column size: it is NOT NULL, so it is required`:                         func(f map[string]manifest.ColumnFact) { f["size"] = manifest.ColumnFact{Type: "int2", NotNull: true} },
		`[columns version as] column version: it is text, which takes no value of kind integer`: func(f map[string]manifest.ColumnFact) { f["version"] = manifest.ColumnFact{Type: "text"} },
		`[columns kind only 0] column kind: it has no value "a"`: func(f map[string]manifest.ColumnFact) {
			f["kind"] = manifest.ColumnFact{Type: "kinds", Labels: []string{"b"}}
		},
		`[columns id] column id: it has certain values, which only lists: x, y`: func(f map[string]manifest.ColumnFact) {
			f["id"] = manifest.ColumnFact{Type: "e", Labels: []string{"x", "y"}}
		},
		`[columns owner row] column owner: it is text, which holds no number of a row`:    func(f map[string]manifest.ColumnFact) { f["owner"] = manifest.ColumnFact{Type: "text"} },
		`[number] column n: the number of a row is a unique integer`:                      func(f map[string]manifest.ColumnFact) { f["n"] = manifest.ColumnFact{Type: "int8"} },
		`[table] column free: it is NOT NULL and has no value`:                            func(f map[string]manifest.ColumnFact) { f["free"] = manifest.ColumnFact{Type: "text", NotNull: true} },
		`[always tenant] column tenant: it is text, which takes no number`:                func(f map[string]manifest.ColumnFact) { f["tenant"] = manifest.ColumnFact{Type: "text"} },
		`[always rate] column rate: it is int4, which does not take the number 1.5`:       func(f map[string]manifest.ColumnFact) { f["rate"] = manifest.ColumnFact{Type: "int4"} },
		`[always private] column private: it is int4, which takes neither true nor false`: func(f map[string]manifest.ColumnFact) { f["private"] = manifest.ColumnFact{Type: "int4"} },
		`[always state] column state: it has no value "open"`: func(f map[string]manifest.ColumnFact) {
			f["state"] = manifest.ColumnFact{Type: "states", Labels: []string{"shut"}}
		},
		`[always state] column state: the text is longer than the column`: func(f map[string]manifest.ColumnFact) { f["state"] = manifest.ColumnFact{Type: "varchar", Length: 3} },
		`[always day] column day: it is bool, which takes no text`:        func(f map[string]manifest.ColumnFact) { f["day"] = manifest.ColumnFact{Type: "bool"} },
		`[always none] column none: it is NOT NULL`:                       func(f map[string]manifest.ColumnFact) { f["none"] = manifest.ColumnFact{Type: "text", NotNull: true} },
	} {
		f := maps.Clone(facts)
		change(f)
		found := good.Fit(f)
		if len(found) != 1 || fmt.Sprint(found[0].Path)+" "+found[0].What != want {
			t.Errorf("got %+v, want %s", found, want)
		}
	}
}
