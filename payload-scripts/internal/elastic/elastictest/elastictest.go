// Package elastictest is an Elasticsearch 1.6.0 in memory, as far as it is read: what it
// answers, refuses and forgets is as measured on a real one.
package elastictest

import (
	"hash/fnv"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
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
