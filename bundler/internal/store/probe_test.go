package store_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
	"onerpm/bundler/internal/store/storetest"
	"onerpm/test/s3server"
	"onerpm/test/s3server/fault"
)

// A store that ignores conditions, or refuses what holds, is found before anything is built on it; nothing of the look stays.
func TestProbe(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	with := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == http.MethodPut && r.Header.Get(name) != "" }
	}
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		want  string // "" for a good store
	}{
		{"good", fault.Fault{Match: fault.On("nobody")}, ""},
		{"lost answers", fault.Fault{Match: fault.Conditional, Times: 1, Do: fault.CutAnswer(-1)}, ""},
		{"ignores all", fault.Fault{Match: fault.Conditional, Do: fault.IgnoreConditions()}, "ignores the condition of a write (If-None-Match)"},
		{"ignores If-Match", fault.Fault{Match: with("If-Match"), Do: fault.IgnoreConditions()}, "ignores the condition of a write (If-Match)"},
		{"ignores that of parts", fault.Fault{Match: func(r *http.Request) bool { return r.Method == http.MethodPost && fault.Conditional(r) }, Do: fault.IgnoreConditions()},
			"ignores the condition of a write in parts (If-None-Match)"},
		{"refuses all", fault.Fault{Match: fault.Conditional, Do: fault.Answer(412, "PreconditionFailed")}, "refuses a write whose condition (If-None-Match) holds"},
		{"refuses If-Match", fault.Fault{Match: with("If-Match"), Do: fault.Answer(412, "PreconditionFailed")}, "refuses a write whose condition (If-Match) holds"},
		{"has none", fault.Fault{Match: fault.Conditional, Do: fault.Answer(501, "NotImplemented")}, "NotImplemented"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proxy := fault.Start(t, server)
			s := openS3(t, proxy.Server, strings.ReplaceAll(tt.name, " ", "-"), store.Options{AWS: proxy.Config(), Backoff: time.Millisecond})
			proxy.Break(tt.fault)
			err := store.Probe(t.Context(), s)
			if tt.want == "" && err != nil {
				t.Error(err)
			}
			if tt.want != "" && (exit.Code(err) != exit.Store || !strings.Contains(err.Error(), tt.want) || exit.Hint(err) == "") {
				t.Errorf("%v\nhint %q", err, exit.Hint(err))
			}
			if left := storetest.Names(t, s, ""); left != nil {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// What a killed look left goes away with everything else that is old.
func TestTidyProbes(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	s := openS3(t, server, "x", options(server))
	storetest.Put(t, s, "probe/left", []byte("1"), store.PutOptions{})
	storetest.Put(t, s, "probes", []byte("1"), store.PutOptions{})
	if n, err := s.Tidy(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("a new one: %d, %v", n, err)
	}
	if n, err := s.Tidy(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("an old one: %d, %v", n, err)
	}
	if left := storetest.Names(t, s, ""); len(left) != 1 || left[0] != "probes" {
		t.Errorf("left: %v", left)
	}
}
