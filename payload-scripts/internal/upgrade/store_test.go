package upgrade

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/drain"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/job/jobtest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/parts"
	"onerpm/payload-scripts/internal/schema"
	"onerpm/payload-scripts/internal/store/storetest"
	"onerpm/payload-scripts/internal/stores"
	"onerpm/payload-scripts/internal/window"
	"onerpm/test/product/testbed"
	"onerpm/test/systemdtest"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// storeWorld is an attempt whose product has its documents in a source that is a unit, and whose new
// release has them in a database.
func storeWorld(t *testing.T) (*Upgrade, *systemdtest.Manager, *elastictest.Server) {
	t.Helper()
	spec, conf := jobtest.Database(t, t.TempDir())
	source := elastictest.New(t)
	storetest.Small(source)
	sm, work := jobtest.Units(t, jobtest.Nobody, systemdtest.Unit{Name: "search", Active: "active", File: "enabled"})
	source.Do(func() {
		source.Hook = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			if sm.State("search") == "active" {
				return false
			}
			w.WriteHeader(http.StatusForbidden) // nobody is there
			return true
		}
	})
	jobtest.Write(t, spec.Connection.File, conf+fmt.Sprintf("search_host: %s\nsearch_port: %d\n", source.Host, source.Port))
	store := storetest.Spec()
	store.To = spec.Name
	store.From.Elasticsearch = manifest.HostAddress{File: spec.Connection.File, Format: "yaml", Host: "search_host", Port: "search_port"}
	store.Values = map[string]manifest.HostValue{"ip": {File: spec.Connection.File, Format: "yaml", Key: "search_host"}}
	m := work.Manifest()
	m.Databases, m.Stores = []manifest.Database{spec}, []manifest.Store{store}
	m.Services = append([]manifest.Service{{Unit: "search", Only: manifest.Old, Source: true}}, m.Services...)
	units := window.NewUnits(work, jobtest.Services(t, sm, work))
	d := &window.Door{Units: units}
	t.Cleanup(d.Close)
	s := &schema.Set{Job: work}
	u := &Upgrade{Job: work, units: units, schema: s, door: d, stores: newStores(work, s), drain: &drain.Drain{Job: work, Schema: s}, parts: &parts.Parts{}}
	u.drain.Stores = u.stores
	return u, sm, source
}

