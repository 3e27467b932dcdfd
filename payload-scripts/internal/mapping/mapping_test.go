package mapping

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
)

// j is a JSON value.
func j(s string) manifest.JSON { return manifest.JSON(s) }

// seen is what became of documents, in words.
type seen struct {
	rows, others []string
	strict       bool
}

func (s *seen) sink(t *Table, known map[string]int64) *Sink {
	return &Sink{
		Lookup: func(table string, key []byte) (int64, bool) { n, ok := known[table+" "+words(key)]; return n, ok },
		Marked: func(table string, key []byte, mark string) bool {
			return table+" "+words(key)+" "+mark == "nodes d1|n compute"
		},
		Row: func(r *Row) error {
			cells := []string{"[" + words(r.Key) + "]"}
			for i, c := range r.Cells {
				text := string(c.Text)
				switch {
				case c.Null:
					text = "NULL"
				case c.Bytes && strings.HasPrefix(text, "\x80\x02"):
					text = "P:" + hex.EncodeToString(c.Text)
				case c.Bytes:
					text = "B:" + text
				}
				cells = append(cells, t.Columns[i]+"="+text)
			}
			s.rows = append(s.rows, strings.Join(cells, " "))
			return nil
		},
		Skip:     func(k Skip) { s.others = append(s.others, fmt.Sprintf("skip %s.%s: %s", k.Table, k.Column, k.Why)) },
		Unknown:  func(table string, key []byte) { s.others = append(s.others, "unknown "+table+" "+words(key)) },
		Replaced: func(column string, n int) { s.others = append(s.others, fmt.Sprintf("replaced %d in %s", n, column)) },
		Misfit: func(m Misfit) error {
			s.others = append(s.others, "misfit "+m.ID+" "+m.Column+": "+m.Why)
			if s.strict {
				return m
			}
			return nil
		},
	}
}

// words makes a key readable: its parts have their length before them.
func words(key []byte) string {
	var parts []string
	for len(key) > 0 {
		n := int(key[0])
		if len(key) == 1 {
			parts = append(parts, fmt.Sprint("#", n)) // the place of an item
			break
		}
		parts, key = append(parts, string(key[1:1+n])), key[1+n:]
	}
	return strings.Join(parts, "|")
}

