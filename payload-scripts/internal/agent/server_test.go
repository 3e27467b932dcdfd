package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

// product is a REST API as the manifest can describe one, with agents that are
// upgraded by works.
type product struct {
	*httptest.Server
	onAsk  func(n int)     // called when the n-th work was made and is not answered yet
	onLook func(*fakeWork) // called before the answer about a work
	number bool            // ids of works are numbers

	mu     sync.Mutex
	groups []*fakeGroup
	works  []*fakeWork
}

type fakeGroup struct {
	tenant, name string
	version      []string // of its agents
	broken       bool
	state        string
}

type fakeWork struct {
	id    any // a string, or a number
	group *fakeGroup
	until time.Time
}

// status ends a work whose time has come.
func (w *fakeWork) status() string {
	switch {
	case time.Now().Before(w.until):
		return "started"
	case w.group.broken:
		return "failed"
	}
	for i := range w.group.version {
		w.group.version[i] = "2.0"
	}
	return "terminated"
}

const secret = "Basic c2VzYW1l"

func newProduct(t *testing.T, tenants, groups, agents int) *product {
	p := &product{}
	for i := range groups {
		g := &fakeGroup{tenant: fmt.Sprintf("tenant-%d", i%tenants), name: fmt.Sprintf("g %02d\"", i), state: "started"}
		for range agents {
			g.version = append(g.version, "1.0")
		}
		p.groups = append(p.groups, g)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tenants", func(w http.ResponseWriter, r *http.Request) {
		var all []any
		for i := range tenants {
			all = append(all, map[string]any{"name": fmt.Sprintf("tenant-%d", i)})
		}
		page(w, r, all)
	})
	mux.HandleFunc("GET /v1/instances", p.instances)
	mux.HandleFunc("GET /v1/works", p.find)
	mux.HandleFunc("GET /v1/works/{id}", p.look)
	mux.HandleFunc("POST /v1/works", p.ask)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != secret {
			http.Error(w, `{"message": "unauthorized"}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *product) spec() *manifest.Agents {
	return &manifest.Agents{
		API:     p.URL + "/v1",
		Lists:   manifest.AgentLists{Items: "items", Size: "_size", Offset: "_offset"},
		Tenants: manifest.AgentTenants{List: "tenants", Name: "name", Header: "Tenant"},
		Groups:  manifest.AgentGroups{List: "instances", Name: "group", State: "state", Ready: "started", Version: "runtime.agent.version", Becomes: "2.0"},
		Work: manifest.AgentWork{
			Path: "works", Body: `{"group": "{group}", "workflow": "install"}`, Find: "group={group}&workflow=install",
			ID: "id", Status: "status", Error: "error", Done: []string{"terminated"}, Failed: []string{"failed"}, Within: manifest.Duration(20 * time.Second),
		},
		Canary: 1, Batch: 5, Stop: 20,
	}
}

// whole is the spec of a product that states totals, has ids and is asked for a group by its name.
func (p *product) whole() *manifest.Agents {
	spec := p.spec()
	spec.Lists.Total, spec.Groups.ID, spec.Groups.Find = "meta.total", "id", "only={group}"
	return spec
}

// before has a handler answer in the product's place; next passes the request on.
func (p *product) before(h func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)) {
	product := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(w, r, product.ServeHTTP) })
}

func page(w http.ResponseWriter, r *http.Request, all []any) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("_offset"))
	size, _ := strconv.Atoi(r.URL.Query().Get("_size"))
	total := len(all)
	all = all[min(offset, len(all)):]
	_ = json.NewEncoder(w).Encode(map[string]any{"items": append([]any{}, all[:min(size, len(all))]...), "meta": map[string]any{"total": total}})
}

func (p *product) instances(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []any
	for _, g := range p.groups {
		if only := r.URL.Query().Get("only"); g.tenant != r.Header.Get("Tenant") || only != "" && only != g.name {
			continue
		}
		for i, v := range g.version {
			all = append(all, map[string]any{"id": fmt.Sprint(g.name, i), "group": g.name, "state": g.state, "runtime": map[string]any{"agent": map[string]any{"version": v}}})
		}
		all = append(all, map[string]any{"id": g.name, "group": g.name, "state": g.state, "runtime": map[string]any{}})
	}
	page(w, r, all)
}

func (w *fakeWork) item() map[string]any {
	return map[string]any{"id": w.id, "status": w.status(), "error": "agent is down"}
}

func (p *product) find(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []any
	for _, one := range p.works {
		if one.group.name == r.URL.Query().Get("group") && one.group.tenant == r.Header.Get("Tenant") {
			all = append(all, one.item())
		}
	}
	page(w, r, all)
}

func (p *product) look(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.works {
		if fmt.Sprint(one.id) == r.PathValue("id") {
			if p.onLook != nil {
				p.onLook(one)
			}
			_ = json.NewEncoder(w).Encode(one.item())
			return
		}
	}
	http.Error(w, "{}", http.StatusNotFound)
}

func (p *product) ask(w http.ResponseWriter, r *http.Request) {
	var in struct{ Group, Workflow string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	var made *fakeWork
	for _, g := range p.groups {
		if g.name == in.Group && g.tenant == r.Header.Get("Tenant") {
			made = &fakeWork{id: fmt.Sprintf("w%d", len(p.works)+1), group: g, until: time.Now().Add(50 * time.Millisecond)}
			if p.number {
				made.id = int64(1234567890123456789) + int64(len(p.works))
			}
			p.works = append(p.works, made)
		}
	}
	n := len(p.works)
	p.mu.Unlock()
	if made == nil {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	if p.onAsk != nil {
		p.onAsk(n)
	}
	w.WriteHeader(http.StatusCreated)
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = json.NewEncoder(w).Encode(made.item())
}

// asked tells how often each group was asked.
func (p *product) asked() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := map[string]int{}
	for _, w := range p.works {
		n[w.group.tenant+" "+w.group.name]++
	}
	return n
}

func (p *product) set(broken bool, names ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range names {
		p.groups[i].broken = broken
	}
}
