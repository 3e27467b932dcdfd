package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

func j(s string) manifest.JSON { return manifest.JSON(s) }

// store has every kind of thing that a mapping can hold.
func store() manifest.Store {
	yes := true
	return manifest.Store{
		Name: "storage", To: "main", From: manifest.StoreSource{Elasticsearch: manifest.HostAddress{File: "/opt/p/p.conf", Format: "yaml", Host: "db_address", Port: "db_port"}},
		Values: map[string]manifest.HostValue{"broker": {File: "/opt/p/p.conf", Format: "yaml", Key: "amqp.host"}, "port": {File: "/opt/p/p.conf", Format: "yaml", Key: "amqp.port", As: "integer"}},
		Ignore: []manifest.StoreIgnore{{Index: "kept-*", Why: "history"}},
		Tables: []manifest.StoreTable{
			{Table: "blueprints", Read: manifest.StoreRead{Index: "things", Type: "blueprint"}, Key: []string{"id"}, Number: "_number", Always: map[string]manifest.JSON{"tenant": j("0"), "private": j("false")},
				Columns: map[string]manifest.StoreColumn{
					"id": {From: "id"}, "plan": {From: "plan", As: "pickle", Required: true}, "description": {From: "description", Lacking: &manifest.Instead{Value: j(`"<none>"`)}},
					"created": {From: `created."at.time"`, As: "wall", Required: true, Unreadable: &manifest.Instead{Do: manifest.Skip}}, "state": {From: "state", Only: []string{"a", "b"}, Final: []string{"b"}},
				},
				Edit: []manifest.StoreEdit{{When: map[string]manifest.StoreCondition{"types": {Has: j(`"compute"`)}, "agent": {Exists: &yes}}, Remove: []string{"agent.status"}, Set: map[string]manifest.JSON{"a": j("1.0")},
					Put: map[string]manifest.JSON{"agent.broker": j(`{"ip":"<<broker>>"}`)}, Append: map[string]manifest.StoreItem{"plugins": {Item: j(`{"name":"agent"}`), Unless: map[string]manifest.JSON{"name": j(`"agent"`)}}}}},
			},
			{Table: "audit.steps", Read: manifest.StoreRead{Index: "things", Type: "update", Each: "steps"}, Key: []string{"id"}, Number: "n",
				Columns: map[string]manifest.StoreColumn{"fk": {Row: "blueprints", By: []string{"blueprint_id"}, Of: "document", Lacking: &manifest.Instead{Do: manifest.Skip}}}},
			{Table: "events", Read: manifest.StoreRead{Index: "logstash-*", Type: "event", Grows: "@timestamp"}, Key: []string{"_id"},
				Columns: map[string]manifest.StoreColumn{"id": {Meta: "_id"}, "at": {From: "timestamp", As: "wall", Lacking: &manifest.Instead{From: "@timestamp"}}}},
		},
	}
}

