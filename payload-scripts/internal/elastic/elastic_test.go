package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic/elastictest"
)

func client(s *elastictest.Server) *Client { return New(s.Host, s.Port) }

// names reads documents and returns index/type/id version source of each, sorted.
func names(c *Client, q Query) ([]string, error) {
	var list []string
	_, err := c.Read(context.Background(), q, func(d *document.Document) error {
		list = append(list, fmt.Sprintf("%s/%s/%s %d %s", d.Index, d.Type, d.ID, d.Version, d.Source))
		return nil
	})
	slices.Sort(list)
	return list, err
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := elastictest.New(t)
	s.ShortPages = true
	odd := []string{`{"n":123456789012345678901234567890,"f":1.0,"z":-0.0,"s":"\u0000\ud800","dup":1,"dup":2}`, ` {"a" : [ 1 ] }`, `{"big":"` + strings.Repeat("x", 300000) + `"}`}
	var want []string
	for i := range 500 {
		source := odd[i%2]
		if i%50 == 0 {
			source = odd[2]
		}
		id := fmt.Sprintf("id %d", i)
		s.Put("things", "thing", id, source)
		want = append(want, fmt.Sprintf("things/thing/%s 1 %s", id, strings.TrimSpace(source)))
	}
	s.Put("things", "other", "o", `{}`)
	s.Put("more", "thing", "m", `{"@timestamp":"2017-01-05T10:20:30.123Z"}`)
	s.Refresh()
	s.Put("things", "thing", "not visible yet", `{}`)
	slices.Sort(want)
	c := client(s)
	pauses := 0
	c.Pause = func(context.Context, time.Duration) error { pauses++; return nil }
	got, err := names(c, Query{Index: "things", Type: "thing"})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d documents instead of %d, or others: %v", len(got), len(want), err)
	}
	if pauses < 10 {
		t.Errorf("%d pauses: a page is too large", pauses)
	}
	if got, err = names(c, Query{Index: "things", Type: "thing", IDs: true}); err != nil || len(got) != 500 || strings.Contains(strings.Join(got, ""), "{") {
		t.Errorf("without sources: %d, %v", len(got), err)
	}
	at := time.Date(2017, 1, 5, 10, 20, 30, 123e6, time.UTC)
	for since, want := range map[time.Time]int{at: 1, at.Add(time.Millisecond): 0} {
		if got, err = names(c, Query{Index: "*", Type: "thing", Field: "@timestamp", Since: since}); err != nil || len(got) != want {
			t.Errorf("since %s: %q, %v", since, got, err)
		}
	}
	for _, q := range []Query{{Index: "things", Type: "nothing"}, {Index: "none-*", Type: "thing"}} {
		if got, err = names(c, q); err != nil || len(got) != 0 {
			t.Errorf("%+v: %q, %v", q, got, err)
		}
	}
	if _, err = names(c, Query{Index: "none", Type: "thing"}); err == nil || !strings.Contains(err.Error(), "IndexMissingException") {
		t.Errorf("an index that is not there: %v", err)
	}
	if n := s.Scrolls(); n != 0 {
		t.Errorf("%d scrolls are left", n)
	}
}

