package repo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/companion"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/page"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
	"onerpm/bundler/internal/store"
	"onerpm/internal/manifest"
)

const prefix = "demo-upgrade"

// engine is a small static program, which stands for the engine, in a folder that lives as long as the tests.
var engine = sync.OnceValues(func() (string, error) {
	source, program := filepath.Join(scratch, "main.go"), filepath.Join(scratch, "engine")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", program, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
})

var demoKey = sync.OnceValues(func() (*sign.Key, error) { return loadKey(demoKeyFile) })

const demoKeyFile = "../../../test/keys/demo.key.asc"

func loadKey(path string) (*sign.Key, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return sign.Load(bytes.NewReader(b), nil)
}

func key(t testing.TB) *sign.Key {
	t.Helper()
	k, err := demoKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// jump says what a bundle is of.
type jump struct {
	from, to string
	revision int
	content  string    // of a component: another one makes another bundle
	key      *sign.Key // nil for the demo key
}

// build makes a bundle with all that the project has for it, and returns its file.
func build(t testing.TB, j jump) string {
	t.Helper()
	dir := t.TempDir()
	program, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	if j.key == nil {
		j.key = key(t)
	}
	files := map[string]pack.Component{}
	component := func(name, version, content string) release.Component {
		at := filepath.Join(dir, name+"-"+version)
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		files[sumOf([]byte(content))] = pack.Component{Path: at}
		return release.Component{Name: name, EVR: version + "-1", Arch: "noarch", SHA256: sumOf([]byte(content)), Size: int64(len(content))}
	}
	same := component("demo-same", "1", "the same")
	cat := &release.Catalog{
		Root:    dir,
		Product: release.Product{Name: "Demo", Prefix: prefix, Vendor: "Somebody", License: "Apache-2.0", URL: "https://example.invalid"},
		Releases: []*release.Release{
			{Version: j.from, Date: "2020-01-01", Components: []release.Component{same, component("demo-service", j.from, "old"+j.content)}},
			{Version: j.to, Date: "2020-06-01", Components: []release.Component{same, component("demo-service", j.to, "new"+j.content), component("demo-new", j.to, "+")}},
		},
		Jumps: map[string]string{j.from: j.to},
		Specs: map[string]*release.Spec{j.from + "-" + j.to: {From: j.from, To: j.to, Revision: j.revision, Dir: dir, Services: []manifest.Service{{Unit: "nginx", Door: true}}}},
	}
	p, err := plan.Resolve(cat, j.from+"-"+j.to, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := pack.Assemble(t.Context(), pack.Input{Plan: p, Verdict: &plan.Verdict{}, Files: files, Engine: pack.Engine{Path: program}}, j.key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(dir, b.FileName()), b, j.key)
}

// write writes a bundle and its companions.
func write(t testing.TB, path string, b pack.Bundle, k *sign.Key) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := b.Write(t.Context(), f, k, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sbom, err := companion.SBOM(b, sumOf(whole))
	if err != nil {
		t.Fatal(err)
	}
	statement, err := companion.Provenance(b, sumOf(whole), sbom, k.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	at, err := b.Time()
	if err != nil {
		t.Fatal(err)
	}
	asc, err := k.Detached(statement, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"sha256": companion.Checksum(b.FileName(), sumOf(whole)), "cdx.json": sbom, "intoto.json": statement, "intoto.json.asc": asc} {
		if err := os.WriteFile(path+"."+name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// render makes the page as the bundler does.
func render(w io.Writer, f *repo.Front, details repo.DetailsFunc) error {
	in := page.Input{Product: f.Product, Prefix: f.Prefix, Base: f.Base, Key: f.Key, Generated: f.Generated,
		Stable: f.Channels[repo.Stable], Testing: f.Channels[repo.Testing]}
	var err error
	if in.Details, err = details(page.Shown(in)); err != nil {
		return err
	}
	return page.Render(w, in)
}

// open uses a store as a publisher. change, if any, has the last word about how.
func open(t testing.TB, s store.Store, change ...func(*repo.Options)) *repo.Repo {
	t.Helper()
	o := repo.Options{Key: key(t), Page: render}
	for _, c := range change {
		c(&o)
	}
	r, err := repo.Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// load reads a bundle that is to be published.
// load loads a bundle that may go into each channel: somebody answers for it.
func load(t testing.TB, path string) *repo.Local {
	t.Helper()
	l := loadUncertified(t, path)
	l.OverrideCertification("the store is tried, and not the bundle", "a test", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return l
}

func loadUncertified(t testing.TB, path string) *repo.Local {
	t.Helper()
	l, err := loadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func loadFile(path string) (*repo.Local, error) {
	k, err := demoKey()
	if err != nil {
		return nil, err
	}
	armored, err := k.Public()
	if err != nil {
		return nil, err
	}
	public, err := sign.LoadPublic(bytes.NewReader(armored))
	if err != nil {
		return nil, err
	}
	return repo.Load(path, public)
}

func publish(t testing.TB, r *repo.Repo, path, channel string) repo.Result {
	t.Helper()
	res, err := r.Publish(t.Context(), load(t, path), channel)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// whole fails the test unless everything in the store is as it should be.
func whole(t testing.TB, s store.Store) {
	t.Helper()
	r, err := repo.Open(s, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := r.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep.Problems {
		t.Errorf("verify: %s", p)
	}
}
