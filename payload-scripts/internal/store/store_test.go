package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/store/storetest"
	"onerpm/test/product/testbed"
)

// TestTwoReadingsEqualOne: a first copy, a busy product, and a second reading give what one
// copy at the end gives.
func TestTwoReadingsEqualOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b := newBed(t)
			b.source.ShortPages = seed%2 == 1
			p := storetest.NewProduct(b.source, seed)
			p.Final = false
			p.Work(1500)
			s := b.store()
			r, err := s.Copy(ctx)
			b.Must(err)
			if r.State != ledger.Copied || r.Tables["events"].Rows == 0 || r.Tables["parts"].Rows == 0 {
				t.Fatalf("record %+v", r)
			}
			p.Final, p.Now = true, time.Now()
			if seed == 3 {
				p.Now = time.Now().Add(-48 * time.Hour) // old events are restored
			}
			for _, id := range p.Jobs {
				p.Job(id)
			}
			p.Work(600)
			if seed == 4 {
				b.source.DropIndex("days-" + time.Now().Add(-72*time.Hour).UTC().Format("2006.01.02"))
				b.source.Refresh()
			}
			b.Must(s.Converge(ctx, manifest.New))
			b.Must(b.store().Converge(ctx, manifest.New)) // once more changes nothing

			one := b.beside()
			other := one.store()
			b.Must(other.Converge(ctx, manifest.New))
			b.Same("copies", b.content(), one.content())
			if n := strings.Count(one.content(), "\n"); n < 500 {
				t.Errorf("only %d rows", n)
			}
			first, err := s.Record(ctx)
			b.Must(err)
			second, err := other.Record(ctx)
			b.Must(err)
			for table, l := range first.Tables {
				if o := second.Tables[table]; l.Rows != o.Rows || l.Total().Documents != o.Total().Documents {
					t.Errorf("%s: %d rows of %d documents, in one copy %d of %d", table, l.Rows, l.Total().Documents, o.Rows, o.Total().Documents)
				}
			}
			if first.Proof.Digest != second.Proof.Digest || len(first.Proof.Counts) == 0 {
				t.Errorf("proofs %+v and %+v", first.Proof, second.Proof)
			}
			b.Must(s.Prove(ctx, first.Proof))
			b.Want("SELECT count(*) FROM pg_class WHERE relname LIKE '%store%' AND relkind = 'i' AND relname NOT LIKE '%pkey'", "0")
			b.Want("SELECT (SELECT max(_n) FROM parts) < nextval('parts__n_seq')", "true")
			b.Must(s.Forget(ctx))
			b.Must(s.Forget(ctx))
			b.Want("SELECT count(*) FROM pg_class WHERE relname LIKE 'store%'", "0")
		})
	}
}

// TestCutOffAnywhere: an engine that ends at any request to the source leaves what the next one
// goes on with, to either side.
func TestCutOffAnywhere(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	p := storetest.NewProduct(b.source, 7)
	p.Work(400)
	want := b.beside()
	b.Must(want.store().Converge(context.Background(), manifest.New))
	empty := b.beside().SchemaDump()

	ended := 0
	for at := int64(1); ; at++ {
		run, cancel := context.WithCancel(context.Background())
		var n atomic.Int64
		b.source.Do(func() {
			b.source.Hook = func(http.ResponseWriter, *http.Request, string) bool {
				if n.Add(1) == at {
					cancel()
				}
				return false
			}
		})
		here := b.beside()
		_, err := here.store().Copy(run)
		if err == nil {
			err = here.store().Converge(run, manifest.New)
		}
		b.source.Do(func() { b.source.Hook = nil })
		finished := err == nil && n.Load() < at
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("cut off at request %d: %v", at, err)
		}
		if err != nil {
			ended++
		}
		if at%2 == 0 {
			b.Must(here.store().Converge(context.Background(), manifest.New))
			here.Same(fmt.Sprintf("copies after request %d", at), here.content(), want.content())
		}
		b.Must(here.store().Converge(context.Background(), manifest.Old))
		b.Must(here.store().Converge(context.Background(), manifest.Old))
		if got := here.content(); strings.TrimSpace(got) != "" {
			t.Errorf("after the way back at request %d there is %s", at, got)
		}
		if at%4 == 0 {
			here.Same("schemas", here.SchemaDump(), empty)
		}
		here.Want("SELECT count(*) FROM pg_class WHERE relname LIKE 'store%'", "0")
		if t.Failed() || finished {
			break
		}
		if at > 12 {
			at += 8
		}
	}
	if ended < 16 {
		t.Errorf("it was ended only %d times", ended)
	}
}