// made maps one document of a table with these columns and nothing else.
func made(t *testing.T, spec manifest.StoreTable, source string) *seen {
	t.Helper()
	if spec.Table == "" {
		spec.Table = "t"
	}
	if spec.Key == nil {
		spec.Key = []string{"_id"}
	}
	table, err := New(spec, Options{Values: map[string]manifest.JSON{"ip": j(`"10.0.0.1"`), "port": j(`5672`)}})
	if err != nil {
		t.Fatal(err)
	}
	s := &seen{}
	if err := table.Rows(&document.Document{Index: "i", Type: "x", ID: "id1", Version: 7, Source: []byte(source)}, s.sink(table, map[string]int64{"deployments d1": 11, "nodes d1|n": 12})); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		as, value, want string // want: the cell, or "misfit: ..."
	}{
		{"text", `"é\u0000\ud800"`, "é\uFFFD\uFFFD"}, {"text", `""`, ""}, {"text", `1.0`, "misfit: a value that is no text"}, {"text", `true`, "misfit: a value that is no text"}, {"text", `null`, "NULL"}, {"text", `[]`, "misfit: a value that is no text"},
		{"", `"x"`, "x"},
		{"integer", `1`, "1"}, {"integer", `-0`, "0"}, {"integer", `1.0`, "misfit: a value that is no whole number, or too large"}, {"integer", `1e2`, "misfit: a value that is no whole number, or too large"}, {"integer", `"12"`, "misfit: a value that is no whole number, or too large"}, {"integer", `2147483647`, "2147483647"},
		{"integer", `2147483648`, "misfit: a value that is no whole number, or too large"}, {"integer", `1.5`, "misfit: a value that is no whole number, or too large"},
		{"integer", `"x"`, "misfit: a value that is no whole number, or too large"}, {"integer", `true`, "misfit: a value that is no whole number, or too large"},
		{"integer", `123456789012345678901234567890`, "misfit: a value that is no whole number, or too large"}, {"integer", `1e400`, "misfit: a value that is no whole number, or too large"},
		{"boolean", `true`, "true"}, {"boolean", `"false"`, "misfit: a value that is neither true nor false"}, {"boolean", `1`, "misfit: a value that is neither true nor false"}, {"boolean", `null`, "NULL"},
		{"json", `{"a": 1.0}`, `B:{"a": 1.0}`}, {"json", `null`, "NULL"}, {"json", `"\u0000"`, `B:"\u0000"`}, {"json", `123456789012345678901234567890`, `B:123456789012345678901234567890`},
		{"json-text", `[{"a":"\u0000"}]`, `[{"a":"\u0000"}]`},
		{"pickle", `[]`, "P:80025d2e"}, {"pickle", `null`, "NULL"},
		{"time", `"2017-01-05T10:20:30.123Z"`, "2017-01-05 10:20:30.123"}, {"time", `"2017-01-05T10:20:30+05:30"`, "2017-01-05 04:50:30"}, {"time", `"2017-01-05 10:20:30.5-0500"`, "2017-01-05 15:20:30.5"},
		{"time", `"2017-01-05T10:20:30"`, "misfit: a time of no known form"}, {"time", `"2017-01-05T10:20:30 CET"`, "misfit: a time of no known form"}, {"time", `1483611630123`, "misfit: a time that is no text"},
		{"wall", `"2017-01-05 10:20:30.123456"`, "2017-01-05 10:20:30.123456"}, {"wall", `"2017-01-05 10:20:30"`, "2017-01-05 10:20:30"}, {"wall", `"2017-01-05 10:20:30.123+0000"`, "2017-01-05 10:20:30.123"},
		{"wall", `"2017-01-05 10:20+0000"`, "2017-01-05 10:20:00"}, {"wall", `"2017-01-05 10:20:30.123Coordinated Universal Time"`, "2017-01-05 10:20:30.123"}, {"wall", `"2017-01-05T10:20:30.123Z"`, "2017-01-05 10:20:30.123"},
		{"wall", `"2017-01-05 10:20:30.123 W. Europe Standard Time"`, "2017-01-05 10:20:30.123"}, {"wall", `"2017-01-01 00:20:30+0130"`, "2016-12-31 22:50:30"}, {"wall", `"2017-01-05 10:20:30.1234567899"`, "2017-01-05 10:20:30.123456"},
		{"wall", `"2016-02-29 10:20:30"`, "2016-02-29 10:20:30"}, {"wall", `"2017-02-29 10:20:30"`, "misfit: a time of no known form"}, {"wall", `"2017-01-05 24:00:00"`, "misfit: a time of no known form"},
		{"wall", `"2017-01-05"`, "misfit: a time of no known form"}, {"wall", `"2017-01-05 10:20:300"`, "misfit: a time of no known form"}, {"wall", `"0000-01-05 10:20:30"`, "misfit: a time of no known form"},
		{"wall", `""`, "misfit: a time of no known form"}, {"wall", `"9999-12-31 23:59:59-0100"`, "misfit: a time of no known form"}, {"wall", `"2017-01-05 10:20:30."`, "misfit: a time of no known form"},
	} {
		s := made(t, manifest.StoreTable{Columns: map[string]manifest.StoreColumn{"c": {From: "v", As: c.as}}}, `{"v":`+c.value+`}`)
		got := ""
		if len(s.rows) == 1 {
			got = strings.TrimPrefix(s.rows[0], "[id1] c=")
		} else if len(s.others) == 1 {
			got = strings.Replace(s.others[0], "misfit id1 c", "misfit", 1)
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.as, c.value, got, c.want)
		}
	}
}