func TestStoreIsKept(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Stores = []manifest.Store{store()}
	b := encode(t, m)
	again, err := manifest.Decode(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Stores[0].Tables[0].Edit[0].Put["agent.broker"]; string(got) != `{"ip":"<<broker>>"}` {
		t.Errorf("a value is %s afterwards", got)
	}
	if got := again.Stores[0].Tables[0].Edit[0].Set["a"]; string(got) != "1.0" {
		t.Errorf("a number is %s afterwards", got)
	}
}

func TestStoreMistakes(t *testing.T) {
	t.Parallel()
	table := func(change func(*manifest.StoreTable)) func(*manifest.Store) {
		return func(s *manifest.Store) { change(&s.Tables[0]) }
	}
	column := func(name string, change func(*manifest.StoreColumn)) func(*manifest.Store) {
		return table(func(t *manifest.StoreTable) { c := t.Columns[name]; change(&c); t.Columns[name] = c })
	}
	for want, change := range map[string]func(*manifest.Store){
		`name: "a/b" is no name`:                   func(s *manifest.Store) { s.Name = "a/b" },
		`no database is called "other"`:            func(s *manifest.Store) { s.To = "other" },
		`from.elasticsearch.host: no key`:          func(s *manifest.Store) { s.From.Elasticsearch.Host = "" },
		`from.elasticsearch.file: "p.conf" is no`:  func(s *manifest.Store) { s.From.Elasticsearch.File = "p.conf" },
		`from.elasticsearch.format: "hocon" is no`: func(s *manifest.Store) { s.From.Elasticsearch.Format = "hocon" },
		`values.port.as: "float" is none of text,`: func(s *manifest.Store) { v := s.Values["port"]; v.As = "float"; s.Values["port"] = v },
		`ignore[0].why: no reason`:                 func(s *manifest.Store) { s.Ignore[0].Why = "" },
		`ignore[0].index: "_all" is no index`:      func(s *manifest.Store) { s.Ignore[0].Index = "_all" },
		`tables: no table`:                         func(s *manifest.Store) { s.Tables = nil },
		`untouched.x: no reason`:                   func(s *manifest.Store) { s.Untouched = map[string]string{"x": ""} },
		`untouched.events: table events is among`:  func(s *manifest.Store) { s.Untouched = map[string]string{"events": "why"} },
		`columns.n.lacking.value: 1.5 is no whole`: column("n", func(c *manifest.StoreColumn) {
			*c = manifest.StoreColumn{From: "n", As: "integer", Lacking: &manifest.Instead{Value: j("1.5")}}
		}),
		`columns.n.lacking.value: "x" is neither t`: column("n", func(c *manifest.StoreColumn) {
			*c = manifest.StoreColumn{From: "n", As: "boolean", Unreadable: &manifest.Instead{Value: j("true")}, Lacking: &manifest.Instead{Value: j(`"x"`)}}
		}),
		`columns.n.unreadable.value: {} is no text`: column("n", func(c *manifest.StoreColumn) {
			*c = manifest.StoreColumn{From: "n", As: "wall", Unreadable: &manifest.Instead{Value: j("{}")}}
		}),
		`tables[0].table: "a.b.c" is no table`:     table(func(t *manifest.StoreTable) { t.Table = "a.b.c" }),
		`tables[2].table: table blueprints is the`: func(s *manifest.Store) { s.Tables[2].Table = "blueprints" },
		`tables[0].read.index: "" is no index`:     table(func(t *manifest.StoreTable) { t.Read.Index = "" }),
		`tables[0].read.type: "a,b" is no type`:    table(func(t *manifest.StoreTable) { t.Read.Type = "a,b" }),
		`tables[0].key: no key`:                    table(func(t *manifest.StoreTable) { t.Key = nil }),
		`tables[0].key[0]: "a..b" is no path`:      table(func(t *manifest.StoreTable) { t.Key = []string{"a..b"} }),
		`tables[0].always.tenant: {"a":1} is more`: table(func(t *manifest.StoreTable) { t.Always["tenant"] = j(`{"a":1}`) }),
		`tables[0].always.id: column id has anoth`: table(func(t *manifest.StoreTable) { t.Always["id"] = j(`1`) }),
		`tables[0].columns._number: column "_numb`: table(func(t *manifest.StoreTable) { t.Columns["_number"] = manifest.StoreColumn{From: "x"} }),
		`tables[0].columns.id: 2 of from, meta an`: column("id", func(c *manifest.StoreColumn) { c.Meta = "_id" }),
		`tables[0].columns.id: 0 of from, meta an`: column("id", func(c *manifest.StoreColumn) { c.From = "" }),
		`tables[0].columns.id.from: "a\"b" is no`:  column("id", func(c *manifest.StoreColumn) { c.From = `a"b` }),
		`tables[0].columns.id.as: "float" is none`: column("id", func(c *manifest.StoreColumn) { c.As = "float" }),
		`tables[0].columns.id.of: without each`:    column("id", func(c *manifest.StoreColumn) { c.Of = "document" }),
		`tables[0].columns.plan.lacking: the colu`: column("plan", func(c *manifest.StoreColumn) { c.Lacking = &manifest.Instead{Do: "null"} }),
		`tables[0].columns.plan.lacking: 0 of ski`: column("plan", func(c *manifest.StoreColumn) { c.Lacking = &manifest.Instead{} }),
		`tables[0].columns.plan.lacking: "drop" i`: column("plan", func(c *manifest.StoreColumn) { c.Lacking = &manifest.Instead{Do: "drop"} }),
		`tables[0].columns.plan: only and final a`: column("plan", func(c *manifest.StoreColumn) { c.Only = []string{"x"} }),
		`tables[0].columns.state.final[0]: "c" is`: column("state", func(c *manifest.StoreColumn) { c.Final[0] = "c" }),
		`tables[0].columns.id.row: a row that ref`: column("id", func(c *manifest.StoreColumn) { *c = manifest.StoreColumn{Row: "blueprints", By: []string{"x"}} }),
		`tables[0].columns.id.row: no table nodes`: column("id", func(c *manifest.StoreColumn) { *c = manifest.StoreColumn{Row: "nodes", By: []string{"x"}} }),
		`tables[1].columns.fk.by: 2 values; the k`: func(s *manifest.Store) {
			s.Tables[1].Columns["fk"] = manifest.StoreColumn{Row: "blueprints", By: []string{"a", "b"}}
		},
		`tables[2].columns.fk.row: a document has`: func(s *manifest.Store) {
			s.Tables[2].Columns["fk"] = manifest.StoreColumn{Row: "audit.steps", By: []string{"a"}}
		},
		`tables[2].key: documents that are only a`: func(s *manifest.Store) { s.Tables[2].Key = []string{"id"} },
		`tables[2].columns: no column has meta: _`: func(s *manifest.Store) { delete(s.Tables[2].Columns, "id") },
		`tables[0].edit[0].put.agent.broker: valu`: func(s *manifest.Store) { delete(s.Values, "broker") },
		`tables[0].edit[1]: it changes nothing`:    table(func(t *manifest.StoreTable) { t.Edit = append(t.Edit, manifest.StoreEdit{}) }),
		`tables[0].edit[0].when.a: 2 of has, is,`: table(func(t *manifest.StoreTable) {
			t.Edit[0].When["a"] = manifest.StoreCondition{Has: j("1"), Is: j("1")}
		}),
		`tables[0].edit[0].when.a.in: 1 is no lis`: table(func(t *manifest.StoreTable) { t.Edit[0].When["a"] = manifest.StoreCondition{In: j("1")} }),
		`tables[0].edit[0].set.a: "x" is no JSON`:  table(func(t *manifest.StoreTable) { t.Edit[0].Set["a"] = j("x") }),
	} {
		m := sample()
		m.Stores = []manifest.Store{store()}
		change(&m.Stores[0])
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s := store()
	s.Name, s.Tables[1].Key, s.Tables[2].Read.Type = "", nil, ""
	if found := s.Check(); len(found) != 3 {
		t.Errorf("three mistakes are told as %+v", found)
	}
}

func TestSplitPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"a": {"a"}, "a.b": {"a", "b"}, `a."b.c".d`: {"a", "b.c", "d"}, `"a\"\\"`: {`a"\`}, `""`: {""}, "@timestamp": {"@timestamp"}, "a b": {"a b"},
		"": nil, ".": nil, "a.": nil, ".a": nil, `"a`: nil, `"a"b`: nil, `a"b"`: nil, `a\b`: nil, `"a\`: nil, strings.Repeat("a.", 40) + "a": nil,
	} {
		got, err := manifest.SplitPath(path)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v; want %q", path, got, err, want)
		}
	}
}
