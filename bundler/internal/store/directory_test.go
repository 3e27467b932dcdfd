package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
	"onerpm/bundler/internal/store/storetest"
)

// TestMain is also the other process of the tests that need one.
func TestMain(m *testing.M) {
	if what, rest, ok := strings.Cut(os.Getenv("STORE_TEST_PROCESS"), " "); ok {
		if err := process(what, rest); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process does one thing with a store, in a process of its own.
func process(what, address string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return err
	}
	switch what {
	case "count":
		for range 10 {
			if err := storetest.Increment(ctx, s, "counter"); err != nil {
				return err
			}
		}
		return nil
	case "put": // telling about each step
		told := int64(0)
		_, err := s.Put(ctx, "packages/big.rpm", bytes.NewReader(storetest.Bytes(7, 40<<20)), store.PutOptions{
			Immutable: true,
			Check:     readAll,
			Progress: func(n int64) {
				println(strconv.FormatInt(n, 10))
				if told += n; told >= 4<<20 && os.Getenv("STORE_TEST_STOPS") != "" {
					time.Sleep(time.Hour)
				}
			},
		})
		return err
	case "memory":
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := s.Put(ctx, "big", zeros(128<<20), store.PutOptions{}); err != nil {
			return err
		}
		r, _, err := s.Open(ctx, "big")
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, r)
		runtime.ReadMemStats(&after)
		println(after.TotalAlloc - before.TotalAlloc)
		if n != 128<<20 {
			err = errors.Join(err, errors.New("it came back with another size"))
		}
		return errors.Join(err, r.Close())
	}
	return errors.New("what?")
}

// zeros is a content of that many zeros.
type zeros int64

// Size is their number.
func (z zeros) Size() int64 { return int64(z) }

// ReadAt reads zeros.
func (z zeros) ReadAt(p []byte, at int64) (int, error) {
	n := min(int64(len(p)), int64(z)-at)
	clear(p[:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func other(t *testing.T, what, address string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), env...), "STORE_TEST_PROCESS="+what+" "+address)
	return cmd
}

func open(t *testing.T, address string) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	storetest.Conformance(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "not", "there [yet]"))
	})
}

func TestDirectoryBetweenProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all []*exec.Cmd
	for range 4 {
		cmd := other(t, "count", dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if got, _ := storetest.Read(t, open(t, dir), "counter"); string(got) != "40" {
		t.Errorf("%s updates of 40 are left", got)
	}
}

// TestDirectoryKilled kills a Put. Its file is never listed, stays while the writer lives, and is gone with the next use.
func TestDirectoryKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := other(t, "put", dir, "STORE_TEST_STOPS=1")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(said, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	parts := func() int {
		left, err := filepath.Glob(filepath.Join(dir, ".bundler-store", "part-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	s := open(t, dir)
	if n, err := s.Tidy(t.Context(), time.Now()); n != 0 || err != nil || parts() != 1 {
		t.Errorf("tidy took %d files of a living writer, %v; %d are there", n, err, parts())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := storetest.Names(t, s, ""); len(got) != 0 || parts() != 1 {
		t.Errorf("after the kill: %q, %d parts", got, parts())
	}
	s = open(t, dir)
	if parts() != 0 {
		t.Error("the next use did not remove what was left")
	}
	if out, err := other(t, "put", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, _ := storetest.Read(t, s, "packages/big.rpm"); !bytes.Equal(got, storetest.Bytes(7, 40<<20)) {
		t.Error("the second try has other content")
	}
}

// What a directory promises beside the suite: plain files that a web server can read, in places one can predict.
func TestDirectoryFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	storetest.Put(t, s, "a/b+1.rpm", []byte("x"), store.PutOptions{})
	if err := s.Copy(t.Context(), "a/b+1.rpm", "short.rpm"); err != nil {
		t.Fatal(err)
	}
	one, err := os.Stat(filepath.Join(dir, "a", "b+1.rpm"))
	if err != nil || one.Mode() != 0o644 {
		t.Fatalf("%v, %v", one, err)
	}
	if two, err := os.Stat(filepath.Join(dir, "short.rpm")); err != nil || !os.SameFile(one, two) {
		t.Errorf("the copy takes room of its own: %v", err)
	}
	if got, want := s.URL("a/b+1.rpm"), "file://"+dir+"/a/b%2B1.rpm"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if s.String() != dir {
		t.Error(s.String())
	}
	if _, err := s.Presign(t.Context(), "short.rpm", time.Hour); exit.Code(err) != exit.Usage || exit.Hint(err) == "" {
		t.Errorf("presign: %v", err)
	}
	// What is in the way is reported, and left alone.
	for name, content := range map[string]string{"a": "a folder is there", "short.rpm/x": "a file is above"} {
		_, err := s.Put(t.Context(), name, strings.NewReader(content), store.PutOptions{})
		if exit.Code(err) != exit.Store || exit.Hint(err) == "" {
			t.Errorf("put %s: %v", name, err)
		}
	}
	if got, _ := storetest.Read(t, s, "a/b+1.rpm"); string(got) != "x" {
		t.Errorf("%q", got)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ address, url string }{
		{"", ""}, {"https://example.com", ""}, {"file://host/x", ""}, {"file://x", ""}, {"s3://", ""}, {"s3:///x", ""}, {"s3://b/../x", ""}, {"s3://b/x y", ""},
		{file, ""}, {dir, "x"}, {dir, "https://example.com/?a=b"}, {dir, "mailto:x"}, {dir, ":"},
	} {
		_, err := store.Open(t.Context(), tt.address, store.Options{URL: tt.url})
		if exit.Code(err) != exit.Usage || exit.Hint(err) == "" {
			t.Errorf("%q with the base %q: %v", tt.address, tt.url, err)
		}
	}
	s, err := store.Open(t.Context(), dir, store.Options{URL: "https://example.com/x/"})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.URL("y.rpm"); got != "https://example.com/x/y.rpm" {
		t.Error(got)
	}
}