func TestWithoutAValue(t *testing.T) {
	t.Parallel()
	do := func(s string) *manifest.Instead { return &manifest.Instead{Do: s} }
	for _, c := range []struct {
		col          manifest.StoreColumn
		source, want string
	}{
		{manifest.StoreColumn{From: "a"}, `{}`, "c=NULL"},
		{manifest.StoreColumn{From: "a", Required: true}, `{}`, "misfit id1 c: no value"},
		{manifest.StoreColumn{From: "a", Required: true}, `{"a":null}`, "misfit id1 c: no value"},
		{manifest.StoreColumn{From: "a", Lacking: do("skip")}, `{}`, "skip t.c: no value"},
		{manifest.StoreColumn{From: "a", Lacking: do("fail")}, `{}`, "misfit id1 c: no value"},
		{manifest.StoreColumn{From: "a", Lacking: do("fail")}, `{"a":null}`, "c=NULL"},
		{manifest.StoreColumn{From: "a", Lacking: &manifest.Instead{Value: j(`""`)}}, `{}`, "c="},
		{manifest.StoreColumn{From: "a", Lacking: &manifest.Instead{Value: j(`""`)}}, `{"a":null}`, "c=NULL"},
		{manifest.StoreColumn{From: "a", Required: true, Lacking: &manifest.Instead{Value: j(`""`)}}, `{"a":null}`, "c="},
		{manifest.StoreColumn{From: "a", As: "integer", Lacking: &manifest.Instead{Value: j(`-1`)}}, `{}`, "c=-1"},
		{manifest.StoreColumn{From: "a", As: "json", Lacking: &manifest.Instead{Value: j(`{}`)}}, `{}`, "c=B:{}"},
		{manifest.StoreColumn{From: "a", As: "pickle", Required: true}, `{"a":null}`, "c=P:80024e2e"},
		{manifest.StoreColumn{From: "a", As: "wall", Required: true, Lacking: &manifest.Instead{From: "b"}, Unreadable: &manifest.Instead{From: "b"}}, `{"a":"junk","b":"2017-01-05T10:20:30.1Z"}`, "c=2017-01-05 10:20:30.1"},
		{manifest.StoreColumn{From: "a", As: "wall", Required: true, Lacking: &manifest.Instead{From: "b"}}, `{"b":"2017-01-05T10:20:30.1Z"}`, "c=2017-01-05 10:20:30.1"},
		{manifest.StoreColumn{From: "a", As: "wall", Lacking: &manifest.Instead{From: "b"}}, `{}`, "misfit id1 c: no value, and none where it is taken from instead"},
		{manifest.StoreColumn{From: "a", As: "wall", Unreadable: &manifest.Instead{From: "b"}}, `{"a":"junk","b":1}`, "misfit id1 c: unreadable value, and what is taken instead is a time that is no text"},
		{manifest.StoreColumn{From: "a", As: "integer", Unreadable: do("null")}, `{"a":"x"}`, "c=NULL"},
		{manifest.StoreColumn{From: "a", As: "integer", Unreadable: do("skip")}, `{"a":"x"}`, "skip t.c: unreadable value"},
		{manifest.StoreColumn{From: "a", Only: []string{"x", "y"}}, `{"a":"y"}`, "c=y"},
		{manifest.StoreColumn{From: "a", Only: []string{"x", "y"}}, `{"a":"z"}`, "misfit id1 c: a text that the column does not have"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}}, `{"a":"d1"}`, "c=11"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}, Lacking: do("skip")}, `{"a":null}`, "c=NULL"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}, Lacking: do("skip")}, `{}`, "c=NULL"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}, Lacking: do("skip"), Required: true}, `{}`, "skip t.c: no value"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}, Lacking: do("skip")}, `{"a":"d2"}`, "unknown deployments d2; skip t.c: no such row"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}, Lacking: do("null")}, `{"a":"d2"}`, "unknown deployments d2; c=NULL"},
		{manifest.StoreColumn{Row: "deployments", By: []string{"a"}}, `{"a":"d2"}`, "unknown deployments d2; misfit id1 c: no such row"},
		{manifest.StoreColumn{Row: "nodes", By: []string{"a", "b"}, Lacking: do("skip")}, `{"a":"d1","b":"n"}`, "c=12"},
		{manifest.StoreColumn{Row: "nodes", By: []string{"a", "b"}, Lacking: do("skip")}, `{"a":"d","b":"1n"}`, "unknown nodes d|1n; skip t.c: no such row"},
		{manifest.StoreColumn{Meta: "_version"}, `{}`, "c=7"},
		{manifest.StoreColumn{Meta: "_id"}, `{}`, "c=id1"},
		{manifest.StoreColumn{From: "a"}, `[]`, "misfit id1 : its source is no object"},
	} {
		s := made(t, manifest.StoreTable{Columns: map[string]manifest.StoreColumn{"c": c.col}}, c.source)
		got := strings.Join(append(slices.Clone(s.others), s.rows...), "; ")
		if got = strings.ReplaceAll(got, "[id1] ", ""); got != c.want {
			t.Errorf("%+v of %s: %s, want %s", c.col, c.source, got, c.want)
		}
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	spec := manifest.StoreTable{Read: manifest.StoreRead{Each: "steps"}, Key: []string{"id"}, Always: map[string]manifest.JSON{"one": j("1"), "no": j("false"), "none": j("null"), "word": j(`"x"`)},
		Columns: map[string]manifest.StoreColumn{
			"id": {From: "id"}, "fk": {Row: "deployments", By: []string{"id"}, Of: "document", Lacking: &manifest.Instead{Do: "skip"}}, "what": {From: "what", Required: true, Lacking: &manifest.Instead{Do: "skip"}}, "outer": {From: "state", Of: "document"}}}
	s := made(t, spec, `{"id":"d1","state":"s","steps":[{"id":"same","what":"a"},{"id":"same"},{"id":"same","what":"b"}]}`)
	want := []string{"[d1|#0] fk=11 id=same outer=s what=a no=false none=NULL one=1 word=x", "[d1|#2] fk=11 id=same outer=s what=b no=false none=NULL one=1 word=x"}
	if !slices.Equal(s.rows, want) || strings.Join(s.others, ";") != "skip t.what: no value" {
		t.Errorf("rows %q, others %q", s.rows, s.others)
	}
	for source, want := range map[string]string{`{"id":"d1"}`: "", `{"id":"d1","steps":null}`: "", `{"id":"d1","steps":[]}`: "", `{"id":"d1","steps":{}}`: "misfit id1 : its steps is no list", `{"steps":[{}]}`: "misfit id1 : it has no value for its key"} {
		if s := made(t, spec, source); len(s.rows) != 0 || strings.Join(s.others, ";") != want {
			t.Errorf("%s: rows %q, others %q", source, s.rows, s.others)
		}
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	agent := []manifest.StoreEdit{{
		When:   map[string]manifest.StoreCondition{"types": {Has: j(`"compute"`)}},
		Append: map[string]manifest.StoreItem{"plugins": {Item: j(`{"name":"agent","install":false}`), Unless: map[string]manifest.JSON{"name": j(`"agent"`)}}},
		Put:    map[string]manifest.JSON{`operations."a.b"`: j(`{"inputs":{}}`)},
	}, {
		When:   map[string]manifest.StoreCondition{"agent": {Exists: &yes}},
		Remove: []string{"status"},
		Put:    map[string]manifest.JSON{"agent.broker": j(`{"ip":"<<ip>>","port":"<<port>>","url":"amqp://<<ip>>:<<port>>"}`), "agent.version": j(`"3"`)},
	}, {
		When: map[string]manifest.StoreCondition{"runtime.agent": {Kind: "object"}},
		Row:  &manifest.StoreEditRow{Table: "nodes", By: []string{"deployment_id", "node_id"}, Marked: "compute"},
		Put:  map[string]manifest.JSON{"runtime.agent.version": j(`"3"`)},
	}, {
		When: map[string]manifest.StoreCondition{"id": {In: j(`["e1","e2"]`)}, "status": {Is: j(`"started"`)}, "error": {Exists: &no}},
		Set:  map[string]manifest.JSON{"status": j(`"failed"`)},
	}}
	for source, want := range map[string]string{
		`{"types":["a","compute"],"plugins":null}`:                                               `{"types":["a","compute"],"plugins":[{"name":"agent","install":false}],"operations":{"a.b":{"inputs":{}}}}`,
		`{"types":["compute"],"plugins":[{"name":"x"},{"name":"agent"}],"operations":{"a.b":1}}`: `{"types":["compute"],"plugins":[{"name":"x"},{"name":"agent"}],"operations":{"a.b":1}}`,
		`{"types":["none"],"plugins":null}`:                                                      `{"types":["none"],"plugins":null}`,
		`{"agent":{"version":"2"},"status":{}}`:                                                  `{"agent":{"version":"2","broker":{"ip":"10.0.0.1","port":5672,"url":"amqp://10.0.0.1:5672"}}}`,
		`{"agent":null,"status":{}}`:                                                             `{"agent":null,"status":{}}`,
		`{"deployment_id":"d1","node_id":"n","runtime":{"agent":{"version":null}}}`:              `{"deployment_id":"d1","node_id":"n","runtime":{"agent":{"version":null}}}`,
		`{"deployment_id":"d1","node_id":"n","runtime":{"agent":{}}}`:                            `{"deployment_id":"d1","node_id":"n","runtime":{"agent":{"version":"3"}}}`,
		`{"deployment_id":"d1","node_id":"m","runtime":{"agent":{}}}`:                            `{"deployment_id":"d1","node_id":"m","runtime":{"agent":{}}}`,
		`{"deployment_id":"d1","node_id":"n","runtime":{"agent":"x"}}`:                           `{"deployment_id":"d1","node_id":"n","runtime":{"agent":"x"}}`,
		`{"id":"e1","status":"started"}`:                                                         `{"id":"e1","status":"failed"}`,
		`{"id":"e3","status":"started"}`:                                                         `{"id":"e3","status":"started"}`,
		`{"id":"e2","status":"started","error":"late"}`:                                          `{"id":"e2","status":"started","error":"late"}`,
	} {
		table, err := New(manifest.StoreTable{Table: "t", Edit: agent, Key: []string{"_id"}}, Options{Values: map[string]manifest.JSON{"ip": j(`"10.0.0.1"`), "port": j(`5672`)}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.edited([]byte(source), &document.Document{}, (&seen{}).sink(table, nil))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
	if _, err := New(manifest.StoreTable{Table: "t", Edit: agent, Key: []string{"_id"}}, Options{}); err == nil || !strings.Contains(err.Error(), `no value "ip" of the host`) {
		t.Errorf("without the host's values: %v", err)
	}
	s := made(t, manifest.StoreTable{Edit: []manifest.StoreEdit{{Put: map[string]manifest.JSON{"a.b": j("1")}}}, Columns: map[string]manifest.StoreColumn{"c": {From: "c"}}}, `{"a":1}`)
	if len(s.rows) != 0 || len(s.others) != 1 || !strings.HasPrefix(s.others[0], "misfit id1 : ") {
		t.Errorf("an edit that cannot be made: rows %q, others %q", s.rows, s.others)
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	table, err := New(manifest.StoreTable{Table: "t", Number: "n", Key: []string{"_id"}, Always: map[string]manifest.JSON{"a": j("1")}, Columns: map[string]manifest.StoreColumn{
		"id": {Meta: "_id"}, "v": {Meta: "_version"}, "i": {From: "i", As: "integer"}, "s": {From: "s", Only: []string{"x", "y"}}, "p": {From: "p", As: "pickle"}, "w": {From: "w", As: "wall"}, "at": {From: "at", As: "time"},
		"fk": {Row: "o", By: []string{"o"}, Required: true},
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	facts := func() map[string]manifest.ColumnFact {
		return map[string]manifest.ColumnFact{"n": {Type: "int4", NotNull: true, Unique: true}, "id": {Type: "varchar", Length: 3}, "v": {Type: "int4"}, "i": {Type: "int2"}, "s": {Type: "kinds", Labels: []string{"x", "y", "z"}},
			"p": {Type: "bytea"}, "w": {Type: "timestamp"}, "at": {Type: "timestamptz"}, "fk": {Type: "int4", NotNull: true}, "a": {Type: "int4", NotNull: true}, "other": {Type: "text", NotNull: true, Default: true}}
	}
	if err := table.Fit(facts()); err != nil {
		t.Errorf("it fits: %v", err)
	}
	s := &seen{}
	sink := s.sink(table, map[string]int64{"o 1": 1})
	for _, source := range []string{`{"o":1,"i":32768}`, `{"o":1,"i":32767,"s":"z"}`, `{"o":1,"i":32767,"s":"y","at":"2017-01-05T10:20:30Z"}`} {
		if err := table.Rows(&document.Document{ID: "x", Source: []byte(source)}, sink); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.rows) != 1 || !strings.Contains(s.rows[0], "at=2017-01-05 10:20:30+00") || len(s.others) != 2 {
		t.Errorf("rows %q, others %q", s.rows, s.others)
	}
	for want, change := range map[string]func(map[string]manifest.ColumnFact){
		"column id: the database has no such column":                 func(f map[string]manifest.ColumnFact) { delete(f, "id") },
		"column i: it is text, which takes no value of kind integer": func(f map[string]manifest.ColumnFact) { f["i"] = manifest.ColumnFact{Type: "text"} },
		"column w: it is timestamptz":                                func(f map[string]manifest.ColumnFact) { f["w"] = manifest.ColumnFact{Type: "timestamptz"} },
		"column p: it is NOT NULL, so it is required":                func(f map[string]manifest.ColumnFact) { f["p"] = manifest.ColumnFact{Type: "bytea", NotNull: true} },
		`column s: it has no value "y"`: func(f map[string]manifest.ColumnFact) {
			f["s"] = manifest.ColumnFact{Type: "kinds", Labels: []string{"x"}}
		},
		"column n: the number of a row is a unique integer":     func(f map[string]manifest.ColumnFact) { f["n"] = manifest.ColumnFact{Type: "int4", NotNull: true} },
		"column other: it is NOT NULL and has no value":         func(f map[string]manifest.ColumnFact) { f["other"] = manifest.ColumnFact{Type: "text", NotNull: true} },
		"column fk: it is text, which holds no number of a row": func(f map[string]manifest.ColumnFact) { f["fk"] = manifest.ColumnFact{Type: "text"} },
	} {
		f := facts()
		change(f)
		if err := table.Fit(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestFinal(t *testing.T) {
	t.Parallel()
	table, err := New(manifest.StoreTable{Table: "t", Key: []string{"_id"}, Columns: map[string]manifest.StoreColumn{"s": {From: "s", Final: []string{"done"}}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{`{"s":"done"}`: "", `{"s":"begun"}`: "s", `{}`: ""} {
		sink := (&seen{}).sink(table, nil)
		sink.Row = func(r *Row) error {
			if got := table.Unfinished(r); got != want {
				t.Errorf("%s: %q, want %q", source, got, want)
			}
			return nil
		}
		if err := table.Rows(&document.Document{Source: []byte(source)}, sink); err != nil {
			t.Error(err)
		}
	}
}

func TestMisfitEndsTheWork(t *testing.T) {
	t.Parallel()
	table, err := New(manifest.StoreTable{Table: "t", Read: manifest.StoreRead{Each: "l"}, Key: []string{"_id"}, Columns: map[string]manifest.StoreColumn{"c": {From: "c", Required: true}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &seen{strict: true}
	err = table.Rows(&document.Document{Index: "i", Type: "x", ID: "a\nb", Source: []byte(`{"l":[{"c":"secret"},{},{"c":"2"}]}`)}, s.sink(table, nil))
	var m Misfit
	if !errors.As(err, &m) || len(s.rows) != 1 || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), `document i/x/"a\nb" does not fit table t, column c: no value`) {
		t.Errorf("%v after %d rows", err, len(s.rows))
	}
}
