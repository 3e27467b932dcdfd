package agent

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/agentapi"
	"onerpm/test/need"
)

const (
	maxMemory = 128 << 20 // bytes
	maxRate   = 100       // requests in any second
)

// What the process that is killed is told.
const (
	childAPI = "ONERPM_TEST_AGENTS_API"
	childDir = "ONERPM_TEST_AGENTS_DIR"
)

// TestMain is the process that works on the agents when a test wants one that it can kill and measure.
func TestMain(m *testing.M) {
	api := os.Getenv(childAPI)
	if api == "" {
		os.Exit(m.Run())
	}
	spec := (&product{Server: &httptest.Server{}}).whole()
	spec.API, spec.Batch = api, 50
	rec, err := Read(os.Getenv(childDir))
	if err == nil {
		r := &runner{api: agentapi.New(spec, headers), book: &book{dir: os.Getenv(childDir), rec: rec}}
		r.api.Patience.First, r.api.Patience.Lag = 20*time.Millisecond, 2*time.Second
		rec, err = r.end(context.Background(), r.run(context.Background()))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(rec.State, rec.Why)
}

// child runs the process once; kill ends it when it is told to.
func child(t *testing.T, api, dir string, kill <-chan struct{}) (out string, peak int64, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childAPI+"="+api, childDir+"="+dir)
	var said bytes.Buffer
	cmd.Stdout = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-kill:
		_ = cmd.Process.Kill()
		<-ended
		killed = true
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no usage of the process is known")
	}
	return said.String(), usage.Maxrss << 10, killed
}

// TestMemory reads a list of 10,000 agents of 32 KB each.
func TestMemory(t *testing.T) {
	t.Parallel()
	need.Time(t)
	const agents, groups = 10000, 500
	var more strings.Builder
	for i := range 512 {
		fmt.Fprintf(&more, `"property_%05d":"%s",`, i, strings.Repeat("x", 43))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("_offset"))
		size, _ := strconv.Atoi(r.URL.Query().Get("_size"))
		total := agents
		if strings.HasSuffix(r.URL.Path, "/tenants") {
			total = 1
		}
		fmt.Fprintf(w, `{"meta":{"total":%d},"items":[`, total)
		separator := ""
		for i := offset; i < min(total, offset+size); i++ {
			if total == 1 {
				fmt.Fprint(w, `{"name":"one"}`)
				continue
			}
			fmt.Fprintf(w, `%s{"id":"i%d","group":"g%d","state":"started","runtime":{%s"agent":{"version":"2.0"}}}`, separator, i, i%groups, more.String())
			separator = ","
		}
		fmt.Fprint(w, `]}`)
	}))
	defer s.Close()
	dir := start(t)
	out, peak, _ := child(t, s.URL+"/v1", dir, nil)
	rec, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, n := rec.Count(Upgraded); rec.State != Done || n != agents || len(rec.Groups) != groups || peak > maxMemory {
		t.Errorf("%s with %d agents in %d groups, %d MiB: %s", rec.State, n, len(rec.Groups), peak>>20, out)
	}
	t.Logf("%d MiB at most", peak>>20)
}

// storm is a product that does all that one may do wrong, to a process that is killed.
type storm struct {
	*product
	random   *rand.Rand
	kill     chan struct{}
	killAt   []int // numbers of works, at which the process is killed
	mu       sync.Mutex
	requests []time.Time
	forgot   map[string]bool // works
	came     int
}

func newStorm(t *testing.T, tenants, groups, agents int) *storm {
	s := &storm{product: newProduct(t, tenants, groups, agents), random: rand.New(rand.NewPCG(1, 2)), kill: make(chan struct{}), forgot: map[string]bool{}} //nolint:gosec // the same each time
	for n := 1; n <= 5; n++ {
		s.killAt = append(s.killAt, n*groups/6)
	}
	s.before(s.serve)
	return s
}

// one tells whether one in n happens.
func (s *storm) one(n int) bool { return s.random.IntN(n) == 0 }

