package fetch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/test/s3server"
)

// TestS3 is not parallel: credentials come from the environment, as they do for users.
func TestS3(t *testing.T) {
	s := s3server.Start(t)
	s.Setenv(t)
	a, b, flipped, gone := makePackage(t, "a", 300_000), makePackage(t, "c++", 10), makePackage(t, "flipped", 1000), makePackage(t, "gone", 1)
	repo := repository(t, nil, a)
	for _, rel := range listFiles(t, repo) {
		data, err := os.ReadFile(filepath.Join(repo, rel))
		if err != nil {
			t.Fatal(err)
		}
		s.Put(t, "repo/"+rel, data)
	}
	s.Put(t, "some/where/"+a.item.FileName(), a.data)
	s.Put(t, b.item.FileName(), b.data)
	wrong := append([]byte(nil), flipped.data...)
	wrong[900] ^= 1
	s.Put(t, "some/where/"+flipped.item.FileName(), wrong)
	bucket := "s3://" + s.Bucket

	t.Run("fetched once", func(t *testing.T) {
		o := quick(t)
		for run := range 2 {
			files, err := fetch.Files(t.Context(), []fetch.Item{a.from(bucket + "/some/where/"), b.from(bucket)}, o)
			if err != nil {
				t.Fatal(err)
			}
			a.holds(t, files[0])
			b.holds(t, files[1])
			if files[0].Reused != (run == 1) {
				t.Errorf("run %d: reused %v", run, files[0].Reused)
			}
		}
	})
	t.Run("resumed", func(t *testing.T) {
		o := quick(t)
		write(t, filepath.Join(o.Cache, a.cacheName()+".part"), a.data[:200_000])
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from(bucket + "/some/where")}, o)
		if err != nil {
			t.Fatal(err)
		}
		a.holds(t, files[0])
	})
	t.Run("wrong part", func(t *testing.T) {
		o := quick(t)
		write(t, filepath.Join(o.Cache, a.cacheName()+".part"), []byte(strings.Repeat("x", 200_000)))
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from(bucket + "/some/where")}, o)
		if err != nil {
			t.Fatal(err)
		}
		a.holds(t, files[0])
	})
	t.Run("repository", func(t *testing.T) {
		files, err := fetch.Files(t.Context(), []fetch.Item{a.from("yum+" + bucket + "/repo/")}, quick(t))
		if err != nil {
			t.Fatal(err)
		}
		a.holds(t, files[0])
	})
	t.Run("locked", func(t *testing.T) {
		item := a.from(bucket + "/some/where")
		item.SHA256, item.Size = "", 0
		files, err := fetch.Lock(t.Context(), []fetch.Item{item}, quick(t))
		if err != nil {
			t.Fatal(err)
		}
		a.holds(t, files[0])
	})
	t.Run("refused", func(t *testing.T) {
		for _, tt := range []struct {
			item fetch.Item
			code int
			want string
		}{
			{flipped.from(bucket + "/some/where"), exit.Mismatch, "its sha256 is"},
			{gone.from(bucket + "/some/where"), exit.Missing, "404 Not Found: NoSuchKey"},
			{gone.from("s3://no-such-bucket/x"), exit.Missing, "NoSuchBucket"},
			{gone.from("yum+" + bucket + "/nowhere"), exit.Missing, "404"},
		} {
			o := quick(t)
			_, err := fetch.Files(t.Context(), []fetch.Item{tt.item}, o)
			if exit.Code(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.want) || exit.Hint(err) == "" {
				t.Errorf("%s: code %d, hint %q: %v", tt.item.Source, exit.Code(err), exit.Hint(err), err)
			}
		}
	})
	t.Run("wrong credentials", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
		_, err := fetch.Files(t.Context(), []fetch.Item{a.from(bucket + "/some/where")}, quick(t))
		if exit.Code(err) != exit.Missing || !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "not the secret") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		_, err := fetch.Files(t.Context(), []fetch.Item{a.from(bucket + "/some/where")}, quick(t))
		if exit.Code(err) != exit.Missing || !strings.Contains(exit.Hint(err), "AWS_PROFILE") {
			t.Errorf("hint %q: %v", exit.Hint(err), err)
		}
	})
	t.Run("dead endpoint", func(t *testing.T) {
		t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
		_, err := fetch.Files(t.Context(), []fetch.Item{a.from(bucket + "/some/where")}, quick(t))
		if exit.Code(err) != exit.Missing || !strings.Contains(err.Error(), "refused") {
			t.Errorf("got %v", err)
		}
	})
}

func listFiles(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
