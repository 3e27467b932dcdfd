package manifest_test

import (
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// TestKindMistakes: what is of one release only, and what asks a store.
func TestKindMistakes(t *testing.T) {
	t.Parallel()
	judging := store()
	judging.Name = "judging"
	judging.Tables[0].Columns["state"] = manifest.StoreColumn{From: "state", Final: []string{"done"}}
	stores := []manifest.Store{{Name: "plain"}, judging}
	drain := func(d manifest.Drain) manifest.Service { return manifest.Service{Unit: "a", Drain: &d} }
	for _, c := range []struct {
		service manifest.Service
		stores  []manifest.Store
		want    string
	}{
		{manifest.Service{Unit: "a", Source: true, Only: manifest.Old}, stores, ""},
		{manifest.Service{Unit: "a", Source: true}, stores, "only: old"},
		{manifest.Service{Unit: "a", Source: true, Only: manifest.New}, stores, "only: old"},
		{manifest.Service{Unit: "a", Source: true, Only: manifest.Old, Door: true}, stores, "no door"},
		{manifest.Service{Unit: "a", Source: true, Only: manifest.Old}, nil, "there are no stores"},
		{drain(manifest.Drain{Store: "judging"}), stores, ""},
		{drain(manifest.Drain{Store: "judging", Query: "select 1"}), stores, "not both"},
		{drain(manifest.Drain{Store: "judging", Database: "x"}), stores, "not both"},
		{drain(manifest.Drain{Store: stores[0].Name}), stores, "final values"},
		{drain(manifest.Drain{Store: "other"}), stores, "none of that name"},
	} {
		if got := said(c.service.Mistakes(c.stores)); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.service, got, c.want)
		}
	}
	for _, c := range []struct {
		db   manifest.Database
		want string
	}{
		{manifest.Database{Only: manifest.New, Becomes: &manifest.Expects{}}, ""},
		{manifest.Database{Expects: &manifest.Expects{}, Checks: "x"}, ""},
		{manifest.Database{Only: manifest.Old}, "none of its business"},
		{manifest.Database{Only: manifest.New, Expects: &manifest.Expects{}, Checks: "x", Backfill: []manifest.Backfill{{}}},
			"expects is about the old release's database, and there is none; checks is about the old release's database, and there is none; backfill is"},
	} {
		if got := said(c.db.Mistakes()); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.db, got, c.want)
		}
	}
	m := sample()
	m.Services = append(m.Services, manifest.Service{Unit: "b", Source: true})
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), `service "b": source: a source is`) {
		t.Errorf("error %v", err)
	}
	m = sample()
	m.Databases = append(m.Databases, manifest.Database{Name: "late", Only: manifest.New})
	if got := m.There(); len(got) != len(m.Databases)-1 || len(m.Databases) == len(got) {
		t.Errorf("there are %+v", got)
	}
}

// TestEndedBy: the admin ends what will never end, and nothing else.
func TestEndedBy(t *testing.T) {
	t.Parallel()
	table := manifest.StoreTable{Table: "jobs", Key: []string{"id"}, Columns: map[string]manifest.StoreColumn{"id": {From: "id"},
		"state": {From: "a.state", Only: []string{"begun", "done", "failed"}, Final: []string{"done", "failed"}, Ended: map[string]manifest.JSON{"error": j(`"by the admin"`)}}}}
	e, err := table.EndedBy(`a "b"`, "failed")
	if err != nil || string(e.When["id"].Is) != `"a \"b\""` || string(e.When["a.state"].In) != `["begun"]` || string(e.Set["a.state"]) != `"failed"` || string(e.Set["error"]) != `"by the admin"` || len(e.Set) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	for want, change := range map[string]func(*manifest.StoreTable, *manifest.StoreColumn){
		`"failed" is not final`: func(_ *manifest.StoreTable, c *manifest.StoreColumn) { c.Final = []string{"done"} },
		"no final values":       func(_ *manifest.StoreTable, c *manifest.StoreColumn) { c.Final = nil },
		"does not tell":         func(_ *manifest.StoreTable, c *manifest.StoreColumn) { c.Only = nil },
		"bundle does not tell":  func(t *manifest.StoreTable, _ *manifest.StoreColumn) { t.Key = []string{"id", "x"} },
	} {
		other, c := table, table.Columns["state"]
		change(&other, &c)
		other.Columns = map[string]manifest.StoreColumn{"state": c}
		if _, err := other.EndedBy("a", "failed"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func said(mistakes []manifest.StoreMistake) string {
	var list []string
	for _, m := range mistakes {
		list = append(list, m.What)
	}
	return strings.Join(list, "; ")
}
