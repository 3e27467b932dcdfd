package certify

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// elasticsearch answers as one of 1.x does, page by page; tests change what it says.
type elasticsearch struct {
	pages      []string // the hits of each
	total      int
	successful int  // of two shards
	large      bool // more than one document of a shard is more than an answer may be
}

func (e *elasticsearch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/_cluster/health", "/_refresh":
		fmt.Fprint(w, "{}")
	case "/_search":
		fmt.Fprintf(w, `{"_scroll_id": "%s 0", "_shards": {"total": 2, "successful": %d}, "hits": {"total": %d, "hits": []}}`, r.URL.Query().Get("size"), e.successful, e.total)
	case "/_search/scroll":
		var size, at int
		if _, err := fmt.Fscan(r.Body, &size, &at); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		filler, hits := "", ""
		if e.large && size > 1 {
			filler = strings.Repeat("x", maxOut)
		}
		if at < len(e.pages) {
			hits = e.pages[at]
		}
		fmt.Fprintf(w, `{"filler": "%s", "_scroll_id": "%d %d", "hits": {"total": %d, "hits": [%s]}}`, filler, size, at+1, e.total, hits)
	default:
		http.NotFound(w, r)
	}
}

func hit(id string, version int, source string) string {
	return fmt.Sprintf(`{"_index": "i", "_type": "t", "_id": %q, "_version": %d, "_source": %s}`, id, version, source)
}

func TestLookDocuments(t *testing.T) {
	t.Parallel()
	a, b, c := hit("a", 1, `{"n": 1.0}`), hit("b", 2, `{"n": 123456789012345678901234567890}`), `{"_index": "day", "_type": "event", "_id": "c", "_version": 1, "_source": {}}`
	whole := elasticsearch{pages: []string{a + "," + b, c}, total: 3, successful: 2}
	look := func(e elasticsearch) (map[string]table, error) {
		server := httptest.NewServer(&e)
		defer server.Close()
		host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
		conf := filepath.Join(t.TempDir(), "demo.conf")
		if err := os.WriteFile(conf, []byte("{ address: '"+host+"', port: "+port+" }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &run{machine: here, m: demo()}
		r.m.Stores = []manifest.Store{{Name: "main", From: manifest.StoreSource{Elasticsearch: manifest.HostAddress{File: conf, Format: "yaml", Host: "address", Port: "port"}}}}
		s := state{documents: map[string]table{}}
		err := r.lookDocuments(t.Context(), &s)
		return s.documents, err
	}
	before, err := look(whole)
	if err != nil || len(before) != 2 || before["main i/t"].rows != 2 || before["main day/event"].rows != 1 {
		t.Fatalf("%+v, %v", before, err)
	}
	for _, x := range []struct {
		name   string
		change func(*elasticsearch)
		fault  string
	}{
		{"nothing", func(*elasticsearch) {}, ""},
		{"another order", func(e *elasticsearch) { e.pages = []string{c, b, a} }, ""},
		{"larger than an answer may be", func(e *elasticsearch) { e.large = true }, ""},
		{"a version", func(e *elasticsearch) { e.pages[0] = a + "," + strings.Replace(b, `"_version": 2`, `"_version": 3`, 1) }, "documents main i/t are 2 as before, but not the same ones"},
		{"a number", func(e *elasticsearch) { e.pages[0] = strings.Replace(a, "1.0", "1", 1) + "," + b }, "documents main i/t are 2 as before, but not the same ones"},
		{"a lost document", func(e *elasticsearch) { e.pages, e.total = []string{a, c}, 2 }, "documents main i/t are 1, were 2"},
		{"a lost index", func(e *elasticsearch) { e.pages, e.total = e.pages[:1], 2 }, "documents main day/event are 0, were 1"},
		{"a new type", func(e *elasticsearch) {
			e.pages, e.total = append(e.pages, strings.Replace(a, `"t"`, `"u"`, 1)), 4
		}, "documents main i/u are new: 1"},
	} {
		e := whole
		e.pages = append([]string(nil), whole.pages...)
		x.change(&e)
		now, err := look(e)
		var f faults
		f.documents(before, now)
		if err != nil || strings.Join(f, "|") != x.fault {
			t.Errorf("%s: %q, %v, want %q", x.name, f, err, x.fault)
		}
	}
	for want, e := range map[string]elasticsearch{
		"of 2 shards only 1 answer": {successful: 1},
		"1 of 2 came":               {pages: []string{a}, total: 2, successful: 2},
		"ask Elasticsearch":         {pages: []string{"{"}, total: 1, successful: 2},
	} {
		if _, err := look(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A question is put where the product's configuration says now.
func TestURL(t *testing.T) {
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "demo.conf")
	r := &run{machine: here, m: demo()}
	h := &manifest.Health{HTTP: "http://127.0.0.1:9200/health", Address: &manifest.HostAddress{File: conf, Format: "yaml", Host: "address", Port: "port"}}
	for text, want := range map[string]string{
		"{ address: 10.0.0.1, port: 9201 }": "http://10.0.0.1:9201/health",
		"{ address: '::1', port: 80 }":      "http://[::1]:80/health",
		"{ address: 'a b', port: 9201 }":    "error read an address from " + conf + `: the value "address" is no host`,
		"{ port: 9201 }":                    `error read an address from ` + conf + `: it has no value "address"`,
	} {
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := r.url(t.Context(), h)
		if err != nil {
			got = "error " + err.Error()
		}
		if got != want && !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if err := os.Remove(conf); err != nil {
		t.Fatal(err)
	}
	if _, err := r.url(t.Context(), h); err == nil || !strings.Contains(err.Error(), "read an address from "+conf) {
		t.Errorf("no file: %v", err)
	}
}
