package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"

	"onerpm/test/product/elasticsearch"
)

// TestRealLook: what a real Elasticsearch 1.6.0 says of itself proves whether it was written to, over restarts too, which set the counters of
// writes to 0. Segments that are merged are no write, though they have fewer deleted documents.
func TestRealLook(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	node, err := elasticsearch.Start(ctx, elasticsearch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	call := func(method, path, body string) {
		t.Helper()
		if _, err := elasticsearch.Call(ctx, node.Address, method, path, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	restart := func() {
		t.Helper()
		if err := errors.Join(node.Term(), node.Restart(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	look := func() Look {
		t.Helper()
		host, port, err := net.SplitHostPort(node.Address)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		s := New(spec(), host, uint16(n))
		defer s.Close()
		if err := errors.Join(s.Ready(ctx), s.Flush(ctx)); err != nil {
			t.Fatal(err)
		}
		l, err := s.Look(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", l.counters)
		return l
	}
	for i := range 20 {
		call("PUT", fmt.Sprintf("/things/part/%d", i), `{"n":1}`)
	}
	for i := range 5 {
		call("PUT", fmt.Sprintf("/things/part/%d", i), `{"n":1}`)
	}
	for _, c := range []struct {
		what  string
		do    func()
		same  bool
		fewer bool // deleted documents that are kept
	}{
		{what: "nothing", do: func() {}, same: true},
		{what: "merged", do: func() { call("POST", "/_optimize?max_num_segments=1", "") }, same: true, fewer: true},
		{what: "deleted by query", do: func() { call("DELETE", "/things/part/_query", `{"query":{"term":{"_id":"19"}}}`) }},
		{what: "restarted", do: restart},
		{what: "restarted again, without a write since the last start", do: restart, same: true},
		{what: "updated and restarted, without a write since the last start", do: func() {
			call("PUT", "/things/part/1", `{"n":1}`)
			call("POST", "/_flush", "")
			restart()
		}},
	} {
		before := look()
		c.do()
		after := look()
		if err := before.Same(after); (err == nil) != c.same || err != nil && !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.fewer && after.counters["things"].Gone >= before.counters["things"].Gone {
			t.Errorf("%s: %+v before, and %+v after", c.what, before.counters, after.counters)
		}
	}
}
