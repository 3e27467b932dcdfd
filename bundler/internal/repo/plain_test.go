package repo_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
	"onerpm/test/need"
)

// origin is a store in a folder that a web server of its own serves, published under that server's address.
func origin(t *testing.T) (w world, publisher *repo.Repo, server *httptest.Server) {
	t.Helper()
	dir := t.TempDir()
	server = httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return world{Store: s, address: dir}, open(t, s, func(o *repo.Options) { o.URL = server.URL }), server
}

// plainSettings are those of a customer who has the address of a copy and the publisher's key.
func plainSettings(t testing.TB, url string) string {
	t.Helper()
	key, err := filepath.Abs("../../../test/keys/demo.pub.asc")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[copy]\nname=copy\nbaseurl=%s\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://%s\n", url, key)
}

// reposync copies the section for that of a store's settings, as a mirror's admin does, and returns the folder of the copy.
func reposync(t testing.TB, settings string) (string, error) {
	t.Helper()
	d, into := customer(t, settings), t.TempDir()
	out, err := d.run("--setopt=pluginpath=/usr/lib/python3/dist-packages/dnf-plugins", "reposync", "--repoid="+prefix+"-mirror", "--download-metadata", "-p", into)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return filepath.Join(into, prefix+"-mirror"), nil
}

// TestCopies has dnf install from copies of a store, made by cp and by reposync, which are served from another address
// while the store itself is out of reach.
func TestCopies(t *testing.T) {
	t.Parallel()
	need.Root(t) // dnf installs only then
	w, r, server := origin(t)
	publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
	publish(t, r, build(t, jump{from: "1.1", to: "1.2", revision: 1}), repo.Testing)
	whole(t, w)
	settings := content(t, w, prefix+".repo")
	synced, err := reposync(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.CommandContext(t.Context(), "cp", "-r", w.address, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server.Close()
	for how, dir := range map[string]string{"cp": copied, "reposync": synced} {
		elsewhere := httptest.NewServer(http.FileServer(http.Dir(dir)))
		defer elsewhere.Close()
		d := customer(t, plainSettings(t, elsewhere.URL)+shell(t))
		if out, err := d.run("install", "--downloadonly", prefix+"-1.1"); err != nil {
			t.Errorf("from the copy by %s: %v\n%s", how, err, out)
		}
		if out, err := d.run("install", "--downloadonly", prefix+"-1.2"); err == nil {
			t.Errorf("the copy by %s has what is still being tested:\n%s", how, out)
		}
		// A list that somebody changed is not taken.
		lists, err := filepath.Glob(filepath.Join(dir, "repodata", "*-primary.xml.gz"))
		if err != nil || lists == nil {
			t.Fatal(lists, err)
		}
		for _, path := range lists {
			flip(t, path)
		}
		if out, err := customer(t, plainSettings(t, elsewhere.URL)+shell(t)).run("install", "--downloadonly", prefix+"-1.1"); err == nil {
			t.Errorf("from a damaged copy by %s:\n%s", how, out)
		}
	}
}

// TestCopiedWhilePublishing has reposync copy a store again and again while bundles are published. A copy that it calls good is good: what
// was installable before is; and it calls one bad only where the signature is of another moment.
func TestCopiedWhilePublishing(t *testing.T) {
	t.Parallel()
	need.Root(t)
	w, r, _ := origin(t)
	publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
	var more []*repo.Local
	for i := range 12 {
		more = append(more, load(t, build(t, jump{from: fmt.Sprintf("2.%d", i), to: fmt.Sprintf("2.%d", i+1), revision: 1})))
	}
	published := make(chan error, 1)
	go func() {
		for _, l := range more {
			if _, err := r.Publish(t.Context(), l, repo.Stable); err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	settings, good := content(t, w, prefix+".repo"), 0
	for ended := false; !ended || good == 0; {
		select {
		case err := <-published:
			if ended = true; err != nil {
				t.Fatal(err)
			}
		default:
		}
		dir, err := reposync(t, settings)
		if err != nil {
			if !strings.Contains(err.Error(), "GPG") && !strings.Contains(err.Error(), "repomd.xml") {
				t.Fatalf("reposync: %v", err)
			}
			t.Logf("once more: %v", err)
			continue
		}
		good++
		d := customer(t, plainSettings(t, "file://"+dir)+shell(t))
		if out, err := d.run("install", "--downloadonly", prefix+"-1.1"); err != nil {
			t.Fatalf("from copy %d: %v\n%s", good, err, out)
		}
	}
	t.Logf("%d copies", good)
	whole(t, w)
}

// TestPlainSwept wants lists that the metadata for copies does not name any more to be gone after a week.
func TestPlainSwept(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		days := 0
		r := open(t, w, func(o *repo.Options) { o.Now = func() time.Time { return time.Now().AddDate(0, 0, days) } })
		publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Stable)
		publish(t, r, build(t, jump{from: "1.1", to: "1.2", revision: 1}), repo.Stable)
		if before := names(t, w, "repodata/"); len(before) <= 5 {
			t.Errorf("nothing is there of the metadata before: %v", before)
		}
		days = 8
		publish(t, r, build(t, jump{from: "1.2", to: "1.3", revision: 1}), repo.Stable)
		if left := names(t, w, "repodata/"); len(left) != 5 {
			t.Errorf("after a week there are %v", left)
		}
		whole(t, w)
	})
}

// TestPlainOfOlderStore publishes what is there already into a store of a bundler that wrote no metadata for copies.
func TestPlainOfOlderStore(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		r, one := open(t, w), build(t, jump{from: "1.0", to: "1.1", revision: 1})
		publish(t, r, one, repo.Stable)
		if err := r.ForgetPlain(t.Context()); err != nil {
			t.Fatal(err)
		}
		whole(t, w)
		if left := names(t, w, "repodata/"); left != nil {
			t.Fatalf("there is %v", left)
		}
		publish(t, open(t, w), one, repo.Stable)
		if got := names(t, w, "repodata/"); len(got) != 5 {
			t.Errorf("there is %v", got)
		}
		whole(t, w)
	})
}
