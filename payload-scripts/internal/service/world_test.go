package service

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/systemdtest"
)

const prefix = "demo-upgrade"

// world is a machine with a fake systemd.
type world struct {
	*systemdtest.Manager
	*Services
	root string
}

// newWorld makes a machine; its systemd has the manifest's units, active and enabled, unless others of the name are given.
func newWorld(t *testing.T, services []manifest.Service, units ...systemdtest.Unit) *world {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"/etc/systemd/system", "/run", "/var/lib/" + prefix} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m := systemdtest.New(t, root)
	for _, s := range services {
		if s.Only != manifest.New {
			m.Add(systemdtest.Unit{Name: s.Unit, Active: "active", File: "enabled"})
		}
	}
	for _, u := range units {
		m.Add(u)
	}
	conn, err := systemd.New(t.Context(), m.Dial)
	if err != nil {
		t.Fatal(err)
	}
	s := New(&manifest.Manifest{Services: services}, layout.Places{Prefix: prefix, Root: root}, conn)
	s.settle, s.stableLimit = time.Millisecond, 300*time.Millisecond
	t.Cleanup(s.Close)
	return &world{m, s, root}
}

// write writes a file of the machine.
func (w *world) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.root+path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.root+path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) link(t *testing.T, path, target string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.root+path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, w.root+path); err != nil {
		t.Fatal(err)
	}
}

// tree lists everything on the machine.
func (w *world) tree(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(w.root, func(path string, _ fs.DirEntry, err error) error {
		text := strings.TrimPrefix(path, w.root)
		if target, err := os.Readlink(path); err == nil {
			text += " -> " + target
		}
		all = append(all, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (w *world) record(t *testing.T) journal.Services {
	t.Helper()
	b, err := w.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Log()
	return b
}

// must fails the test at the first error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// jobs are the starts and stops that systemd was asked for, without the suffixes of services.
func (w *world) jobs() string {
	var all []string
	for _, line := range w.Log() {
		if strings.HasPrefix(line, "start ") || strings.HasPrefix(line, "stop ") {
			all = append(all, strings.TrimSuffix(line, ".service"))
		}
	}
	return strings.Join(all, ", ")
}

func (w *world) states(names ...string) string {
	var all []string
	for _, name := range names {
		all = append(all, w.State(name))
	}
	return strings.Join(all, " ")
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