// TestReadIsASnapshot: what is written meanwhile is in no page.
func TestReadIsASnapshot(t *testing.T) {
	t.Parallel()
	s := elastictest.New(t)
	for i := range 50 {
		s.Put("i", "t", fmt.Sprint(i), `{"v":"`+strings.Repeat("x", 400000)+`"}`)
	}
	s.Refresh()
	n, err := client(s).Read(context.Background(), Query{Index: "i", Type: "t"}, func(d *document.Document) error {
		s.Put("i", "t", "new "+d.ID, `{}`)
		s.Delete("i", "t", "49")
		s.Refresh()
		return nil
	})
	if err != nil || n != 50 {
		t.Errorf("%d documents, %v", n, err)
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	fill := func(t *testing.T) (*elastictest.Server, *Client) {
		s := elastictest.New(t)
		for i := range 100 {
			s.Put("i", "t", fmt.Sprint(i), `{"v":"`+strings.Repeat("x", 200000)+`"}`)
		}
		s.Refresh()
		return s, client(s)
	}
	onScroll := func(answer func(w http.ResponseWriter) bool) func(w http.ResponseWriter, r *http.Request, body string) bool {
		n := 0
		return func(w http.ResponseWriter, r *http.Request, _ string) bool {
			if r.URL.Path != "/_search/scroll" || r.Method != http.MethodPost {
				return false
			}
			n++
			return n == 2 && answer(w)
		}
	}
	for what, c := range map[string]struct {
		breaks func(s *elastictest.Server)
		want   string
		lost   bool
	}{
		"shards that recover": {func(s *elastictest.Server) { s.Missing = 3 }, "not every shard answered: 2 of 5 did", true},
		"a forgotten scroll": {func(s *elastictest.Server) {
			s.Hook = onScroll(func(http.ResponseWriter) bool { s.Restart(); return false })
		}, "404", true},
		"a page that is cut": {func(s *elastictest.Server) {
			s.Hook = onScroll(func(w http.ResponseWriter) bool { cut(w); return true })
		}, "unexpected EOF", true},
		"a shard that fails": {func(s *elastictest.Server) {
			s.Hook = onScroll(say(`{"_shards":{"total":5,"successful":4,"failed":1},"hits":{"total":100,"hits":[]}}`))
		}, "not every shard answered: 1 failed", true},
		"a page that timed out": {func(s *elastictest.Server) {
			s.Hook = onScroll(say(`{"timed_out":true,"_shards":{"total":5,"successful":5,"failed":0},"hits":{"total":100,"hits":[]}}`))
		}, "not every shard answered in time", true},
		"documents that lack": {func(s *elastictest.Server) {
			s.Hook = onScroll(say(`{"_shards":{"total":5,"successful":5,"failed":0},"hits":{"total":100,"hits":[]}}`))
		}, "documents came of 100 that were announced", true},
		"what is no page":      {func(s *elastictest.Server) { s.Hook = onScroll(say(`{"hits":{"total":1,"hits":[{"_id":5}]}}`)) }, "cannot unmarshal", false},
		"a hit without a name": {func(s *elastictest.Server) { s.Hook = onScroll(say(`{"hits":{"total":1,"hits":[{"_source":{}}]}}`)) }, "no page of documents", false},
		"something else":       {func(s *elastictest.Server) { s.Hook = onScroll(say(`[]`)) }, "no page of documents", false},
		"an error with its text": {func(s *elastictest.Server) {
			s.Hook = onScroll(func(w http.ResponseWriter) bool {
				w.WriteHeader(http.StatusInternalServerError)
				return say(`{"error":"OutOfMemoryError[Java heap space]","status":500}`)(w)
			})
		}, "500: OutOfMemoryError[Java heap space]", false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, cl := fill(t)
			c.breaks(s)
			_, err := names(cl, Query{Index: "i", Type: "t"})
			if err == nil || !strings.Contains(err.Error(), c.want) || Lost(err) != c.lost {
				t.Errorf("%v (lost %v), want %s", err, Lost(err), c.want)
			}
		})
	}
	t.Run("the caller", func(t *testing.T) {
		t.Parallel()
		s, cl := fill(t)
		mine := errors.New("mine")
		n := 0
		_, err := cl.Read(context.Background(), Query{Index: "i", Type: "t"}, func(*document.Document) error {
			if n++; n == 30 {
				return mine
			}
			return nil
		})
		if !errors.Is(err, mine) || n != 30 || s.Scrolls() != 0 {
			t.Errorf("%v after %d documents, %d scrolls left", err, n, s.Scrolls())
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		s, cl := fill(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := cl.Read(ctx, Query{Index: "i", Type: "t"}, func(*document.Document) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) || Lost(err) || s.Scrolls() != 0 {
			t.Errorf("%v, %d scrolls left", err, s.Scrolls())
		}
	})
}

func say(text string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool { _, _ = w.Write([]byte(text)); return true }
}

// cut ends the connection in the middle of a page.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"_scroll_id":"x","_shards":{"total":5,"successful":5,"failed":0},"hits":{"total":100,"hits":[{"_index":"i","_type":"t","_id":"1","_sou`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestState(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := elastictest.New(t)
	c := client(s)
	s.Put("b", "t", "1", `{"@timestamp":"2017-01-05T10:20:30.123Z"}`)
	s.Put("b", "t", "2", `{"@timestamp":"2017-01-05T10:20:31.000Z"}`)
	s.Put("b", "u", "1", `{}`)
	s.Put("a", "t", "1", `{}`)
	if counts, err := c.Counts(ctx); err != nil || len(counts) != 0 {
		t.Errorf("before a refresh: %v, %v", counts, err)
	}
	if err := errors.Join(c.Ready(ctx), c.Refresh(ctx), c.Flush(ctx)); err != nil {
		t.Error(err)
	}
	if counts, err := c.Counts(ctx); err != nil || fmt.Sprint(counts) != "map[a/t:1 b/t:2 b/u:1]" {
		t.Errorf("%v, %v", counts, err)
	}
	if counts, err := c.CountsSince(ctx, "*", "t", "@timestamp", time.Date(2017, 1, 5, 10, 20, 31, 0, time.UTC)); err != nil || fmt.Sprint(counts) != "map[b/t:1]" {
		t.Errorf("%v, %v", counts, err)
	}
	if list, err := c.Indices(ctx); err != nil || !slices.Equal(list, []string{"a", "b"}) {
		t.Errorf("%v, %v", list, err)
	}
	stats := func() Counters {
		all, err := c.Stats(ctx)
		if err != nil {
			t.Error(err)
		}
		x := all["b"]
		x.Bytes = 0
		return x
	}
	if got := stats(); got != (Counters{Written: 3, Count: 3, Shards: 5}) {
		t.Errorf("%+v", got)
	}
	s.DeleteByQuery("b", "t", func(source string) bool { return strings.Contains(source, "30.123") })
	s.Refresh()
	if got := stats(); got != (Counters{Written: 3, Count: 2, Gone: 1, Shards: 5}) {
		t.Errorf("after deleting by query: %+v", got)
	}
	s.CloseIndex("old")
	if _, err := c.Indices(ctx); err == nil || !strings.Contains(err.Error(), "index old of Elasticsearch at http://127.0.0.1:") || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed index: %v", err)
	}
	s.Do(func() { s.Missing = 1 })
	if _, err := c.Counts(ctx); !errors.Is(err, ErrShards) {
		t.Errorf("counts of a part: %v", err)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	s := elastictest.New(t)
	s.Put("i", "t", "1", "{}")
	s.Missing = 2
	c := client(s)
	go func() {
		for range 2 { // it was asked twice
			for n := 0; n < 1; n = strings.Count(strings.Join(s.Asked(), "\n"), "/_cluster/health") {
				time.Sleep(time.Millisecond)
			}
		}
		s.Do(func() { s.Missing = 0 })
	}()
	if err := c.Ready(context.Background()); err != nil {
		t.Error(err)
	}
	s.Do(func() { s.Version = "2.4.6" })
	if err := c.Ready(context.Background()); err == nil || !strings.Contains(err.Error(), `version "2.4.6": only 1.x is read`) {
		t.Errorf("another version: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	s.Close()
	if err := c.Ready(ctx); err == nil {
		t.Error("nobody is there and ready")
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bytes  int64
		shards int
		want   int
	}{{2 << 20, 5, 1}, {800, 5, 1048}, {800, 155, 33}, {100 << 20, 155, 1}, {1, 1, maxPage}, {0, 0, maxPage}} {
		if got := choose(c.bytes, c.shards); got != c.want {
			t.Errorf("%d bytes, %d shards: %d, want %d", c.bytes, c.shards, got, c.want)
		}
	}
}

// FuzzPage: whatever comes is read as documents with valid sources, or refused.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"_scroll_id":"x","took":1,"timed_out":false,"_shards":{"total":5,"successful":5,"failed":0},"hits":{"total":2,"max_score":0.0,"hits":[{"_index":"i","_type":"t","_id":"1","_version":3,"_source":{"a":1.0}},{"_index":"i","_type":"t","_id":"2"}]}}`,
		`{"hits":{"hits":[]},"_shards":{}}`, `{"hits":null}`, `{"hits":{"hits":[{"_id":1}]}}`, `[`, `{"hits":{"hits":[{`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := int64(0)
		p, err := readPage(strings.NewReader(text), func(d *document.Document) error {
			n++
			if d.ID == "" || d.Index == "" || d.Type == "" {
				t.Errorf("a document without a name: %+v", d)
			}
			document.Members(document.Trim(d.Source), func(k, v []byte) bool { return len(k) >= 2 && len(v) > 0 })
			return nil
		})
		if p.hits != n {
			t.Errorf("%d documents came and %d are counted: %v", n, p.hits, err)
		}
	})
}
