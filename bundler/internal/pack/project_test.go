package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
)

// engine builds a small static program once, to stand for the engine.
var engine = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		return "", err
	}
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return "", err
	}
	return dir, goBuild(filepath.Join(dir, "engine"), src)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := engine(); err == nil {
		_ = os.RemoveAll(dir) // a leftover does no harm
	}
	os.Exit(code)
}

func enginePath(t testing.TB) string {
	t.Helper()
	dir, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "engine")
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// project is a small project in a folder: two releases, a jump between them.
type project struct {
	dir     string
	catalog *release.Catalog
	files   map[string]Component // by SHA-256
	engine  string
	date    string // SOURCE_DATE_EPOCH
}

// component writes a file that stands for a component's RPM.
func (p *project) component(t testing.TB, name, version, content string) release.Component {
	t.Helper()
	sum := sumOf([]byte(content))
	p.files[sum] = Component{Path: p.file(t, name+"-"+version+".rpm", content)}
	return release.Component{Name: name, EVR: version + "-1", Arch: "noarch", SHA256: sum, Size: int64(len(content))}
}

func (p *project) file(t testing.TB, path, content string) string {
	t.Helper()
	at := filepath.Join(p.dir, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

func (p *project) configFile(t testing.TB, version, target, content string) release.ConfigFile {
	return release.ConfigFile{
		Target: target, Path: p.file(t, "versions/"+version+"/config"+target, content), SHA256: sumOf([]byte(content)), Size: int64(len(content)),
	}
}

// spec returns the jump's spec.
func (p *project) spec() *release.Spec { return p.catalog.Specs["jump"] }

func newProject(t testing.TB) *project {
	t.Helper()
	p := &project{dir: t.TempDir(), files: map[string]Component{}, engine: enginePath(t), date: "1511136000"}
	p.file(t, "specs/1.0-2.0/migrations/20001_expand_x.sql", "-- +goose Up\n")
	p.file(t, "specs/1.0-2.0/checks.sql", "select 1;\n")
	p.file(t, "specs/1.0-2.0/hooks/x", "#!/bin/sh\n")
	p.file(t, "specs/1.0-2.0/hooks/x-undo", "#!/bin/sh\nexit\n")
	same := p.component(t, "b", "1", "the same")
	old := []release.Component{same, p.component(t, "gone", "1", "gone"), p.component(t, "a", "1", strings.Repeat("old", 100_000))}
	coming := []release.Component{p.component(t, "new", "2", "new"), p.component(t, "a", "2", strings.Repeat("new", 100_000)), same}
	p.catalog = &release.Catalog{
		Root:    p.dir,
		Product: release.Product{Name: "Product", Prefix: "p-upgrade", Vendor: "Somebody", License: "Apache-2.0", URL: "https://example.invalid"},
		Releases: []*release.Release{
			{Version: "1.0", Components: old, ConfigFiles: []release.ConfigFile{p.configFile(t, "1.0", "/etc/p.json", "{}"), p.configFile(t, "1.0", "/etc/old", "o")}},
			{Version: "2.0", Components: coming, ConfigFiles: []release.ConfigFile{p.configFile(t, "2.0", "/etc/p.json", "{ }")}},
		},
		Jumps: map[string]string{"1.0": "2.0"},
		Specs: map[string]*release.Spec{"jump": {
			From: "1.0", To: "2.0", Revision: 3, Dir: filepath.Join(p.dir, "specs/1.0-2.0"),
			Config:     []manifest.Config{{Target: "/etc/p.json", Owner: "somebody"}},
			Databases:  []manifest.Database{{Name: "main", Migrations: "migrations", Checks: "checks.sql"}},
			Hooks:      manifest.Hooks{Switch: []manifest.Hook{{Run: "hooks/x", Undo: "hooks/x-undo", Timeout: manifest.Duration(time.Minute)}}},
			Migrations: map[string][]release.Migration{"main": {{Version: 20001, File: "specs/1.0-2.0/migrations/20001_expand_x.sql"}}},
		}},
	}
	return p
}

// input resolves the jump.
func (p *project) input(t testing.TB) Input {
	t.Helper()
	resolved, err := plan.Resolve(p.catalog, "jump", p.date)
	if err != nil {
		t.Fatal(err)
	}
	return Input{
		Plan: resolved, Files: p.files, Engine: Engine{Path: p.engine},
		Verdict: &plan.Verdict{
			Drop: []rpmpkg.Dep{{Name: "gone", Flags: rpmpkg.DepEqual, EVR: "1-1"}},
			Undo: []rpmpkg.Dep{{Name: "new", Flags: rpmpkg.DepEqual, EVR: "2-1"}},
			Skip: []manifest.Scriptlet{{Package: "a-1-1", Kind: "postun", Why: "deletes"}},
		},
	}
}
