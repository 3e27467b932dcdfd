package repodata_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/sign"
	"onerpm/test/need"
)

const keys = "../../../test/keys/demo"

func demoKey(t *testing.T) *sign.Key {
	t.Helper()
	b, err := os.ReadFile(keys + ".key.asc")
	if err != nil {
		t.Fatal(err)
	}
	k, err := sign.Load(bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// store is a folder laid out as publishing does it, and dnf that knows nothing else.
type store struct {
	dir, base string // base: its URL
	key       *sign.Key
	config    string // of dnf
}

func newStore(t *testing.T, base func(dir string) string) *store {
	t.Helper()
	dir := t.TempDir()
	s := &store{dir: dir, base: base(dir), key: demoKey(t)}
	pub, err := filepath.Abs(keys + ".pub.asc")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	s.config = filepath.Join(work, "dnf.conf")
	s.put(t, s.config, fmt.Appendf(nil, "[main]\ncachedir=%[1]s/cache\nlogdir=%[1]s\npersistdir=%[1]s/persist\nreposdir=%[1]s/none\nvarsdir=%[1]s/none\n"+
		"installroot=%[1]s/root\npluginpath=%[1]s/none\nassumeyes=1\nmetadata_expire=0\nretries=1\n"+
		"[it]\nname=it\nmirrorlist=%[2]s/testing/mirrorlist\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://%[3]s\n", work, s.base, pub))
	return s
}

func (s *store) put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// signed makes a signed package in the store and describes it.
func (s *store) signed(t *testing.T, name, version string) repodata.Entry {
	t.Helper()
	made := pack(t, t.TempDir(), name, version, func(r *rpmpack.RPM) {
		r.SetPGPSigner(func(header []byte) ([]byte, error) { return s.key.Header(header, time.Unix(1500000000, 0)) })
	})
	sum := describe(t, made, repodata.Place{Href: "x.rpm"}).SHA256
	href := "packages/" + sum + "/" + filepath.Base(made)
	b, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, filepath.Join(s.dir, href), b)
	return describe(t, made, repodata.Place{Base: s.base, Href: href})
}

// publish makes the next generation and points at it.
func (s *store) publish(t *testing.T, id string, previous *repodata.Set, add ...repodata.Entry) *repodata.Set {
	t.Helper()
	dir := filepath.Join(s.dir, "testing/g", id, "repodata")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	set, err := repodata.Write(t.Context(), dir, previous, add, nil, 1500000000)
	if err != nil {
		t.Fatal(err)
	}
	asc, err := s.key.Detached(set.Repomd, time.Unix(1500000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, filepath.Join(dir, "repomd.xml.asc"), asc)
	s.put(t, filepath.Join(s.dir, "testing/mirrorlist"), []byte(s.base+"/testing/g/"+id+"/\n"))
	return set
}

func (s *store) dnf(args ...string) (string, error) {
	cmd := exec.Command("dnf", append([]string{"--config", s.config, "--releasever=1", "--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestDnf has dnf read two generations, signed, and download a signed package, once from a folder and
// once from a server; and refuse lists and repomd.xml with one byte changed.
func TestDnf(t *testing.T) {
	need.Root(t) // dnf installs only then
	t.Parallel()
	for name, base := range map[string]func(*testing.T, string) string{
		"file": func(_ *testing.T, dir string) string { return (&url.URL{Scheme: "file", Path: dir}).String() },
		"http": func(t *testing.T, dir string) string {
			files := http.FileServer(http.Dir(dir))
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if path := r.URL.Path; strings.Contains(path, "..") || strings.Contains(path, "//") {
					t.Errorf("dnf asks for %s, which is no key that S3 has", path)
				}
				files.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			return server.URL
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, func(dir string) string { return base(t, dir) })
			first := s.publish(t, "1", nil, s.signed(t, "alpha", "1.0"))
			set := s.publish(t, "2", first, s.signed(t, "beta", "2.0~rc1"))
			out, err := s.dnf("repoquery", "--qf", "%{name}-%{evr}.%{arch} %{location}")
			if err != nil {
				t.Fatalf("dnf repoquery: %v\n%s", err, out)
			}
			for _, want := range []string{"alpha-1.0-1.noarch packages/", "beta-2.0~rc1-1.noarch packages/"} {
				if !strings.Contains(out, want) {
					t.Errorf("dnf does not see %s:\n%s", want, out)
				}
			}
			to := t.TempDir()
			if out, err := s.dnf("install", "--downloadonly", "--downloaddir="+to, "beta"); err != nil {
				t.Fatalf("dnf install --downloadonly: %v\n%s", err, out)
			}
			if name == "http" { // dnf uses a local package where it lies
				if _, err := os.Stat(filepath.Join(to, "beta-2.0~rc1-1.noarch.rpm")); err != nil {
					t.Error(err)
				}
			}
			list := set.Files[0]
			good, err := os.ReadFile(list.Path)
			if err != nil {
				t.Fatal(err)
			}
			s.put(t, list.Path, flipped(good, len(good)/2))
			if out, err := s.dnf("clean", "all"); err != nil {
				t.Fatalf("dnf clean: %v\n%s", err, out)
			}
			if out, err := s.dnf("repoquery"); err == nil || !strings.Contains(out, list.Name) {
				t.Errorf("a bit of primary was flipped: %v\n%s", err, out)
			}
			s.put(t, list.Path, good)
			s.put(t, filepath.Join(s.dir, "testing/g/2/repodata/repomd.xml"), bytes.Replace(set.Repomd, []byte("<size>"), []byte("<size>1"), 1))
			if out, err := s.dnf("--refresh", "repoquery"); err == nil || !strings.Contains(out, "signature") {
				t.Errorf("repomd.xml was changed: %v\n%s", err, out)
			}
		})
	}
}
