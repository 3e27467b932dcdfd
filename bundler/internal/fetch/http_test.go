package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
)

func TestSecondRunFetchesNothing(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 300_000), makePackage(t, "b", 10)
	s := serve(t, a, b)
	o := quick(t)
	items := []fetch.Item{a.from(s.URL + "/x/"), b.from(s.URL + "/" + b.item.FileName() + "?token=1"), a.from(s.URL + "/x/")}
	for run := range 2 {
		files, err := fetch.Files(t.Context(), items, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range []pkg{a, b, a} {
			p.holds(t, files[i])
			if files[i].Reused != (run == 1) {
				t.Errorf("run %d: reused %v", run, files[i].Reused)
			}
		}
		if n := len(s.asked()); n != 2 {
			t.Fatalf("%d requests, want one for each package, once", n)
		}
		o.Offline = true
	}
	if got := len(cached(t, o)); got != 2 {
		t.Errorf("cache: %v", cached(t, o))
	}
}

func TestCutAgainAndAgain(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 500_000)
	s := serve(t, a)
	var sent atomic.Int64
	s.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		sent.Add(60_000)
		cutting(a.data, 60_000, w, r)
		return true
	}
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, quick(t))
	if err != nil {
		t.Fatal(err)
	}
	a.holds(t, files[0])
	if n := len(s.asked()); n != len(a.data)/60_000+1 {
		t.Errorf("%d requests for %d bytes, 60,000 at a time", n, len(a.data))
	}
}

// TestResumedByLaterRun: a run gives up, the next goes on where it stopped.
func TestResumedByLaterRun(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 300_000)
	s := serve(t, a)
	s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			cutting(a.data, 100_000, w, r)
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	}
	o := quick(t)
	_, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
	if exit.Code(err) != exit.Missing || !strings.Contains(err.Error(), "502") {
		t.Fatalf("got %v", err)
	}
	if got := fmt.Sprint(cached(t, o)); got != "["+a.cacheName()+".part]" {
		t.Errorf("cache: %s", got)
	}
	before := len(s.asked())
	s.behave(nil)
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
	if err != nil {
		t.Fatal(err)
	}
	a.holds(t, files[0])
	if got := s.asked()[before:]; len(got) != 1 || !strings.HasSuffix(got[0], " bytes=100000-") || s.sent != len(a.data)-100_000 {
		t.Errorf("second run asked %q and got %d bytes", got, s.sent)
	}
	if got := fmt.Sprint(cached(t, o)); got != "["+a.cacheName()+"]" {
		t.Errorf("cache: %s", got)
	}
}

// TestWrongPart: what an earlier run left is wrong. It is thrown away, once.
func TestWrongPart(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 100_000)
	for name, part := range map[string][]byte{
		"other bytes":        []byte(strings.Repeat("x", 50_000)),
		"complete but wrong": []byte(strings.Repeat("x", len(a.data))),
		"too long":           append(append([]byte(nil), a.data...), "more"...),
		"complete and right": a.data,
		"empty":              {},
	} {
		s, o := serve(t, a), quick(t)
		write(t, filepath.Join(o.Cache, a.cacheName()+".part"), part)
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a.holds(t, files[0])
		if n := len(s.asked()); n > 2 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestServerLies(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 100_000)
	lie := append([]byte(nil), a.data...)
	lie[70_000] ^= 1
	chunked := func(data []byte) func(int, http.ResponseWriter, *http.Request) bool {
		return func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(data)
			return true
		}
	}
	for _, tt := range []struct {
		name     string
		data     []byte
		fault    func(int, http.ResponseWriter, *http.Request) bool
		want     string
		requests int
	}{
		{"other bytes", lie, nil, "its sha256 is", 1},
		{"a page", []byte("<html>log in</html>"), nil, "its size is 19", 1},
		{"longer", append(lie, 1), nil, "its size is", 1},
		{"longer, size not told", nil, chunked(append(lie, 1)), "its size is more than", 1},
		{"shorter, size not told", nil, chunked(a.data[:50_000]), "its size is 50000", 4},
		{"other bytes, cut", nil, func(_ int, w http.ResponseWriter, r *http.Request) bool { cutting(lie, 60_000, w, r); return true }, "its sha256 is", 4},
	} {
		s, o := serve(t), quick(t)
		s.fault = tt.fault
		if tt.data != nil {
			s.files[a.item.FileName()] = tt.data
		}
		_, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
		if exit.Code(err) != exit.Mismatch || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: code %d: %v", tt.name, exit.Code(err), err)
		}
		if n := len(s.asked()); n != tt.requests {
			t.Errorf("%s: %d requests, want %d", tt.name, n, tt.requests)
		}
		if left := cached(t, o); len(left) > 0 {
			t.Errorf("%s: left in the cache: %v", tt.name, left)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1000)
	for _, tt := range []struct {
		status   int
		times    int // 0: always
		requests int
	}{
		{500, 2, 3}, {503, 4, 5}, {429, 1, 2}, {408, 1, 2},
		{500, 0, 5}, {503, 0, 5}, {403, 0, 1}, {404, 0, 1}, {401, 0, 1}, {410, 0, 1}, {400, 0, 1}, {204, 0, 1}, {206, 0, 1},
	} {
		s := serve(t, a)
		s.fault = func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if tt.times > 0 && n > tt.times {
				return false
			}
			w.WriteHeader(tt.status)
			return true
		}
		o := quick(t)
		_, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
		if tt.times > 0 && err != nil || tt.times == 0 && (exit.Code(err) != exit.Missing || exit.Hint(err) == "" || !strings.Contains(err.Error(), fmt.Sprint(tt.status))) {
			t.Errorf("%d %d times: %v", tt.status, tt.times, err)
		}
		if n := len(s.asked()); n != tt.requests {
			t.Errorf("%d %d times: %d requests, want %d", tt.status, tt.times, n, tt.requests)
		}
	}
}

