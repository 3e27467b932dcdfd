// Package elastictest is an Elasticsearch 1.6.0 in memory, as far as it is read: what it
// answers, refuses and forgets is as measured on a real one.
package elastictest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Shards are those of every index.
const Shards = 5

// doc is one document.
type doc struct {
	index, kind, id string
	version         int64
	source          string
}

func (d *doc) name() string { return d.index + "/" + d.kind + "/" + d.id }

// Server is one node. Its fields may be set before it is asked, and under Do.
type Server struct {
	*httptest.Server
	Host string
	Port uint16

	Version    string                                                                // 1.6.0 when empty
	Missing    int                                                                   // shards that are still recovering: health is red, searches leave them out and do not say so
	ShortPages bool                                                                  // pages come with a part of what was asked for
	Hook       func(w http.ResponseWriter, r *http.Request, body string) (done bool) // sees every request first

	mu       sync.Mutex
	live     map[string]*doc // by name
	visible  map[string]*doc // to searches, since the last refresh
	counters map[string]*counter
	closed   map[string]bool
	scrolls  map[string]*scroll
	made     int
	asked    []string
}

type counter struct{ written, deleted, gone int64 }

type scroll struct {
	docs []*doc // by shard
	size int
	ids  bool
}

// New starts a node that ends with the test.
func New(t testing.TB) *Server {
	s := &Server{live: map[string]*doc{}, visible: map[string]*doc{}, counters: map[string]*counter{}, closed: map[string]bool{}, scrolls: map[string]*scroll{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	s.Host, s.Port = host, uint16(n)
	return s
}

// Do runs work while no request is answered.
func (s *Server) Do(work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	work()
}

// Put writes a document, which searches see after a refresh.
func (s *Server) Put(index, kind, id, source string) {
	s.Do(func() {
		d := &doc{index: index, kind: kind, id: id, version: 1, source: source}
		c := s.counter(index)
		if old := s.live[d.name()]; old != nil {
			d.version = old.version + 1
			c.gone++
		}
		s.live[d.name()] = d
		c.written++
	})
}

// Delete deletes a document.
func (s *Server) Delete(index, kind, id string) {
	s.Do(func() {
		delete(s.live, (&doc{index: index, kind: kind, id: id}).name())
		s.counter(index).deleted++
		s.counter(index).gone++
	})
}

// DeleteByQuery deletes the documents for which match says so. Nothing counts that but the documents.
func (s *Server) DeleteByQuery(index, kind string, match func(source string) bool) {
	s.Do(func() {
		for name, d := range s.live {
			if d.index == index && d.kind == kind && match(d.source) {
				delete(s.live, name)
				s.counter(index).gone++
			}
		}
	})
}

// DropIndex deletes an index at once.
func (s *Server) DropIndex(index string) {
	s.Do(func() {
		for _, docs := range []map[string]*doc{s.live, s.visible} {
			for name, d := range docs {
				if d.index == index {
					delete(docs, name)
				}
			}
		}
		delete(s.counters, index)
	})
}

// CloseIndex closes an index.
func (s *Server) CloseIndex(index string) { s.Do(func() { s.closed[index] = true }) }

// Refresh makes all writes visible.
func (s *Server) Refresh() { s.Do(s.refresh) }

func (s *Server) refresh() {
	s.visible = make(map[string]*doc, len(s.live))
	for name, d := range s.live {
		s.visible[name] = d
	}
}

// Restart forgets the scrolls and sets the counters to 0.
func (s *Server) Restart() {
	s.Do(func() {
		s.scrolls = map[string]*scroll{}
		for _, c := range s.counters {
			c.written, c.deleted = 0, 0
		}
	})
}

// Scrolls is how many are open.
func (s *Server) Scrolls() (n int) {
	s.Do(func() { n = len(s.scrolls) })
	return n
}

// Asked lists the requests since the last call: method and path.
func (s *Server) Asked() (list []string) {
	s.Do(func() { list, s.asked = s.asked, nil })
	return list
}

func (s *Server) counter(index string) *counter {
	if s.counters[index] == nil {
		s.counters[index] = &counter{}
	}
	return s.counters[index]
}

func shard(d *doc) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(d.id)) // never fails
	return int(h.Sum32() % Shards)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	body := string(data)
	if s.Hook != nil && s.Hook(w, r, body) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := parts[len(parts)-1]
	switch {
	case r.URL.Path == "/":
		version := s.Version
		if version == "" {
			version = "1.6.0"
		}
		fmt.Fprintf(w, `{"status":200,"name":"x","version":{"number":%q}}`, version)
	case r.URL.Path == "/_cluster/health":
		status := "yellow"
		if s.Missing > 0 {
			status = "red"
			w.WriteHeader(http.StatusRequestTimeout)
		}
		fmt.Fprintf(w, `{"cluster_name":"x","status":%q,"timed_out":%v,"active_primary_shards":%d}`, status, s.Missing > 0, Shards*len(s.counters)-s.Missing)
	case r.URL.Path == "/_refresh" || r.URL.Path == "/_flush":
		if r.URL.Path == "/_refresh" {
			s.refresh()
		}
		fmt.Fprintf(w, `{"_shards":{"total":%d,"successful":%d,"failed":0}}`, 2*Shards*len(s.counters), Shards*len(s.counters))
	case r.URL.Path == "/_cat/indices":
		for _, name := range s.indices("*") {
			fmt.Fprintf(w, "open   %s \n", name)
		}
		for name := range s.closed {
			fmt.Fprintf(w, "close  %s \n", name)
		}
	case parts[0] == "_stats":
		s.stats(w)
	case r.URL.Path == "/_search/scroll" && r.Method == http.MethodDelete:
		delete(s.scrolls, body)
		fmt.Fprint(w, `{}`)
	case r.URL.Path == "/_search/scroll":
		s.scroll(w, body)
	case last == "_search":
		s.search(w, r, parts[:len(parts)-1], body)
	default:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"no handler for %s","status":400}`, r.URL.Path)
	}
}

func (s *Server) indices(pattern string) (names []string) {
	for name := range s.counters {
		if ok, _ := path.Match(pattern, name); ok && !s.closed[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func (s *Server) stats(w io.Writer) {
	fmt.Fprintf(w, `{"_shards":{"total":%d,"successful":%d,"failed":0},"indices":{`, 2*Shards*len(s.counters), Shards*len(s.counters))
	for i, name := range s.indices("*") {
		count, bytes := 0, 0
		for _, d := range s.visible {
			if d.index == name {
				count++
				bytes += len(d.source) / 3
			}
		}
		c := s.counters[name]
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `%q:{"primaries":{"docs":{"count":%d,"deleted":%d},"store":{"size_in_bytes":%d},"indexing":{"index_total":%d,"delete_total":%d}},"shards":{"0":[],"1":[],"2":[],"3":[],"4":[]}}`,
			name, count, c.gone, bytes, c.written, c.deleted)
	}
	fmt.Fprint(w, "}}")
}

// query is what of a search's body is understood.
type query struct {
	Size   *int      `json:"size"`
	Fields *[]string `json:"fields"`
	Query  struct {
		Filtered struct {
			Filter struct {
				Range map[string]struct {
					GTE string `json:"gte"`
				} `json:"range"`
			} `json:"filter"`
		} `json:"filtered"`
	} `json:"query"`
	Version bool            `json:"version"`
	Aggs    json.RawMessage `json:"aggs"`
}

func (q *query) matches(d *doc) bool {
	for field, bound := range q.Query.Filtered.Filter.Range {
		var source map[string]any
		if json.Unmarshal([]byte(d.source), &source) != nil {
			return false
		}
		text, _ := source[field].(string)
		at, err := time.Parse(time.RFC3339, text)
		since, wrong := time.Parse(time.RFC3339, bound.GTE)
		if err != nil || wrong != nil || at.Before(since) {
			return false
		}
	}
	return true
}

// answers tells whether a shard does.
func (s *Server) answers(shard int) bool { return shard >= s.Missing }

func (s *Server) search(w http.ResponseWriter, r *http.Request, of []string, body string) {
	var q query
	if err := json.Unmarshal([]byte(body), &q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"SearchParseException[%s]","status":400}`, strings.ReplaceAll(err.Error(), `"`, "'"))
		return
	}
	pattern := "*"
	if len(of) > 0 {
		pattern = of[0]
	}
	names := s.indices(pattern)
	if len(names) == 0 && pattern != "*" && !strings.Contains(pattern, "*") {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"error":"IndexMissingException[[%s] missing]","status":404}`, pattern)
		return
	}
	var found []*doc
	for _, d := range s.visible {
		ok, _ := path.Match(pattern, d.index)
		if ok && !s.closed[d.index] && (len(of) < 2 || of[1] == d.kind) && s.answers(shard(d)) && q.matches(d) {
			found = append(found, d)
		}
	}
	sort.Slice(found, func(i, j int) bool {
		if a, b := shard(found[i]), shard(found[j]); a != b {
			return a < b
		}
		return found[i].name() < found[j].name()
	})
	total := Shards * len(names)
	all := fmt.Sprintf(`{"total":%d,"successful":%d,"failed":0}`, total, total-s.Missing*len(names))
	switch r.URL.Query().Get("search_type") {
	case "count":
		s.count(w, all, found)
	case "scan":
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		s.made++
		id := fmt.Sprintf("c2Nhbjs%d==", s.made)
		s.scrolls[id] = &scroll{docs: found, size: max(1, size), ids: q.Fields != nil}
		fmt.Fprintf(w, `{"_scroll_id":%q,"took":1,"timed_out":false,"_shards":%s,"hits":{"total":%d,"max_score":0.0,"hits":[]}}`, id, all, len(found))
	default:
		size := 10
		if q.Size != nil {
			size = *q.Size
		}
		fmt.Fprintf(w, `{"took":1,"timed_out":false,"_shards":%s,"hits":{"total":%d,"max_score":1.0,"hits":`, all, len(found))
		hits(w, found[:min(size, len(found))], q.Fields != nil)
		fmt.Fprint(w, "}}")
	}
}

func (s *Server) count(w io.Writer, all string, found []*doc) {
	counts := map[string]map[string]int{}
	for _, d := range found {
		if counts[d.index] == nil {
			counts[d.index] = map[string]int{}
		}
		counts[d.index][d.kind]++
	}
	fmt.Fprintf(w, `{"took":1,"timed_out":false,"_shards":%s,"hits":{"total":%d,"max_score":0.0,"hits":[]},"aggregations":{"indices":{"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[`, all, len(found))
	first := true
	for index, kinds := range counts {
		if !first {
			fmt.Fprint(w, ",")
		}
		first = false
		sum := 0
		var buckets []string
		for kind, n := range kinds {
			buckets, sum = append(buckets, fmt.Sprintf(`{"key":%q,"doc_count":%d}`, kind, n)), sum+n
		}
		fmt.Fprintf(w, `{"key":%q,"doc_count":%d,"types":{"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[%s]}}`, index, sum, strings.Join(buckets, ","))
	}
	fmt.Fprint(w, "]}}}")
}

// scroll answers with the next page: at most size documents of each shard.
func (s *Server) scroll(w http.ResponseWriter, id string) {
	sc := s.scrolls[id]
	if sc == nil {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"_scroll_id":"x","took":1,"timed_out":false,"_shards":{"total":5,"successful":0,"failed":5,"failures":[{"status":404,"reason":"SearchContextMissingException[No search context found]"}]},"hits":{"total":0,"hits":[]}}`)
		return
	}
	var now, later []*doc
	given := map[int]int{}
	most := sc.size
	if s.ShortPages {
		most = max(1, sc.size/3)
	}
	for _, d := range sc.docs {
		if n := shard(d); given[n] < most {
			given[n]++
			now = append(now, d)
		} else {
			later = append(later, d)
		}
	}
	total := len(sc.docs)
	sc.docs = later
	fmt.Fprintf(w, `{"_scroll_id":%q,"took":1,"timed_out":false,"_shards":{"total":%d,"successful":%d,"failed":0},"hits":{"total":%d,"max_score":0.0,"hits":`, id, Shards, Shards, total)
	hits(w, now, sc.ids)
	fmt.Fprint(w, "}}")
}

func hits(w io.Writer, docs []*doc, ids bool) {
	fmt.Fprint(w, "[")
	for i, d := range docs {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `{"_index":%q,"_type":%q,"_id":%q,"_version":%d,"_score":0.0`, d.index, d.kind, d.id, d.version)
		if !ids {
			fmt.Fprintf(w, `,"_source":%s`, d.source)
		}
		fmt.Fprint(w, "}")
	}
	fmt.Fprint(w, "]")
}