func (s *storm) serve(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	s.mu.Lock()
	s.requests = append(s.requests, time.Now())
	busy, after, missing, short, twice, change := s.one(10), s.one(2), s.one(100), s.one(3), s.one(20), s.one(200)
	size, pause := 30+s.random.IntN(70), s.one(50)
	s.mu.Unlock()
	list := strings.HasSuffix(r.URL.Path, "/instances")
	id, look := strings.CutPrefix(r.URL.Path, "/v1/works/")
	if list && change {
		s.change()
	}
	switch {
	case busy:
		if after { // it was done all the same
			next(httptest.NewRecorder(), r)
		}
		if pause {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case missing && r.Method == http.MethodGet, look && s.forgets(id):
		http.NotFound(w, r)
		return
	case list && r.URL.Query().Get("only") == "":
		q := r.URL.Query()
		if short {
			q.Set("_size", strconv.Itoa(size))
		}
		if offset, _ := strconv.Atoi(q.Get("_offset")); twice && offset > 0 {
			q.Set("_offset", strconv.Itoa(offset-1))
		}
		r.URL.RawQuery = q.Encode()
	}
	next(w, r)
}

// change makes a group that waits, or removes one whose agents are upgraded.
func (s *storm) change() {
	s.product.mu.Lock()
	defer s.product.mu.Unlock()
	if len(s.works) > 450 { // what comes after the last look is not the upgrade's business
		return
	}
	s.came++
	upgraded := slices.IndexFunc(s.groups, func(g *fakeGroup) bool { return !slices.Contains(g.version, "1.0") })
	if s.came%2 == 0 && upgraded >= 0 {
		s.groups = slices.Delete(slices.Clone(s.groups), upgraded, upgraded+1)
	} else if s.came < 20 {
		came := &fakeGroup{tenant: "tenant-0", name: fmt.Sprintf("came %d", s.came), state: "started", version: []string{"1.0"}}
		s.groups = append([]*fakeGroup{came}, s.groups...)
	}
}

// forgets tells whether the product knows a work no more: one in a hundred of those that have ended.
func (s *storm) forgets(id string) bool {
	s.product.mu.Lock()
	defer s.product.mu.Unlock()
	for i, w := range s.works {
		if w.id == id && i%100 == 50 && w.status() != "started" {
			s.forgot[id] = true
		}
	}
	return s.forgot[id]
}

// TestLarge: 10,000 agents in 500 groups of a product that pages wrongly, changes while it is read, answers 503 to one request in ten and
// forgets one thing in a hundred, by a process that is killed five times.
func TestLarge(t *testing.T) {
	t.Parallel()
	need.Time(t)
	s := newStorm(t, 5, 500, 20)
	s.onAsk = func(n int) {
		if slices.Contains(s.killAt, n) {
			s.kill <- struct{}{} // before the answer
		}
	}
	dir := start(t)
	began, kills, most := time.Now(), 0, int64(0)
	for {
		out, peak, killed := child(t, s.URL+"/v1", dir, s.kill)
		if most = max(most, peak); !killed {
			t.Log(out)
			break
		}
		kills++
	}
	rec, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if failed, _ := rec.Count(Failed); rec.State != Done || failed > 0 || kills != 5 {
		t.Errorf("%s, %d failed, killed %d times: %s", rec.State, failed, kills, rec.Why)
	}
	wantAskedOnce(t, s.product)
	agents := 0
	for _, g := range s.groups {
		if slices.Contains(g.version, "1.0") {
			t.Errorf("%s is not upgraded", g.name)
		}
		agents += len(g.version)
	}
	rate, gap := 0, time.Duration(0)
	for i, at := range s.requests {
		gap = max(gap, at.Sub(s.requests[max(i-1, 0)]))
		n, _ := slices.BinarySearchFunc(s.requests, at.Add(-time.Second), time.Time.Compare)
		rate = max(rate, i-n+1)
	}
	if most > maxMemory || rate > maxRate {
		t.Errorf("%d MiB and %d requests a second at most", most>>20, rate)
	}
	t.Logf("%d agents in %d groups, %d works, %d that came, %d forgotten works, %d kills, %d requests in %s, at most %d a second, %s without one, %d MiB", agents, len(s.groups), len(s.works),
		s.came, len(s.forgot), kills, len(s.requests), time.Since(began).Round(time.Second), rate, gap.Round(time.Millisecond), most>>20)
}
