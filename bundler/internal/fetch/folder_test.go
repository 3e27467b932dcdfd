package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/internal/rpmfile"
	"onerpm/test/need"
)

func TestFolderInPlace(t *testing.T) {
	t.Parallel()
	a, b := makePackage(t, "a", 1000), makePackage(t, "b", 100)
	dir := folder(t, a, b)
	o := quick(t)
	o.Root = filepath.Dir(dir)
	files, err := fetch.Files(t.Context(), []fetch.Item{a.from(filepath.Base(dir)), b.from(filepath.Join(dir, b.item.FileName())), a.from("file://" + dir)}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []pkg{a, b, a} {
		p.holds(t, files[i])
		if filepath.Dir(files[i].Path) != dir || !files[i].Reused {
			t.Errorf("%s was not used in place", files[i].Path)
		}
	}
	if list := cached(t, o); len(list) > 0 {
		t.Errorf("copied into the cache: %v", list)
	}
}

// TestFolderWrong has a folder where every file is wrong in a way of its own: all are reported at once.
func TestFolderWrong(t *testing.T) {
	t.Parallel()
	good, flipped, short, long := makePackage(t, "good", 100), makePackage(t, "flipped", 100), makePackage(t, "short", 100), makePackage(t, "long", 100)
	other, text, damaged := makePackage(t, "other", 100), makePackage(t, "text", 1), makePackage(t, "damaged", 100)
	flipped.data[len(flipped.data)-20] ^= 1
	short.data = short.data[:len(short.data)-1]
	long.data = append(long.data, 0)
	text.data = []byte("<!DOCTYPE html>")
	text = text.pinned()
	damaged.data[len(damaged.data)-20] ^= 1
	damaged = damaged.pinned()
	dir := folder(t, good, flipped, short, long, text, damaged)
	otherItem := other.from(dir)
	write(t, filepath.Join(dir, "renamed-4.2.0-ga.noarch.rpm"), other.data)
	otherItem.Name = "renamed"
	fifo := makePackage(t, "fifo", 1)
	if err := syscall.Mkfifo(filepath.Join(dir, fifo.item.FileName()), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := makePackage(t, "missing", 1)

	tests := []struct {
		item fetch.Item
		code int
		want string
	}{
		{flipped.from(dir), exit.Mismatch, "its sha256 is"},
		{short.from(dir), exit.Mismatch, "its size is"},
		{long.from(dir), exit.Mismatch, "its size is"},
		{text.from(dir), exit.Mismatch, "not an rpm file"},
		{damaged.from(dir), exit.Mismatch, "payload SHA-256"},
		{otherItem, exit.Mismatch, "its NEVRA is other-1:4.2.0-ga.noarch, the release says renamed-1:4.2.0-ga.noarch"},
		{fifo.from(dir), exit.Missing, "not a regular file"},
		{missing.from(dir), exit.Missing, "there is no file"},
	}
	items := []fetch.Item{good.from(dir)}
	for _, tt := range tests {
		items = append(items, tt.item)
		_, err := fetch.Files(t.Context(), []fetch.Item{tt.item}, quick(t))
		if exit.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) || exit.Hint(err) == "" {
			t.Errorf("%s: code %d, hint %q: %v", tt.item.Name, exit.Code(err), exit.Hint(err), err)
		}
	}
	_, err := fetch.Files(t.Context(), items, quick(t))
	var all *fetch.Errors
	if !errors.As(err, &all) || len(all.Items) != len(tests) || exit.Code(err) != exit.Mismatch {
		t.Fatalf("want all %d failures in one error with code %d, got %v", len(tests), exit.Mismatch, err)
	}
	for _, tt := range tests {
		if !strings.Contains(err.Error(), tt.item.NEVRA()+": ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s is not in\n%v", tt.item.Name, err)
		}
	}
}

func TestNotPinned(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1)
	for _, change := range []func(*fetch.Item){
		func(i *fetch.Item) { i.SHA256 = "" },
		func(i *fetch.Item) { i.SHA256 = strings.ToUpper(i.SHA256) },
		func(i *fetch.Item) { i.SHA256 = "../../" + i.SHA256[6:] },
		func(i *fetch.Item) { i.Size = 0 },
	} {
		item := a.from(folder(t, a))
		change(&item)
		if _, err := fetch.Files(t.Context(), []fetch.Item{item}, quick(t)); exit.Code(err) != exit.Spec {
			t.Errorf("%+v: %v", item, err)
		}
	}
}

func TestBadSource(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 1)
	for _, source := range []string{"ftp://host/x", "https:///x", "s3:///key", "yum+gopher://x", "https://user:secret@host:port/x?token=secret", "file://host/x"} {
		_, err := fetch.Files(t.Context(), []fetch.Item{a.from(source)}, quick(t))
		if exit.Code(err) != exit.Spec || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestCacheUnwritable(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 200_000)
	s := serve(t, a)
	o := quick(t)
	write(t, o.Cache, nil) // a file where the folder should be
	if _, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o); exit.Code(err) != exit.Output {
		t.Errorf("a file in the cache's place: %v", err)
	}

	need.Root(t)
	o = quick(t) // a full disk
	if err := os.MkdirAll(o.Cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", o.Cache, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("mount (tests run as root): %v", err)
	}
	defer func() {
		if err := syscall.Unmount(o.Cache, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	if _, err := fetch.Files(t.Context(), []fetch.Item{a.from(s.URL)}, o); exit.Code(err) != exit.Output || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if n := len(s.asked()); n != 1 {
		t.Errorf("%d requests: a full disk is no reason to ask again", n)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	a := makePackage(t, "a", 100)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	cancel(why)
	if _, err := fetch.Files(ctx, []fetch.Item{a.from(folder(t, a))}, quick(t)); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// TestLater holds that of a file which the caller compares only the headers are read, and that they are checked.
func TestLater(t *testing.T) {
	t.Parallel()
	good, payload, header, short := makePackage(t, "good", 100), makePackage(t, "payload", 100), makePackage(t, "header", 100), makePackage(t, "short", 100)
	h, err := rpmfile.Read(bytes.NewReader(good.data))
	if err != nil {
		t.Fatal(err)
	}
	payload.data[len(payload.data)-1] ^= 1
	header.data[h.PayloadOffset/2] ^= 1
	short.data = short.data[:len(short.data)-1]
	dir := folder(t, good, payload, header, short)
	o := quick(t)
	o.Later = map[string]bool{}
	for _, p := range []pkg{good, payload, header, short} {
		o.Later[p.item.SHA256] = true
	}
	files, err := fetch.Files(t.Context(), []fetch.Item{good.from(dir), payload.from(dir)}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []pkg{good, payload} {
		head := sha256.Sum256(p.data[:files[i].Header.PayloadOffset])
		if files[i].HeadSHA256 != hex.EncodeToString(head[:]) || files[i].Header.ID != p.item.ID {
			t.Errorf("%s: %+v", p.item.Name, files[i])
		}
	}
	for _, p := range []pkg{header, short} {
		if _, err := fetch.Files(t.Context(), []fetch.Item{p.from(dir)}, o); exit.Code(err) != exit.Mismatch {
			t.Errorf("%s: %v", p.item.Name, err)
		}
	}
	// What is not there yet is read wholly as it arrives, and what is in the cache then is not.
	s := serve(t, good)
	for _, reused := range []bool{false, true} {
		files, err := fetch.Files(t.Context(), []fetch.Item{good.from(s.URL)}, o)
		if err != nil || files[0].Reused != reused || (files[0].HeadSHA256 != "") != reused {
			t.Errorf("%+v, %v", files, err)
		}
	}
}
