package elastictest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"
)

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

// answers reports whether a shard does.
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
