package hostcheck

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/store/storetest"
)

// storeBundle is a bundle with a store that goes into a database which only the new release has.
func storeBundle(t *testing.T) (*layout.Bundle, *elastictest.Server) {
	t.Helper()
	server, dir := elastictest.New(t), t.TempDir()
	storetest.Small(server)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("product.yaml", "host: "+server.Host+"\nport: "+strings.TrimPrefix(server.URL, "http://"+server.Host+":")+"\n")
	var listed []manifest.File
	for _, f := range [][2]string{{"new.yaml", "pg_host: localhost\npg_db: cloud\npg_user: cloudy\n"}, {"old.yaml", "host: <<h>>\nport: <<p>>\n"}} {
		write(f[0], f[1])
		listed = append(listed, manifest.File{Path: f[0], Size: int64(len(f[1])), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(f[1]))), Mode: 0o600})
	}
	spec := storetest.Spec()
	spec.From.Elasticsearch = manifest.HostAddress{File: conf, Format: "yaml", Host: "host", Port: "port"}
	spec.Values = map[string]manifest.HostValue{"ip": {File: conf, Format: "yaml", Key: "host"}}
	spec.To = "main"
	absent := manifest.Package{ID: nevra.ID{Name: "no-such-package", Version: "1", Release: "1", Arch: "noarch"}, Optional: true}
	m := &manifest.Manifest{Prefix: "p", Files: listed, Old: []manifest.Package{absent}, New: []manifest.Package{absent}, Stores: []manifest.Store{spec},
		Config: []manifest.Config{{Target: conf, Format: "yaml", Old: "old.yaml", New: "new.yaml"}},
		Databases: []manifest.Database{{Name: "main", Only: manifest.New, Connection: manifest.Connection{File: conf, Format: "yaml",
			Keys: manifest.ConnectionKeys{Host: "pg_host", Database: "pg_db", User: "pg_user"}}}}}
	return &layout.Bundle{Dir: dir, Manifest: m}, server
}

// TestStores: one look at a store tells both what is found and what room it takes.
func TestStores(t *testing.T) {
	t.Parallel()
	b, server := storeBundle(t)
	looks := lookAtStores(t.Context(), b.Manifest, false)
	if len(looks) != 1 {
		t.Fatalf("%d looks", len(looks))
	}
	found, list := looks[0].look()
	if found == nil || len(list) != 1 || list[0].ID != "store-left-out" {
		t.Fatalf("%+v, %+v", found, list)
	}
	server.Asked() // until now
	needs, err := looks[0].space(t.Context(), b)
	if err != nil || len(needs) != 2 || needs[0].Bytes != found.DiskSpace() || needs[0].Path != newDatabaseFolder {
		t.Errorf("%+v, %v", needs, err)
	}
	if again := server.Asked(); len(again) > 0 {
		t.Errorf("it was read again: %v", again)
	}
	server.Close()
	looks = lookAtStores(t.Context(), b.Manifest, false)
	if _, list := looks[0].look(); len(list) != 1 || list[0].Level != finding.Refuse {
		t.Errorf("%+v", list)
	}
	if needs, err := looks[0].space(t.Context(), b); err != nil || len(needs) != 0 {
		t.Errorf("%+v, %v", needs, err)
	}
}

// TestStarting: a source that has no master yet, as right after a boot, is waited for by an attempt that goes on, and told at once to whoever checks.
func TestStarting(t *testing.T) {
	t.Parallel()
	b, server := storeBundle(t)
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var starting atomic.Int32
	pass := httputil.NewSingleHostReverseProxy(to)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if starting.Add(-1) >= 0 {
			http.Error(w, `{"error": "no master"}`, http.StatusServiceUnavailable)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	at := strings.TrimPrefix(slow.URL, "http://")
	name, port, _ := strings.Cut(at, ":")
	if err := os.WriteFile(b.Manifest.Stores[0].From.Elasticsearch.File, []byte("host: "+name+"\nport: "+port+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	starting.Store(2)
	if found, list := lookAtStores(t.Context(), b.Manifest, false)[0].look(); found != nil || len(list) != 1 || list[0].ID != "store-unreachable" {
		t.Errorf("a check finds %+v", list)
	}
	starting.Store(2)
	if found, list := lookAtStores(t.Context(), b.Manifest, true)[0].look(); found == nil || len(list) != 1 || list[0].ID != "store-left-out" {
		t.Errorf("an attempt that goes on finds %+v", list)
	}
}

// TestDrained: work under way is no reason to refuse where the upgrade waits for its end.
func TestDrained(t *testing.T) {
	t.Parallel()
	b, server := storeBundle(t)
	server.Put("things", "job", "b", `{"id":"b","site_id":null,"progress":"begun"}`)
	server.Refresh()
	for want, services := range map[finding.Level][]manifest.Service{
		finding.Refuse: nil, finding.Warn: {{Unit: "a", Drain: &manifest.Drain{Store: "storage"}}},
	} {
		b.Manifest.Services = services
		_, list := lookAtStores(t.Context(), b.Manifest, false)[0].look()
		if len(list) != 2 || list[0].ID != "store-not-final" || list[0].Level != want {
			t.Errorf("%+v, want %s", list, want)
		}
	}
}

// TestNewDatabase: where it will be is read from the merged configuration, and what lacks there is told.
func TestNewDatabase(t *testing.T) {
	t.Parallel()
	b, _ := storeBundle(t)
	a, err := MergedAddress(t.Context(), b, b.Manifest.Databases[0])
	if err != nil || a.Host != "localhost" || a.Database != "cloud" || a.User != "cloudy" {
		t.Fatalf("%v, %v", a, err)
	}
	if found := checkDatabase(t.Context(), b, b.Manifest.Databases[0]); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if needs, err := databaseRoom(t.Context(), b); err != nil || len(needs) != 0 {
		t.Errorf("%+v, %v", needs, err)
	}
	b.Manifest.Databases[0].Connection.Keys.User = "nobody"
	found := checkDatabase(t.Context(), b, b.Manifest.Databases[0])
	if len(found) != 1 || found[0].ID != "database-address" || !strings.Contains(found[0].What, "product.yaml") || strings.Contains(found[0].What, "/config/new/") {
		t.Errorf("%+v", found)
	}
}
