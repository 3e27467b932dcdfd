package repo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
	"onerpm/bundler/internal/store"
)

var foreign = sync.OnceValues(func() (string, error) {
	k, err := sign.Generate("Somebody", "", "x@example.invalid", time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return "", err
	}
	b, err := k.Private(nil)
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "foreign.key.asc")
	return path, os.WriteFile(path, b, 0o600)
})

// foreignKey returns the file of a key that is not the publisher's.
func foreignKey(t testing.TB) string {
	t.Helper()
	path, err := foreign()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestVerifyFinds damages every single file that there is, and has verify say which one.
func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, s)
	publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Testing)
	two := build(t, jump{from: "1.0", to: "1.1", revision: 2})
	publish(t, r, two, repo.Stable)
	if _, err := r.Withdraw(t.Context(), nevra1, "wrong"); err != nil {
		t.Fatal(err)
	}
	reader := open(t, s, func(o *repo.Options) { o.Key, o.Public = nil, public(t) })
	current := map[string]bool{}
	for _, c := range repo.Channels {
		current[filepath.Base(strings.TrimSpace(content(t, s, c+"/mirrorlist")))] = true
	}
	top := content(t, s, "repodata/repomd.xml")
	for _, name := range names(t, s, "") {
		parts := strings.Split(name, "/")
		if parts[0] == "repodata" && !strings.Contains(name, "repomd.xml") && !strings.Contains(top, name) {
			continue // a list of the metadata that was
		}
		if len(parts) > 2 && (parts[1] == "g" || parts[1] == "published") && !current[parts[2]] {
			continue // of a generation that was
		}
		if strings.Contains(name, sumOfNevra1(t, s)) && !strings.HasSuffix(name, ".rpm") {
			continue // of a withdrawn bundle only the file itself is kept an eye on
		}
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 1
		for how, damage := range map[string]func() error{
			"flipped": func() error { return replace(path, bad) },
			"cut":     func() error { return replace(path, good[:len(good)/2]) },
			"gone":    func() error { return os.Remove(path) },
		} {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			rep, err := reader.Verify(t.Context())
			if err != nil {
				t.Errorf("%s %s: %v", name, how, err)
			} else if !strings.Contains(strings.Join(rep.Problems, "\n"), strings.TrimSuffix(filepath.Base(name), ".asc")) {
				t.Errorf("%s %s: verify tells %q", name, how, rep.Problems)
			}
			if err := replace(path, good); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole(t, s)

	// All at once; and what is derived is there again after the next publisher.
	for _, name := range []string{"repodata/repomd.xml", "repodata/repomd.xml.asc", "index.html", "index.json", prefix + ".repo", "RPM-GPG-KEY-" + prefix, prefix + "-1.1.rpm"} {
		if err := replace(filepath.Join(dir, name), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := reader.Verify(t.Context())
	if err != nil || len(rep.Problems) < 2 {
		t.Errorf("problems %v, %v", rep, err)
	}
	publish(t, r, two, repo.Stable)
	whole(t, s)
}

// replace gives a file a new inode, for some of them are links.
func replace(path string, b []byte) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

func public(t testing.TB) *sign.Public {
	t.Helper()
	b, err := os.ReadFile("../../../test/keys/demo.pub.asc")
	if err != nil {
		t.Fatal(err)
	}
	k, err := sign.LoadPublic(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sumOfNevra1 is the digest of the bundle that was withdrawn.
func sumOfNevra1(t testing.TB, s store.Store) string {
	t.Helper()
	for _, name := range names(t, s, "packages/") {
		if strings.HasSuffix(name, nevra1+".rpm") {
			return strings.Split(name, "/")[1]
		}
	}
	t.Fatal("it is not there")
	return ""
}

func TestNothingThere(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		r := open(t, w, func(o *repo.Options) { o.Key = nil })
		_, front := r.Front(t.Context())
		_, verify := r.Verify(t.Context())
		_, _, link := r.Presign(t.Context(), "1.1", time.Hour)
		for _, err := range []error{front, verify, link} {
			if exit.Code(err) != exit.Usage || exit.Hint(err) == "" {
				t.Errorf("nothing is there: %v", err)
			}
		}
	})
}
