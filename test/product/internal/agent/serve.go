package agent

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"onerpm/test/product/internal/durable"
)

// Files in the folder that Serve works in.
const (
	ListFile   = "agents.json" // which agents there are: name -> version
	BrokerFile = "broker.json" // a Broker, when there are agents that are reached through one
	BrokenFile = "broken.json" // which agents do not work: name -> Fails or Gone; looked at each time that one is asked
)

// What is wrong with an agent of BrokenFile.
const (
	Fails = "fails" // it answers, and cannot install its successor
	Gone  = "gone"  // its machine does not answer
)

const maxPackage = 64 << 20 // bytes

// host is the process that agents live in.
type host struct {
	dir, addr string
	broker    *Broker // nil: none of the agents has one

	mu     sync.Mutex
	agents map[string]string // name -> version
}

// Serve hosts the agents of dir/agents.json until the context ends, and the broker of those that have one. What they
// install is written down in dir, so it survives a restart.
func Serve(ctx context.Context, addr, dir string) error {
	h := &host{dir: dir, addr: addr, agents: map[string]string{}}
	if err := readJSON(filepath.Join(dir, ListFile), &h.agents); err != nil {
		return err
	}
	if err := readJSON(filepath.Join(dir, BrokerFile), &h.broker); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	servers := []*http.Server{{Addr: addr, Handler: h.handler(false)}}
	if h.broker != nil {
		servers = append(servers, &http.Server{Addr: net.JoinHostPort(h.broker.IP, strconv.Itoa(h.broker.Port)), Handler: h.letIn(h.handler(true))})
	}
	ended := make(chan error, len(servers))
	for _, server := range servers {
		server.ReadHeaderTimeout = 10 * time.Second
		go func() { ended <- server.ListenAndServe() }()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-ended:
	}
	for _, server := range servers {
		failed = errors.Join(failed, server.Close())
	}
	return failed
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// letIn is the broker's own look at who comes.
func (h *host) letIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != h.broker.User || password != h.broker.Password {
			http.Error(w, "ACCESS_REFUSED", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// handler answers for the agents that listen to the broker, or for the others.
func (h *host) handler(throughBroker bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /agents/{name}", func(w http.ResponseWriter, r *http.Request) {
		if h.broken(r.PathValue("name")) == Gone {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		version, ok := h.version(r.PathValue("name"), throughBroker)
		if !ok {
			http.Error(w, "no such agent", http.StatusNotFound)
			return
		}
		reply(w, Info{Name: r.PathValue("name"), Version: version, Address: h.addr})
	})
	mux.HandleFunc("POST /agents/{name}/install", func(w http.ResponseWriter, r *http.Request) {
		switch h.broken(r.PathValue("name")) {
		case Gone:
			panic(http.ErrAbortHandler)
		case Fails:
			http.Error(w, "no space left on device", http.StatusInsufficientStorage)
			return
		}
		if _, ok := h.version(r.PathValue("name"), throughBroker); !ok {
			http.Error(w, "no such agent", http.StatusNotFound)
			return
		}
		var o order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		info, err := h.install(r.Context(), r.PathValue("name"), o.Package)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		reply(w, info)
	})
	return mux
}

// version tells which an agent has, and whether there is one that listens there.
func (h *host) version(name string, throughBroker bool) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.agents[name]
	return v, ok && before40(v) == throughBroker
}

// broken tells what is wrong with an agent, "" for nothing.
func (h *host) broken(name string) string {
	all := map[string]string{}
	if err := readJSON(filepath.Join(h.dir, BrokenFile), &all); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Print(err)
	}
	return all[name]
}

// install fetches the package, reads its version and starts the successor: the same name with the
// new version at its end.
func (h *host) install(ctx context.Context, old, url string) (Info, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Info{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Info{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return Info{}, fmt.Errorf("%s: %s", url, resp.Status)
	}
	version, err := packageVersion(io.LimitReader(resp.Body, maxPackage))
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", url, err)
	}
	stem, _, _ := strings.Cut(old, "@")
	info := Info{Name: stem + "@" + version, Version: version, Address: h.addr}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.agents[info.Name] = version
	return info, h.save()
}

// packageVersion reads the version out of an agent package.
func packageVersion(r io.Reader) (string, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return "", err
	}
	for t := tar.NewReader(z); ; {
		f, err := t.Next()
		if err != nil {
			return "", fmt.Errorf("no agent package: %w", err)
		}
		if f.Name == "cloudify/VERSION" {
			b, err := io.ReadAll(io.LimitReader(t, 64))
			return strings.TrimSpace(string(b)), err
		}
	}
}

func (h *host) save() error {
	b, err := json.MarshalIndent(h.agents, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(h.dir, ListFile), b, 0o644)
}

func reply(w http.ResponseWriter, info Info) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(info); err != nil {
		log.Print(err)
	}
}
