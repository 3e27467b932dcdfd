package agentapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

// lister answers with pages of a list as a test wants them.
type lister struct {
	items  []string // ids
	capped int      // items of a page at most; 0 for as many as are asked for
	unpaged, noOffset,
	noIDs bool
	total  func(offset int) any // nil for none
	onPage func(l *lister, offset int)
	far    int // the status for an offset beyond the end; 0 for an empty page
}

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("from"))
	size, _ := strconv.Atoi(r.URL.Query().Get("size"))
	if l.onPage != nil {
		l.onPage(l, offset)
	}
	answer := map[string]any{}
	if l.total != nil {
		answer["meta"] = map[string]any{"n": l.total(offset)}
	}
	switch {
	case l.unpaged:
		offset, size = 0, len(l.items)
	case l.noOffset:
		offset = 0
	case l.far != 0 && offset >= len(l.items):
		http.Error(w, "no such page", l.far)
		return
	}
	if l.capped > 0 {
		size = min(size, l.capped)
	}
	list := []any{}
	for _, id := range l.items[min(offset, len(l.items)):min(offset+size, len(l.items))] {
		if l.noIDs {
			list = append(list, map[string]any{"kind": "a"})
		} else {
			list = append(list, map[string]any{"id": id, "kind": "a"})
		}
	}
	answer["data"] = map[string]any{"list": list}
	_ = json.NewEncoder(w).Encode(answer)
}

func (l *lister) is(int) any { return len(l.items) }

