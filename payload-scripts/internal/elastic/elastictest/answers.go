package elastictest

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"sort"
	"strings"
)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	body := string(data)
	var hook func(http.ResponseWriter, *http.Request, string) bool
	s.Do(func() { hook = s.Hook })
	if hook != nil && hook(w, r, body) { // it may itself write
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
