package storecheck

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/store/storetest"
)

func open(server *elastictest.Server) *source.Source {
	return source.New(storetest.Spec(), server.Host, server.Port)
}

func options() mapping.Options {
	return mapping.Options{Values: map[string]manifest.JSON{"ip": manifest.JSON(`"10.0.0.1"`)}}
}

// TestInspect: all that stands in the way is reported at once, without a database.
func TestInspect(t *testing.T) {
	t.Parallel()
	server := elastictest.New(t)
	storetest.Small(server)
	server.Put("things", "other", "1", `{}`)
	server.Put("things", "job", "b", `{"id":"b","site_id":null,"progress":"begun"}`)
	server.Put("things", "job", "c", `{"id":"c","site_id":"gone","progress":"secret"}`)
	server.Put("things", "job", "d", `{"id":"d","site_id":null,"progress":"secret"}`)
	server.Put("things", "part", "again", `{"id":"x","site_id":"s","properties":"\u0000"}`)
	server.Put("days-2017.01.05", "event", "e2", `{"@timestamp":"2017-01-05T10:20:30.000Z","message":{"text":"\u0000\ud800"},"context":{"job_id":"j"}}`)
	server.Put("days-2017.01.05", "event", "e3", `{"@timestamp":"2017-01-05T10:20:30.000Z","context":{}}`)
	server.Put("days-2017.01.05", "event", "e4", `{"@timestamp":"2017-01-05T10:20:30.000Z","context":{"job_id":"gone"}}`)
	server.Put("days-2017.01.06", "event", "e", `{"@timestamp":"2017-01-06T10:20:30.000Z","context":{"job_id":"j"}}`)
	server.Refresh()
	s := open(server)
	i, err := Inspect(context.Background(), s, options(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(i.Strange) != "[things/other]" || i.MisfitsAll != 2 || len(i.Misfits) != 2 || i.PendingAll != 1 || !slices.Equal(i.Pending, []string{`jobs of "b", progress`}) || i.Version != "1.6.0" || i.Documents != 15 {
		t.Errorf("found %+v", i)
	}
	for _, m := range i.Misfits {
		if strings.Contains(m.Error(), "secret") {
			t.Errorf("a value is told: %v", m)
		}
	}
	want := []string{"1 without a place: history"}
	want = append([]string{"events: 1 without a place (job: no such row)", "events: 1 without a place (job: no value)", "events: 2 characters of message that PostgreSQL cannot hold, each written as U+FFFD",
		"events: 1 whose id another document has", "jobs: 1 without a place (site: no such row)"}, want...)
	if got := i.Reasons(); !slices.Equal(got, want) {
		t.Errorf("reasons %q", got)
	}
}

// TestLimits: what a column cannot hold is reported before there is a table, as the bundle says what it can.
func TestLimits(t *testing.T) {
	t.Parallel()
	server := elastictest.New(t)
	storetest.Small(server)
	server.Put("things", "update", "u", `{"id":"u","site_id":"s","steps":[{"id":"1","what":"more than six"},{"id":"2","what":"sixsix"}]}`)
	s := open(server)
	for _, table := range s.Spec.Tables {
		if what, is := table.Columns["what"]; is {
			what.Length = 6
			table.Columns["what"] = what
		}
	}
	i, err := Inspect(context.Background(), s, options(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if i.MisfitsAll != 1 || !strings.Contains(i.Misfits[0].Error(), `things/update/"u"`) || !strings.Contains(i.Misfits[0].Error(), "longer than the column") {
		t.Errorf("found %+v", i.Misfits)
	}
}

// TestPending: what is not final is found without reading all.
func TestPending(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := elastictest.New(t)
	storetest.Small(server)
	s := open(server)
	if names, n, err := Pending(ctx, s, options()); err != nil || n != 0 || len(names) != 0 {
		t.Errorf("%d are not final: %v, %v", n, names, err)
	}
	server.Put("things", "job", "b", `{"id":"b","site_id":"s","progress":"begun"}`)
	server.Put("things", "job", "c", `{"id":"c","site_id":"gone","progress":"begun"}`) // it has no place
	if names, n, err := Pending(ctx, s, options()); err != nil || n != 1 || !slices.Equal(names, []string{`jobs of "b", progress`}) {
		t.Errorf("%d are not final: %v, %v", n, names, err)
	}
	edit, err := s.Spec.Tables[3].EndedBy("b", "failed")
	if err != nil {
		t.Fatal(err)
	}
	decided := open(server)
	decided.Spec.Tables[3].Edit = []manifest.StoreEdit{edit}
	if names, n, err := Pending(ctx, decided, options()); err != nil || n != 0 {
		t.Errorf("%d are not final, whose end was declared: %v, %v", n, names, err)
	}
	read := 0
	server.Do(func() {
		server.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			if strings.HasSuffix(r.URL.Path, "/_search") {
				for _, other := range []string{"part", "event", "log", "setting"} {
					if strings.Contains(r.URL.Path, "/"+other+"/") {
						t.Errorf("%s was read", r.URL.Path)
					}
				}
				read++
			}
			return false
		}
	})
	if _, _, err := Pending(ctx, s, options()); err != nil || read == 0 {
		t.Errorf("%d searches, %v", read, err)
	}
}

// TestRepeats: what comes twice is counted exactly, and about when there is more than is kept.
func TestRepeats(t *testing.T) {
	t.Parallel()
	for most, about := range map[int]bool{0: false, 500: true} {
		r := &repeats{most: most}
		for i := range 20000 {
			r.add(fmt.Sprint(i))
			if i%4 == 0 {
				r.add(fmt.Sprint(i))
			}
		}
		got := r.count()
		if got.About != about || !about && got.Number != 5000 || got.Number < 2500 || got.Number > 10000 || len(r.kept) > max(most, 25000) {
			t.Errorf("%s of 5000 with room for %d", got, most)
		}
	}
}