// TestServerIsLost: PostgreSQL dies in the middle of either reading, and comes back.
func TestServerIsLost(t *testing.T) {
	t.Parallel()
	server, err := testbed.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	first := newBed(t)
	b := &bed{testbed.On(t, server), first.source}
	b.SQL.SetMaxIdleConns(0)
	b.Super.SetMaxIdleConns(0)
	b.Exec(storetest.Schema)
	p := storetest.NewProduct(b.source, 9)
	p.Work(800)
	b.Must(first.store().Converge(context.Background(), manifest.New))
	s := b.store()
	kills := 0
	killAt := func(path string, nth int) {
		n := 0
		b.source.Do(func() {
			b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
				if strings.HasSuffix(r.URL.Path, path) {
					if n++; n == nth {
						kills++
						if err := errors.Join(server.Kill(), server.Restart(context.Background())); err != nil {
							t.Error(err)
						}
					}
				}
				return false
			}
		})
	}
	killAt("/event/_search", 2)
	_, err = s.Copy(context.Background())
	b.Must(err)
	killAt("/_search/scroll", 9)
	b.Must(s.Converge(context.Background(), manifest.New))
	b.source.Do(func() { b.source.Hook = nil })
	b.Same("copies", b.content(), first.content())
	if kills != 2 {
		t.Errorf("it was killed %d times", kills)
	}
}

// TestSourceIsLost: a page that is cut, or a restart of the source, is asked for again.
func TestSourceIsLost(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	storetest.NewProduct(b.source, 3).Work(500)
	want := b.beside()
	b.Must(want.store().Converge(context.Background(), manifest.New))
	s, n := b.store(), 0
	b.source.Do(func() {
		b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			if r.URL.Path == "/_search/scroll" && r.Method == http.MethodPost {
				if n++; n == 5 || n == 60 {
					b.source.Restart()
				}
			}
			return false
		}
	})
	b.Must(s.Converge(context.Background(), manifest.New))
	b.Same("copies", b.content(), want.content())
	b.source.Do(func() { b.source.Hook = func(http.ResponseWriter, *http.Request, string) bool { return false } })
	b.source.Close()
	_, err := b.beside().store().Copy(contextFor(t, time.Second))
	if err == nil {
		t.Error("a source that is not there was copied")
	}
}

func contextFor(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestRefusals: what is not as it must be ends the work, says what, and changes nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		before func(*bed) // the first copy
		after  func(*bed) // before the second reading
		want   string
	}{
		"an unknown type":       {before: func(b *bed) { b.source.Put("things", "other", "1", `{}`) }, want: "no place for, by index and type: [things/other]"},
		"an unknown index":      {before: func(b *bed) { b.source.Put("more", "x", "1", `{}`) }, want: "[more/x]"},
		"an unknown type later": {after: func(b *bed) { b.source.Put("days-2017.01.05", "metric", "1", `{}`) }, want: "[days-2017.01.05/metric]"},
		"a value of no enum":    {before: func(b *bed) { b.source.Put("things", "job", "bad", `{"id":"bad","site_id":null,"progress":"secret"}`) }, want: `document things/job/"bad" does not fit table jobs, column progress`},
		"a value later":         {after: func(b *bed) { b.source.Put("things", "site", "bad", `{"id":"bad","plan_id":"p","made":"secret"}`) }, want: `document things/site/"bad" does not fit table sites, column made`},
		"a text that is too long": {before: func(b *bed) {
			b.source.Put("things", "update", "u", `{"id":"u","site_id":"s","steps":[{"id":"1","what":"`+strings.Repeat("secret", 10)+`"}]}`)
		}, want: "does not fit table steps, column what: a text that is longer"},
		"two of one key":        {before: func(b *bed) { b.source.Put("things", "part", "else", `{"id":"x","site_id":"s"}`) }, want: "another document has the same key"},
		"work under way":        {after: func(b *bed) { b.source.Put("things", "job", "j", `{"id":"j","site_id":null,"progress":"begun"}`) }, want: `documents that are not final: jobs of "j", progress`},
		"rows of others":        {before: func(b *bed) { b.Exec("INSERT INTO settings VALUES ('x', 'y')") }, want: "table settings has rows already"},
		"rows of others later":  {after: func(b *bed) { b.Exec("INSERT INTO logs (id, at) VALUES ('x', now())") }, want: "table logs has 1 rows instead of 0"},
		"rows that are gone":    {after: func(b *bed) { b.Exec("DELETE FROM events") }, want: "table events has 0 rows instead of 1"},
		"another schema":        {before: func(b *bed) { b.Exec("ALTER TABLE parts RENAME count TO counted") }, want: "table parts, column count: the database has no such column"},
		"a closed index":        {before: func(b *bed) { b.source.CloseIndex("things") }, want: "a closed index: index things of"},
		"an index closed later": {after: func(b *bed) { b.source.CloseIndex("days-2017.01.05") }, want: "a closed index: index days-2017.01.05 of"},
		"a writer": {after: func(b *bed) {
			n := 0
			b.source.Do(func() {
				b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
					if r.URL.Path == "/_search/scroll" && r.Method == http.MethodPost {
						if n++; n%3 == 0 { // in every try
							b.source.Put("things", "site", "late", `{"id":"late","plan_id":"p","made":"2017-01-05 10:20:30"}`)
						}
					}
					return false
				}
			})
		}, want: "the source was written to meanwhile"},
		"a deletion by query": {after: func(b *bed) {
			n := 0
			for i := range 30 {
				b.source.Put("things", "site", fmt.Sprint("x", i), fmt.Sprintf(`{"id":"x%d","plan_id":"p","made":"2017-01-05 10:20:30"}`, i))
			}
			b.source.Do(func() {
				b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
					if r.URL.Path == "/_search/scroll" && r.Method == http.MethodPost {
						if n++; n%3 == 0 { // in every try
							b.source.DeleteByQuery("things", "site", func(source string) bool { return strings.Contains(source, fmt.Sprintf(`"x%d"`, n/3)) })
						}
					}
					return false
				}
			})
		}, want: "the source was written to meanwhile"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b := newBed(t)
			storetest.Small(b.source)
			if c.before != nil {
				c.before(b)
			}
			b.source.Refresh()
			s := b.store()
			before := b.DataDump()
			_, err := s.Copy(ctx)
			if c.after != nil {
				b.Must(err)
				c.after(b)
				b.source.Refresh()
				before = b.DataDump()
				err = s.Converge(ctx, manifest.New)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %s", err, c.want)
			}
			if c.after != nil {
				b.Same("data", b.DataDump(), before)
			}
		})
	}
}

