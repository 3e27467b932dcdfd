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
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"onerpm/test/product/internal/durable"
)

// ListFile is the file, in the folder that Serve works in, which says which agents there are: name -> version.
const ListFile = "agents.json"

const maxPackage = 64 << 20 // bytes

// host is the process that agents live in.
type host struct {
	dir string

	mu     sync.Mutex
	agents map[string]string // name -> version
}

// Serve hosts the agents of dir/agents.json until the context ends. What they install is
// written down there, so it survives a restart.
func Serve(ctx context.Context, addr, dir string) error {
	h := &host{dir: dir, agents: map[string]string{}}
	b, err := os.ReadFile(filepath.Join(dir, ListFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &h.agents); err != nil {
		return fmt.Errorf("%s: %w", ListFile, err)
	}
	server := &http.Server{Addr: addr, Handler: h.handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() {
		if err := server.Close(); err != nil {
			log.Print(err)
		}
	})
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (h *host) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /agents/{name}", func(w http.ResponseWriter, r *http.Request) {
		version, ok := h.version(r.PathValue("name"))
		if !ok {
			http.Error(w, "no such agent", http.StatusNotFound)
			return
		}
		reply(w, Info{Name: r.PathValue("name"), Version: version})
	})
	mux.HandleFunc("POST /agents/{name}/install", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := h.version(r.PathValue("name")); !ok {
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

func (h *host) version(name string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.agents[name]
	return v, ok
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
	info := Info{Name: stem + "@" + version, Version: version}
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
