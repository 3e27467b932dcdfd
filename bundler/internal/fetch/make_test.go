package fetch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/fetch"
	"onerpm/internal/nevra"
)

// pkg is a component made for a test.
type pkg struct {
	item fetch.Item
	data []byte
}

// makePackage returns a real package of about size incompressible bytes. change, if
// any, has the last word about it.
func makePackage(t testing.TB, name string, size int, change ...func(*rpmpack.RPM)) pkg {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: name, Version: "4.2.0", Release: "ga", Epoch: 1, Arch: "noarch",
		Summary: name, Description: name, Licence: "Apache-2.0", BuildTime: time.Unix(1500000000, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, size)
	random := rand.NewChaCha8([32]byte([]byte(name + strings.Repeat(".", 32-len(name)))))
	_, _ = random.Read(body)
	r.AddFile(rpmpack.RPMFile{Name: "/opt/" + name, Mode: 0o644, Body: body, MTime: 1500000000})
	for _, c := range change {
		c(r)
	}
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	p := pkg{fetch.Item{ID: nevra.ID{Name: name, Epoch: 1, Version: "4.2.0", Release: "ga", Arch: "noarch"}}, buf.Bytes()}
	return p.pinned()
}

// pinned returns p with the digest and size of its data.
func (p pkg) pinned() pkg {
	sum := sha256.Sum256(p.data)
	p.item.SHA256, p.item.Size = hex.EncodeToString(sum[:]), int64(len(p.data))
	return p
}

// from returns p's item with a source.
func (p pkg) from(source string) fetch.Item {
	p.item.Source = source
	return p.item
}

// folder puts packages into a new folder.
func folder(t testing.TB, list ...pkg) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range list {
		write(t, filepath.Join(dir, p.item.FileName()), p.data)
	}
	return dir
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// quick returns options with a new cache and short waits.
func quick(t testing.TB) fetch.Options {
	return fetch.Options{Cache: filepath.Join(t.TempDir(), "cache"), Backoff: time.Millisecond, Stall: 10 * time.Second}
}

// cached lists the files of a cache, relative to it.
func cached(t testing.TB, o fetch.Options) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(o.Cache, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(o.Cache, path)
			list = append(list, rel)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return list
}

func (p pkg) cacheName() string { return "sha256/" + p.item.SHA256[:2] + "/" + p.item.SHA256 }

// holds demands that a file has p's bytes.
func (p pkg) holds(t testing.TB, f fetch.File) {
	t.Helper()
	b, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, p.data) || f.Item.SHA256 != p.item.SHA256 || f.Item.Size != p.item.Size || f.Header == nil || f.Header.NEVRA() != p.item.NEVRA() {
		t.Errorf("%s: not the file that was wanted: %+v", p.item.NEVRA(), f)
	}
}
