package repo_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
	"onerpm/test/need"
	"onerpm/test/s3server"
)

// shell makes a repository with what a bundle needs of a machine, and returns dnf's settings for it.
func shell(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "machine", Version: "1", Release: "1", Arch: "noarch", Licence: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/bin/sh", "systemd", "rpm"} {
		if err := r.Provides.Set(name); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(dir, "machine-1-1.noarch.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := r.Write(f); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("createrepo_c", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("createrepo_c: %v\n%s", err, out)
	}
	return "[machine]\nname=machine\nbaseurl=file://" + dir + "\ngpgcheck=0\n"
}

// TestCustomer has dnf take bundles from a bucket with the settings that are published there: a good one, one with a
// flipped byte, and all of them when the customer's key is another one.
func TestCustomer(t *testing.T) {
	t.Parallel()
	need.Root(t) // likewise
	server := s3server.Start(t)
	readable(t, server)
	s, err := store.Open(t.Context(), "s3://"+server.Bucket+"/up", store.Options{AWS: server.Config()})
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, s)
	good := publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
	bad := publish(t, r, build(t, jump{from: "1.1", to: "1.2", revision: 1}), repo.Stable)
	flip(t, filepath.Join(server.Dir, server.Bucket, "up", bad.Bundle.File))
	settings := content(t, s, prefix+".repo") + shell(t)

	d := customer(t, settings)
	into := t.TempDir()
	if out, err := d.run("install", "--downloadonly", "--downloaddir="+into, prefix+"-1.1"); err != nil {
		t.Fatalf("a good bundle: %v\n%s", err, out)
	}
	if got := fileSum(t, filepath.Join(into, good.Bundle.NEVRA+".rpm")); got != good.Bundle.SHA256 {
		t.Errorf("dnf has a file with %s", got)
	}
	if out, err := d.run("install", "--downloadonly", prefix+"-1.2"); err == nil || !strings.Contains(out, "checksum doesn't match") && !strings.Contains(out, "Cannot download") {
		t.Errorf("a flipped byte: %v\n%s", err, out)
	}

	stranger, err := loadKey(foreignKey(t))
	if err != nil {
		t.Fatal(err)
	}
	armored, err := stranger.Public()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(other, armored, 0o600); err != nil {
		t.Fatal(err)
	}
	d = customer(t, strings.ReplaceAll(settings, "gpgkey="+s.URL("RPM-GPG-KEY-"+prefix), "gpgkey=file://"+other))
	if out, err := d.run("install", "--downloadonly", prefix+"-1.1"); err == nil || !strings.Contains(out, "GPG") {
		t.Errorf("another key: %v\n%s", err, out)
	}
}

// TestAddresses has dnf use the settings of stores whose addresses have all kinds of signs in them: a comma would end a
// URL of gpgkey, and a dollar sign begin a variable.
func TestAddresses(t *testing.T) {
	t.Parallel()
	need.Root(t) // dnf installs only then
	one := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	for _, name := range []string{"My Repo", "a,b", "$basearch ${releasever}", "50%2C", "a+b~c^d;e=f@g", "[x]{y}'z'\"&<>*?#!()|", "über"} {
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), name), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, open(t, s), one, repo.Stable)
		whole(t, s)
		d := customer(t, content(t, s, prefix+".repo")+shell(t))
		if out, err := d.run("install", "--downloadonly", prefix+"-1.1"); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	// The word that yum looks for in addresses of mirror lists; dnf 4.14 does not.
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "metalinks"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, s).Publish(t.Context(), load(t, one), repo.Stable); exit.Code(err) != exit.Usage || !strings.Contains(err.Error(), "metalink") || names(t, s, "") != nil {
		t.Errorf("a folder that yum does not read: %v", err)
	}
	// An address that is given is written so that everybody takes it for the same.
	s, err = store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res := publish(t, open(t, s, func(o *repo.Options) { o.URL = "https://example.org/a,b+$c%2Fd/" }), one, repo.Stable); res.Base != "https://example.org/a%2Cb%2B%24c%2Fd" {
		t.Error(res.Base)
	}
	whole(t, s)
	for _, bad := range []string{"https://$host/x", "https://metalink.example.org", "https://a,b/x"} {
		if _, err := repo.Open(s, repo.Options{URL: bad}); exit.Code(err) != exit.Usage {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// customer is a dnf with settings.
func customer(t testing.TB, settings string) dnf {
	t.Helper()
	dir := t.TempDir()
	d := dnf{filepath.Join(dir, "dnf.conf")}
	text := fmt.Sprintf("[main]\ncachedir=%[1]s/cache\nlogdir=%[1]s\npersistdir=%[1]s/persist\nreposdir=%[1]s/none\nvarsdir=%[1]s/none\n"+
		"installroot=%[1]s/root\npluginpath=%[1]s/none\nassumeyes=1\nretries=1\nkeepcache=1\n%[2]s", dir, settings)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func flip(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestLink fetches a bundle that only its owner may read with a link made for somebody.
func TestLink(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	s, err := store.Open(t.Context(), "s3://"+server.Bucket+"/up", store.Options{AWS: server.Config()})
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, s)
	one := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	res := publish(t, r, one, repo.Testing)
	link, b, err := r.Presign(t.Context(), "1.1", time.Hour)
	if err != nil || b.NEVRA != res.Bundle.NEVRA {
		t.Fatalf("%s, %v", b.NEVRA, err)
	}
	get := func(url string) (int, string) {
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, sumOf(body)
	}
	if code, sum := get(link.URL); code != http.StatusOK || sum != fileSum(t, one) {
		t.Errorf("the link gives %d, sha256 %s", code, sum)
	}
	if code, _ := get(res.URL); code != http.StatusForbidden {
		t.Errorf("without a link: %d", code)
	}
	publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 2}), repo.Testing)
	for asked, want := range map[string]string{"1.1": nevra2, nevra1: nevra1} {
		if _, b, err := r.Presign(t.Context(), asked, time.Hour); err != nil || b.NEVRA != want {
			t.Errorf("a link to %s is one to %s, %v", asked, b.NEVRA, err)
		}
	}
	if _, _, err := r.Presign(t.Context(), "9.9", time.Hour); exit.Code(err) != exit.Usage {
		t.Errorf("a link to nothing: %v", err)
	}
}