// TestAnotherMapping: a copy that another mapping began is begun again.
func TestAnotherMapping(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	_, err := b.store().Copy(ctx)
	b.Must(err)
	s := b.store()
	s.Spec.Tables[3].Edit = []manifest.StoreEdit{{When: map[string]manifest.StoreCondition{"id": {In: manifest.JSON(`["j"]`)}}, Set: map[string]manifest.JSON{"progress": manifest.JSON(`"failed"`)}}}
	b.Must(s.Converge(ctx, manifest.New))
	b.Want("SELECT progress FROM jobs", "failed")
	b.Want("SELECT count(*) FROM events", "1")
	b.Want("SELECT version || ' ' || other FROM parts", "1 x")
}

// TestReport: what a copy left out is reported by reason.
func TestReport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	b.source.Put("things", "job", "k", `{"id":"k","site_id":"s","progress":"done"}`)
	for _, id := range []string{"1", "2"} {
		b.source.Put("days-2017.01.05", "event", id, `{"@timestamp":"2017-01-05T10:20:30.000Z","context":{"job_id":"k"}}`)
	}
	b.source.Put("days-2017.01.06", "event", "e", `{"@timestamp":"2017-01-05T10:20:30.000Z","context":{"job_id":"j"}}`)
	b.source.Put("days-2017.01.06", "event", "n", `{"@timestamp":"2017-01-05T10:20:30.000Z"}`)
	b.source.Refresh()
	s := b.store()
	_, err := s.Copy(ctx)
	b.Must(err)
	b.source.Delete("things", "job", "k")
	b.source.Refresh()
	b.Must(s.Converge(ctx, manifest.New))
	r, err := s.Record(ctx)
	b.Must(err)
	want := []string{"events: 1 without a place (job: no value)", "events: 1 whose id another document has", "events: 2 whose place was deleted meanwhile", "1 without a place: history"}
	if got := r.Reasons(); !slices.Equal(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
	proof := r.Proof
	b.source.Put("things", "plan", "p", `{"id":"p","body":{}}`)
	if err := s.Prove(ctx, proof); err == nil || !strings.Contains(err.Error(), "other documents") {
		t.Errorf("a source that was written to is proved: %v", err)
	}
}

// TestRehearsal: while the product writes, both readings can be tried.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	p := storetest.NewProduct(b.source, 11)
	p.Final = false
	p.Work(300)
	s := b.store()
	s.Live = true
	_, err := s.Copy(ctx)
	b.Must(err)
	b.source.Do(func() {
		b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			if r.URL.Path == "/_search/scroll" {
				b.source.Put("things", "plan", fmt.Sprint("late", time.Now().UnixNano()), `{"id":"late","body":[]}`)
			}
			return false
		}
	})
	b.Must(s.Converge(ctx, manifest.New))
}