// TestRangeAnswers: a server that cannot, or wrongly, answer for a part of a file still gives the file.
func TestRangeAnswers(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 200_000)
	answers := map[string]func(w http.ResponseWriter){
		"the whole file": func(w http.ResponseWriter) { _, _ = w.Write(a.data) },
		"another part": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-%d/%d", len(a.data)-1, len(a.data)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(a.data[5:])
		},
		"a part it does not name": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(a.data[70_000:])
		},
		"other bytes": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100000-%d/%d", len(a.data)-1, len(a.data)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(a.data[:len(a.data)-100_000])
		},
		"nothing is there": func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
	}
	for name, answer := range answers {
		s := serve(t, a)
		s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			switch {
			case n == 1:
				cutting(a.data, 100_000, w, r)
			case r.Header.Get("Range") != "":
				answer(w)
			default:
				return false
			}
			return true
		}
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, quick(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a.holds(t, files[0])
	}
}

func TestStalled(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 200_000)
	s := serve(t, a)
	s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 2 {
			return false
		}
		if n == 1 {
			_, _ = w.Write(a.data[:100_000])
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		return true
	}
	o := quick(t)
	o.Stall = time.Second
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
	if err != nil {
		t.Fatal(err)
	}
	a.holds(t, files[0])
}

// TestDeadHost: many items on a host that does not answer cost the waiting once.
func TestDeadHost(t *testing.T) {
	t.Parallel()
	const dead = "http://127.0.0.1:1" // nothing listens on a port that low
	o := quick(t)
	o.Parallel = 2
	var waits atomic.Int64
	o.Progress = func(e fetch.Event) {
		if e.State == fetch.Waiting {
			waits.Add(1)
		}
	}
	var items []fetch.Item
	for i := range 20 {
		items = append(items, makePackage(t, fmt.Sprintf("p%d", i), 1).from(dead))
	}
	_, err := fetch.Files(t.Context(), items, o)
	var all *fetch.Errors
	if exit.Code(err) != exit.Missing || !errors.As(err, &all) || len(all.Items) != 20 || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	if n := waits.Load(); n > 2*4 {
		t.Errorf("waited %d times", n)
	}
	if list := cached(t, o); len(list) > 0 && !strings.HasSuffix(list[0], ".part") {
		t.Errorf("cache: %v", list)
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 10), makePackage(t, "b", 10)
	s := serve(t, a)
	o := quick(t)
	o.Offline = true
	_, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL), a.from("yum+" + s.URL), a.from("s3://bucket/x"), b.from(folder(t, b))}, o)
	var all *fetch.Errors
	if exit.Code(err) != exit.Missing || !errors.As(err, &all) || len(all.Items) != 3 || !strings.Contains(err.Error(), "offline") {
		t.Errorf("got %v", err)
	}
	if len(s.asked()) > 0 {
		t.Errorf("asked %v", s.asked())
	}
}

// TestCacheRot: a cached file that changed is noticed, and fetched again.
func TestCacheRot(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1000)
	for name, damage := range map[string]func(string) error{
		"flipped": func(p string) error {
			b := append([]byte(nil), a.data...)
			b[500] ^= 1
			return os.WriteFile(p, b, 0o600)
		},
		"empty": func(p string) error { return os.Truncate(p, 0) },
	} {
		s, o := serve(t, a), quick(t)
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(files[0].Path); err != nil {
			t.Fatal(err)
		}
		files, err = fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a.holds(t, files[0])
	}
}

// TestSharedCache: several runs at once fetch a file once.
func TestSharedCache(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1_000_000)
	s := serve(t, a)
	s.fault = func(int, http.ResponseWriter, *http.Request) bool { time.Sleep(100 * time.Millisecond); return false }
	o := quick(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			files, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o)
			if err != nil {
				t.Error(err)
				return
			}
			a.holds(t, files[0])
		})
	}
	wg.Wait()
	if n := len(s.asked()); n != 1 {
		t.Errorf("%d requests", n)
	}
	if list := cached(t, o); len(list) != 1 {
		t.Errorf("cache: %v", list)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 200_000)
	s := serve(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	s.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write(a.data[:100_000])
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
		return true
	}
	o := quick(t)
	if _, err := fetch.Files(ctx, []fetch.Item{a.from(s.URL)}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, name := range cached(t, o) {
		if !strings.HasSuffix(name, ".part") {
			t.Errorf("left under a final name: %s", name)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 5<<20)
	s := serve(t, a)
	o := quick(t)
	for _, want := range []string{"fetching done", "checking done"} {
		var got []string
		last, events := int64(0), 0
		o.Progress = func(e fetch.Event) {
			if events++; len(got) == 0 || got[len(got)-1] != string(e.State) {
				got = append(got, string(e.State))
			}
			if e.Total != a.item.Size || e.Bytes > e.Total || e.Bytes < last || e.Item.Name != "a" {
				t.Errorf("%+v after %d bytes", e, last)
			}
			last = e.Bytes
		}
		if _, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != want || events < 5 || last != a.item.Size {
			t.Errorf("got %d events, %v, want %s", events, got, want)
		}
	}
}
