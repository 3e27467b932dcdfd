package source

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/elastic/elastictest"
)

func spec() manifest.Store {
	return manifest.Store{Name: "s", Ignore: []manifest.StoreIgnore{{Index: "kept*", Why: "history"}}, Tables: []manifest.StoreTable{
		{Table: "parts", Read: manifest.StoreRead{Index: "things", Type: "part", Each: "items"}},
		{Table: "items", Read: manifest.StoreRead{Index: "things", Type: "part"}},
		{Table: "events", Read: manifest.StoreRead{Index: "days-*", Type: "event", Grows: "at"}},
	}}
}

func fill(t *testing.T) (*elastictest.Server, *Source) {
	t.Helper()
	server := elastictest.New(t)
	for i := range 20 {
		server.Put("things", "part", fmt.Sprint(i), fmt.Sprintf(`{"n":%d}`, i))
	}
	server.Put("days-1", "event", "e", `{}`)
	server.Put("kept-1", "x", "1", `{}`)
	server.Refresh()
	return server, New(spec(), server.Host, server.Port)
}

// TestDigest: it is that of the documents, whatever their order, and of everything about them.
func TestDigest(t *testing.T) {
	t.Parallel()
	var list []document.Document
	for i := range 100 {
		list = append(list, document.Document{Index: "i", Type: "t", ID: fmt.Sprint(i), Version: int64(i), Source: []byte(fmt.Sprint(i))})
	}
	sum := func(list []document.Document) string {
		var g Digest
		for _, d := range list {
			g.Add(&d)
		}
		return g.String()
	}
	want := sum(list)
	seen := map[string]bool{want: true}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if got := sum(list); got != want {
		t.Errorf("in another order %s instead of %s", got, want)
	}
	for _, change := range []func(*document.Document){
		func(d *document.Document) { d.Index += "x" }, func(d *document.Document) { d.Type += "x" }, func(d *document.Document) { d.ID += "x" },
		func(d *document.Document) { d.Version++ }, func(d *document.Document) { d.Source = append([]byte("1"), d.Source...) },
		func(d *document.Document) { d.Index, d.Type = d.Index+d.Type, "" },
	} {
		was := list[7]
		change(&list[7])
		if got := sum(list); seen[got] {
			t.Errorf("%+v is not told from %+v", list[7], was)
		} else {
			seen[got] = true
		}
		list[7] = was
	}
	var none *Digest
	none.Add(&list[0])
}