// steps makes steps of a stage by their names, and returns the first error.
func (u *Upgrade) some(t *testing.T, stage line.Stage, names ...string) error {
	t.Helper()
	for _, name := range names {
		found := false
		for _, s := range u.steps()[stage] {
			if s.Name == name {
				found = true
				if err := s.Do(t.Context()); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		if !found {
			t.Fatalf("%s has no step %q", stage, name)
		}
	}
	return nil
}

// question answers a query of the new release's database.
func (u *Upgrade) question(t *testing.T, query string) (answer string) {
	t.Helper()
	err := u.schema.With(t.Context(), u.Manifest().Databases[0], func(db *database.DB) (err error) {
		answer, err = db.Value(t.Context(), query)
		return err
	})
	jobtest.Do(t, err)
	return answer
}

// prepared goes to the end of prepare; a migration is what makes the tables.
func prepared(t *testing.T, u *Upgrade) {
	t.Helper()
	jobtest.Do(t, u.units.Record(t.Context()), u.some(t, line.Prepare, "record the addresses of the databases", "record the sources of the stores"))
	jobtest.Do(t, u.schema.With(t.Context(), u.Manifest().Databases[0], func(db *database.DB) error {
		_, err := db.Pool.ExecContext(t.Context(), storetest.Schema)
		return err
	}))
	jobtest.Do(t, u.Journal.Update(func(r *journal.Record) { r.Schema = map[string]int64{"main": 0} }), u.some(t, line.Prepare, copyStores))
}

// TestStoreThere: the source serves until its documents are proved to be copied, and not an instant longer.
func TestStoreThere(t *testing.T) {
	t.Parallel()
	u, sm, source := storeWorld(t)
	prepared(t, u)
	source.Put("things", "plan", "late", `{"id":"late","body":[]}`)
	jobtest.Do(t, u.some(t, line.Switch, "shut the door", "mark the window", "stop the services"))
	if sm.State("search") != "active" || sm.State("rest") != "inactive" {
		t.Errorf("the source is %s, the service %s", sm.State("search"), sm.State("rest"))
	}
	jobtest.Do(t, u.some(t, line.Switch, "stores to new", "stop the sources"))
	if sm.State("search") != "inactive" || sm.Try("search") {
		t.Error("the source still runs, or can be started")
	}
	jobtest.Do(t, u.some(t, line.Switch, "start the services"))
	if sm.State("search") != "inactive" || sm.State("rest") != "active" {
		t.Errorf("the source is %s, the service %s", sm.State("search"), sm.State("rest"))
	}
	jobtest.Do(t, u.some(t, line.Open, "forget the stores' copies"))
	if got := u.question(t, "SELECT (SELECT count(*) FROM plans) || ' ' || (SELECT count(*) FROM pg_class WHERE relname LIKE 'store%')"); got != "2 0" {
		t.Errorf("the database has %s", got)
	}
	n, err := stores.Notes(u.Attempt.Stores())
	if err != nil || n["storage"].Documents != 7 || n["storage"].Rows["plans"] != 2 {
		t.Errorf("noted %+v, %v", n, err)
	}
}

// TestStoreBack: from anywhere in the switch, also by another process that finds the new release's configuration.
func TestStoreBack(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"stop the services", "stores to new", "stop the sources", "start the services"} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			u, sm, source := storeWorld(t)
			prepared(t, u)
			jobtest.Do(t, u.some(t, line.Switch, "shut the door", "mark the window"))
			for _, name := range []string{"stop the services", "stores to new", "stop the sources", "start the services"} {
				jobtest.Do(t, u.some(t, line.Switch, name))
				if name == last {
					break
				}
			}
			known := u.Manifest().Databases[0].Connection.File
			jobtest.Write(t, known, "new_keys: only\n")
			sm.Log()
			jobtest.Do(t, u.some(t, line.Restore, "mark the window", "stop the services", "stores to old"))
			if got := u.question(t, "SELECT (SELECT count(*) FROM plans) || ' ' || (SELECT count(*) FROM pg_class WHERE relname LIKE 'store%')"); got != "0 0" {
				t.Errorf("the database has %s", got)
			}
			jobtest.Do(t, u.some(t, line.Restore, "start the sources", "prove the sources"))
			if sm.State("search") != "active" || sm.State("rest") != "inactive" {
				t.Errorf("at the proof the source is %s, the service %s", sm.State("search"), sm.State("rest"))
			}
			jobtest.Do(t, u.some(t, line.Restore, "start the services"))
			n, err := stores.Notes(u.Attempt.Stores())
			if err != nil || n["storage"].Returned != (last != "stop the services") {
				t.Errorf("noted %+v, %v", n, err)
			}
			if source.Scrolls() > 0 {
				t.Errorf("%d scrolls are left open", source.Scrolls())
			}
		})
	}
}

// TestStoreIsNotWhatItWas: nobody is let in before a person has looked.
func TestStoreIsNotWhatItWas(t *testing.T) {
	t.Parallel()
	u, sm, source := storeWorld(t)
	prepared(t, u)
	jobtest.Do(t, u.some(t, line.Switch, "shut the door", "mark the window", "stop the services", "stores to new", "stop the sources"))
	source.DeleteByQuery("things", "plan", func(string) bool { return true })
	source.Refresh()
	err := u.some(t, line.Restore, "mark the window", "stop the services", "stores to old", "start the sources", "prove the sources", "start the services")
	if err == nil || !strings.Contains(err.Error(), "0 of things/plan instead of 1") || sm.State("rest") != "inactive" {
		t.Errorf("error %v, the service is %s", err, sm.State("rest"))
	}
	jobtest.Do(t, os.Remove(u.Attempt.Stores()), u.some(t, line.Restore, "prove the sources", "start the services")) // as the error says
}

// TestStoreUndone: from prepare, while the old release serves.
func TestStoreUndone(t *testing.T) {
	t.Parallel()
	u, sm, source := storeWorld(t)
	jobtest.Do(t, u.units.Record(t.Context()), u.some(t, line.Undo, "stores to old")) // nothing was recorded yet
	prepared(t, u)
	source.Put("things", "plan", "late", `{"id":"late","body":[]}`)
	jobtest.Do(t, u.some(t, line.Undo, "stores to old"), u.some(t, line.Reopen, "stores to old"))
	if got := u.question(t, "SELECT (SELECT count(*) FROM plans) || ' ' || (SELECT count(*) FROM pg_class WHERE relname LIKE 'store%')"); got != "0 0" {
		t.Errorf("the database has %s", got)
	}
	if sm.State("search") != "active" || sm.State("rest") != "active" {
		t.Error("something was stopped")
	}
	if i, err := os.Stat(filepath.Join(u.Attempt.Var, "backup", "stores.json")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", i, err)
	}
}
