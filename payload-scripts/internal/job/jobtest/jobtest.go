// Package jobtest makes attempts for the tests of their resources.
package jobtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/product/testbed"
	"onerpm/test/systemdtest"
)

// Journal is a new one in a folder.
func Journal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Create(dir, journal.Record{ID: "x", Phase: journal.Preparing})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// Units makes an attempt whose product has a service and a door, on a machine with a systemd
// for tests. answers says who answers the door's question besides the door itself.
func Units(t *testing.T, answers func() bool, more ...systemdtest.Unit) (*systemdtest.Manager, *job.Job) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"/etc/systemd/system", "/run", "/var/lib/demo-upgrade/x"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sm := systemdtest.New(t, root, append(more, systemdtest.Unit{Name: "rest", Active: "active", File: "enabled"}, systemdtest.Unit{Name: "web", Active: "active"})...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sm.State("web") != "active" && !answers() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	m := &manifest.Manifest{Prefix: "demo-upgrade", Services: []manifest.Service{{Unit: "rest"},
		{Unit: "web", Door: true, Health: &manifest.Health{HTTP: server.URL, Within: manifest.Duration(time.Minute), Expect: manifest.Expect{Status: 200}}}}}
	attempt := layout.Attempt{ID: "x", Var: root + "/var/lib/demo-upgrade/x"}
	return sm, &job.Job{Bundle: &layout.Bundle{Manifest: m, Root: root}, Attempt: attempt, Journal: Journal(t, attempt.Var)}
}

// Nobody answers the door's question.
func Nobody() bool { return false }

// Services are the units of an attempt's product on a machine.
func Services(t *testing.T, sm *systemdtest.Manager, work *job.Job) *service.Services {
	t.Helper()
	conn, err := systemd.New(t.Context(), sm.Dial)
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(work.Manifest(), layout.Places{Prefix: work.Manifest().Prefix, Root: work.Bundle.Root}, conn)
	t.Cleanup(s.Close)
	return s
}

// Database makes a database, and a file of the product's with its address. conf is what stands in the file.
func Database(t *testing.T, dir string) (spec manifest.Database, conf string) {
	t.Helper()
	b := testbed.New(t)
	file := filepath.Join(dir, "product.yaml")
	conf = fmt.Sprintf("db_host: '%s'\ndb_name: %s\ndb_user: %s\ndb_password: '%s'\n",
		testbed.Server.Address(), b.Name, testbed.User, strings.ReplaceAll(testbed.Password, "'", "''"))
	Write(t, file, conf)
	return manifest.Database{Name: "main", Connection: manifest.Connection{File: file, Format: "yaml",
		Keys: manifest.ConnectionKeys{Host: "db_host", Database: "db_name", User: "db_user", Password: "db_password"}}}, conf
}

// Write makes a file's content text.
func Write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Do takes what steps returned, and fails the test at the first error.
func Do(t *testing.T, steps ...error) {
	t.Helper()
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
}