// TestProve: what the source has is proved, and what has changed is reported.
func TestProve(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server, s := fill(t)
	look, err := s.Look(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var sum Digest
	if err := s.Read(ctx, elastic.Query{Index: "things", Type: "part"}, func(d *document.Document) error { sum.Add(d); return nil }); err != nil {
		t.Fatal(err)
	}
	p := NewProof(look.Counts, &sum)
	server.Restart()
	if err := s.Prove(ctx, p); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(){
		"of the same number":             func() { server.Put("things", "part", "3", `{"n":3}`) }, // its version is another one
		"2 of days-1/event instead of 1": func() { server.Put("days-1", "event", "f", `{}`) },
		"1 of other/x instead of 0":      func() { server.Put("other", "x", "f", `{}`) },
	} {
		change()
		if err := s.Prove(ctx, p); !errors.Is(err, ErrOthers) {
			t.Errorf("%s: %v", what, err)
		} else if what != "of the same number" && !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

// TestLook: writes between two looks are reported, and what happens by itself is not.
func TestLook(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for what, c := range map[string]struct {
		do   func(*elastictest.Server)
		same bool
	}{
		"nothing":            {func(*elastictest.Server) {}, true},
		"the same again":     {func(s *elastictest.Server) { s.Put("things", "part", "1", `{"n":1}`) }, false},
		"deleted":            {func(s *elastictest.Server) { s.Delete("things", "part", "1") }, false},
		"deleted by query":   {func(s *elastictest.Server) { s.DeleteByQuery("things", "part", func(string) bool { return true }) }, false},
		"another index":      {func(s *elastictest.Server) { s.Put("more", "part", "1", `{}`) }, false},
		"an index is gone":   {func(s *elastictest.Server) { s.DropIndex("kept-1") }, false},
		"a restarted source": {func(s *elastictest.Server) { s.Restart() }, false}, // it may have lost writes
	} {
		server, s := fill(t)
		before, err := s.Look(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c.do(server)
		server.Refresh()
		after, err := s.Look(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := before.Same(after); (err == nil) != c.same || err != nil && !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestStrange: what nobody reads is reported, what is ignored is counted.
func TestStrange(t *testing.T) {
	t.Parallel()
	_, s := fill(t)
	c := Counts{{Index: "things", Type: "part"}: 3, {Index: "kept-1", Type: "x"}: 2, {Index: "kept-2", Type: "y"}: 5, {Index: "days-1", Type: "event"}: 1}
	if err := s.CheckUnknown(c); err != nil {
		t.Error(err)
	}
	if got := s.Ignored(c); len(got) != 1 || got["history"] != 7 {
		t.Errorf("ignored %v", got)
	}
	c[elastic.Kind{Index: "days-1", Type: "metric"}] = 1
	var strange *UnknownDocumentsError
	if err := s.CheckUnknown(c); !errors.As(err, &strange) || len(strange.Kinds) != 1 || strange.Kinds[0].Type != "metric" {
		t.Errorf("strange %v", err)
	}
	if c.All() != 12 || c.Total(manifest.StoreRead{Index: "kept-*"}) != 7 || len(c.Of(manifest.StoreRead{Index: "*", Type: "metric"})) != 1 {
		t.Error("counted wrong")
	}
}

// TestOutlast: what the source did not answer to the end is asked again, what it refused is not, nor is
// what others did.
func TestOutlast(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server, s := fill(t)
	cut := 0
	server.Do(func() {
		server.Hook = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			if r.URL.Path == "/_search/scroll" && r.Method == http.MethodPost && cut > 0 {
				cut--
				panic(http.ErrAbortHandler)
			}
			return false
		}
	})
	for times, well := range map[int]bool{0: true, 2: true, 3: false} {
		cut = times
		n := 0
		err := s.RetryLost(ctx, func() error {
			n = 0
			return s.Read(ctx, elastic.Query{Index: "things", Type: "part"}, func(*document.Document) error { n++; return nil })
		})
		if (err == nil) != well || well && n != 20 {
			t.Errorf("cut %d times: %d documents, %v", times, n, err)
		}
	}
	cut = 0
	own, tries := errors.New("own"), 0
	err := s.RetryLost(ctx, func() error {
		tries++
		return s.Read(ctx, elastic.Query{Index: "things", Type: "part"}, func(*document.Document) error { return own })
	})
	if !errors.Is(err, own) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

// TestLookWaitsForANewIndex whose shards are not there yet when the documents are counted, as at midnight.
func TestLookWaitsForANewIndex(t *testing.T) {
	t.Parallel()
	server, s := fill(t)
	want, err := s.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short := 0
	server.Do(func() {
		server.Hook = func(w http.ResponseWriter, r *http.Request, _ string) bool {
			if !strings.Contains(r.URL.Path, "_search") || short > 0 {
				return false
			}
			short++
			_, _ = fmt.Fprint(w, `{"took":1,"timed_out":false,"_shards":{"total":30,"successful":25,"failed":0},"hits":{"total":0,"hits":[]},"aggregations":{"indices":{"buckets":[]}}}`)
			return true
		}
	})
	got, err := s.Look(t.Context())
	if err != nil || short != 1 || got.Same(want) != nil {
		t.Errorf("%+v, %v, want %+v; shards were missing %d times", got, err, want, short)
	}
}