func numbers(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// TestList reads lists from products that page as they like, and wants each item once, or to be told.
func TestList(t *testing.T) {
	t.Parallel()
	count := func(l *lister) *lister { l.total = l.is; return l }
	lie := func(n any) func(int) any { return func(int) any { return n } }
	insert := func(l *lister, offset int) {
		if offset == 2*PageSize {
			l.items = append([]string{"new"}, l.items...)
		}
	}
	remove := func(l *lister, offset int) {
		if offset == 2*PageSize {
			l.items = l.items[1:]
		}
	}
	for name, c := range map[string]struct {
		l    *lister
		want int
		says string // of the error
		err  error
	}{
		"empty":                           {&lister{}, 0, "", nil},
		"empty, with a total":             {count(&lister{}), 0, "", nil},
		"pages":                           {&lister{items: numbers(330)}, 330, "", nil},
		"full pages":                      {count(&lister{items: numbers(3 * PageSize)}), 3 * PageSize, "", nil},
		"short pages":                     {&lister{items: numbers(330), capped: 7}, 330, "", nil},
		"short pages, with a total":       {count(&lister{items: numbers(330), capped: 60}), 330, "", nil},
		"no ids":                          {&lister{items: numbers(330), capped: 60, noIDs: true}, 330, "", nil},
		"no pages":                        {&lister{items: numbers(330), unpaged: true}, 330, "", nil},
		"no pages, one item":              {&lister{items: numbers(1), unpaged: true}, 1, "", nil},
		"no pages, no ids":                {&lister{items: numbers(330), unpaged: true, noIDs: true}, 330, "", nil},
		"no pages, with a total":          {count(&lister{items: numbers(30), unpaged: true}), 30, "", nil},
		"no offset":                       {&lister{items: numbers(330), noOffset: true}, PageSize, `does not obey "from"`, nil},
		"no offset, no ids":               {&lister{items: numbers(330), noOffset: true, noIDs: true}, PageSize, `does not obey "from"`, nil},
		"no offset, short pages":          {&lister{items: numbers(330), noOffset: true, capped: 20}, 20, `does not obey "from"`, nil},
		"total of the page":               {&lister{items: numbers(330), capped: 60, total: lie(60)}, 330, "", nil},
		"total is 0":                      {&lister{items: numbers(330), total: lie(0)}, 330, "", nil},
		"total as text":                   {&lister{items: numbers(330), total: lie("330")}, 330, "", nil},
		"total is none":                   {&lister{items: numbers(3), total: lie("many")}, 0, "no number of items", nil},
		"not all are shown":               {&lister{items: numbers(330), total: lie(340)}, 330, "there are 340 and shows 330", nil},
		"an offset beyond is refused":     {count(&lister{items: numbers(330), far: 400}), 330, "", nil},
		"beyond is refused, no total":     {&lister{items: numbers(330), far: 400}, 330, "status 400", nil},
		"inserted":                        {&lister{items: numbers(330), onPage: insert}, 330, "", errChanged},
		"removed":                         {count(&lister{items: numbers(330), onPage: remove}), 329, "", errChanged},
		"no list":                         {&lister{total: func(int) any { panic(http.ErrAbortHandler) }}, 0, "EOF", nil},
		"an answer that is not an object": {nil, 0, `no list "data.list"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h http.Handler = c.l
			if c.l == nil {
				h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`["data", {"list": []}]`)) })
			}
			s := httptest.NewServer(h)
			defer s.Close()
			a := New(&manifest.Agents{API: s.URL, Lists: manifest.AgentLists{Items: "data.list", Size: "size", Offset: "from", Total: "meta.n"}}, nil)
			a.Patience.First, a.Patience.Away = time.Millisecond, 200*time.Millisecond
			var got []string
			err := a.List(t.Context(), "", "things?x=y", []string{"id", "kind"}, func(v []string) error {
				if v[1] != "a" {
					return fmt.Errorf("got %q", v)
				}
				got = append(got, v[0])
				return nil
			})
			switch {
			case c.err != nil && !errors.Is(err, c.err), c.err == nil && c.says == "" && err != nil:
				t.Errorf("error %v, want %v", err, c.err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("error %v, want %q", err, c.says)
			}
			if len(got) != c.want {
				t.Errorf("%d items, want %d", len(got), c.want)
			}
			if slices.Sort(got); c.l != nil && !c.l.noIDs && len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Error("an item was handed on twice")
			}
		})
	}
}

// TestPick reads values of an object, whatever else is in it.
func TestPick(t *testing.T) {
	t.Parallel()
	const item = `{"a": {"b": {"c": "deep", "x": [1, {"c": 2}]}, "n": 10000001}, "b": [{"c": "no"}, {}], "d": true, "e": null, "f": {"g": 1}, "h": 1.50, "a b": "é\n"}`
	for key, want := range map[string]string{
		"a.b.c": "deep", "a.n": "10000001", "b": `[{"c": "no"}, {}]`, "b.c": "", "d": "true", "e": "", "e.x": "", "d.x": "", "f": `{"g": 1}`, "f.g": "1", "h": "1.50",
		"a b": "é\n", "z": "", "": "",
	} {
		dec := decoderOf(strings.NewReader(item + ` "next"`))
		got, err := fieldsOf(key, "f.g", key).pick(dec, 3)
		if err != nil || !slices.Equal(got, []string{want, "1", want}) {
			t.Errorf("%s: %q, %v; want %q", key, got, err, want)
		}
		if next, err := dec.Token(); err != nil || next != "next" {
			t.Errorf("%s: then %v, %v", key, next, err)
		}
	}
	for _, other := range []string{`[{"a": [1]}]`, `"a"`, `7`, `null`} {
		if got, err := fieldsOf("a").pick(decoderOf(strings.NewReader(other)), 1); err != nil || got[0] != "" {
			t.Errorf("%s: %q, %v", other, got, err)
		}
	}
	for _, cut := range []string{``, `{`, `{"a"`, `{"a": 1`, `[1`, `{"b": {}`} {
		if _, err := fieldsOf("a").pick(decoderOf(strings.NewReader(cut)), 1); err == nil {
			t.Errorf("%s: no error", cut)
		}
	}
	large := `{"a": "` + strings.Repeat("x", 3*maxValue) + `"}`
	if _, err := fieldsOf("a").pick(decoderOf(strings.NewReader(large)), 1); !errors.Is(err, errTooLarge) {
		t.Errorf("a value of %d bytes: %v", 3*maxValue, err)
	}
}