// TestLateWrites: what a writer had sent before it was stopped may arrive in the middle of the
// second reading, and is there all the same.
func TestLateWrites(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	s := b.store()
	_, err := s.Copy(ctx)
	b.Must(err)
	n := 0
	b.source.Do(func() {
		b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			if r.URL.Path == "/_search/scroll" && r.Method == http.MethodPost {
				if n++; n == 3 {
					b.source.Put("things", "plan", "late", `{"id":"late","body":[]}`)
				}
			}
			return false
		}
	})
	b.Must(s.Converge(ctx, manifest.New))
	b.Want("SELECT count(*) FROM plans", "2")
}

// TestIndexDeletedMeanwhile: the product deletes old days while they are copied.
func TestIndexDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	b.source.Put("days-2017.01.06", "event", "f", `{"@timestamp":"2017-01-06T10:20:30.000Z","context":{"job_id":"j"}}`)
	b.source.Refresh()
	b.source.Do(func() {
		b.source.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			if strings.HasPrefix(r.URL.Path, "/days-2017.01.05/event/") {
				b.source.DropIndex("days-2017.01.05")
			}
			return false
		}
	})
	s := b.store()
	r, err := s.Copy(ctx)
	b.Must(err)
	if n := r.Tables["events"].Rows; n != 1 {
		t.Errorf("%d events were copied", n)
	}
	b.Must(s.Converge(ctx, manifest.New))
	b.Want("SELECT string_agg(id, ' ') FROM events", "f")
}

// TestTwoStores: what is done to the copy of one store leaves another one's alone.
func TestTwoStores(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, o := newBed(t), elastictest.New(t)
	storetest.Small(b.source)
	storetest.Small(o)
	b.Exec("BEGIN; CREATE SCHEMA other; SET LOCAL search_path = other; " + storetest.Schema + "COMMIT")
	first, second := b.store(), b.store()
	second.From = elastic.New(o.Host, o.Port)
	second.Spec.Name = "other"
	for i, table := range second.Spec.Tables {
		table.Table = "other." + table.Table
		table.Columns = maps.Clone(table.Columns)
		for name, c := range table.Columns {
			if c.Row != "" {
				c.Row = "other." + c.Row
				table.Columns[name] = c
			}
		}
		second.Spec.Tables[i] = table
	}
	for _, s := range []*Store{first, second} {
		_, err := s.Copy(ctx)
		b.Must(err)
	}
	b.source.Put("things", "part", "s_y", `{"id":"y","site_id":"s"}`)
	o.Put("things", "part", "s_y", `{"id":"y","site_id":"s"}`)
	for _, s := range []*Store{first, second} {
		b.Must(s.Converge(ctx, manifest.New))
	}
	b.Must(first.Converge(ctx, manifest.Old))
	b.Want("SELECT count(*) FROM parts", "0")
	b.Want("SELECT count(*) FROM other.parts", "2")
	b.Must(second.Converge(ctx, manifest.New))
	b.Must(second.Converge(ctx, manifest.Old))
	b.Want("SELECT count(*) FROM other.parts", "0")
	b.Want("SELECT count(*) FROM pg_class WHERE relname LIKE '%store%'", "0")
}

// TestAnotherAttempt: a copy that another attempt left, proved then, is no copy of the source as it is now.
func TestAnotherAttempt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	b.Must(b.store().Converge(ctx, manifest.New))
	b.source.Put("things", "plan", "q", `{"id":"q","body":{}}`)
	s := b.store()
	s.Attempt = "a2"
	b.Must(s.Converge(ctx, manifest.New))
	b.Want("SELECT count(*) FROM plans", "2")
}

// TestWayBackNeedsNoConfiguration: the host's values may be the new release's by then.
func TestWayBackNeedsNoConfiguration(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	b.Must(b.store().Converge(ctx, manifest.New))
	b.source.Close()
	s := b.store()
	s.Options.Values = nil
	b.Must(s.Converge(ctx, manifest.Old))
	b.Want("SELECT count(*) FROM plans", "0")
}

// TestKilledEngine: the sessions of an engine that was killed are ended before a copy begins, which
// they would change or hold up.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	storetest.Small(b.source)
	for _, work := range map[string]func() error{
		"the first reading":  func() error { _, err := b.store().Copy(ctx); return err },
		"the second reading": func() error { return b.store().Converge(ctx, manifest.New) },
		"the way back":       func() error { return b.store().Converge(ctx, manifest.Old) },
	} {
		killed := b.store()
		conn, err := killed.DB.Pool.Conn(ctx)
		b.Must(err)
		tx, err := conn.BeginTx(ctx, nil)
		b.Must(err)
		_, err = tx.ExecContext(ctx, "INSERT INTO plans (id, body, tenant) VALUES ('left', '', 0)")
		b.Must(err)
		_, err = tx.ExecContext(ctx, "LOCK TABLE events, sites, plans")
		b.Must(err)
		b.Must(work())
		if err := tx.Commit(); err == nil {
			t.Error("what was left running could still commit")
		}
		_ = conn.Close()
	}
}
