package payloads_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/payloads"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
	"onerpm/internal/solid"
	"onerpm/internal/stored"
	"onerpm/test/samplerpm"
)

// packed makes a package whose one file has this text.
func packed(t testing.TB, name, version, compressor, text string) []byte {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: name, Version: version, Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch, Compressor: compressor})
	if err != nil {
		t.Fatal(err)
	}
	r.AddFile(rpmpack.RPMFile{Name: "/opt/" + name + "/" + version + "/text", Mode: 0o100644, Body: []byte(text), Owner: "root", Group: "root"})
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// component writes a package to a file, as the plan and fetch hand it on.
func component(t testing.TB, folder string, data []byte) payloads.Package {
	t.Helper()
	h, err := rpmpkg.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	p := payloads.Package{Header: h, Component: pack.Component{Path: path, Head: pack.Head{Size: h.PayloadOffset, SHA256: sum(data[:h.PayloadOffset])}}}
	p.Package = manifest.Package{ID: h.ID, SHA256: sum(data), Size: int64(len(data)), File: folder + "/" + h.FileName()}
	return p
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// text is some words that do not compress to nothing.
func text(seed int) string {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d %x\n", i, sha256.Sum256([]byte{byte(seed), byte(i), byte(i >> 8)}))
	}
	return b.String()
}

func made(t testing.TB, cache string, old, new []payloads.Package) []pack.Solid {
	t.Helper()
	all, err := payloads.Make(t.Context(), old, new, payloads.Options{Cache: cache, Progress: func(int64) {}})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// rebuilt returns the packages of a solid file as the engine makes them.
func rebuilt(t testing.TB, s pack.Solid) [][]byte {
	t.Helper()
	from := map[string][]byte{}
	for _, f := range s.Files {
		data, err := os.ReadFile(f.From)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(data)) != f.Size || sum(data) != f.SHA256 {
			t.Errorf("%s is not what it is said to be", f.Path)
		}
		from[f.Path] = data
	}
	all, to, ends := make([]bytes.Buffer, len(s.Packages)), make([]solid.Payload, len(s.Packages)), make([]io.Closer, len(s.Packages))
	for i, r := range s.Packages {
		all[i].Write(from[r.Head])
		w, err := stored.NewWriter(r.Compressor, &all[i], r.PayloadSize)
		if err != nil {
			t.Fatal(err)
		}
		to[i], ends[i] = solid.Payload{W: w, Size: r.PayloadSize}, w
	}
	if err := solid.Unpack(t.Context(), bytes.NewReader(from[s.File]), to); err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for i, r := range s.Packages {
		if err := ends[i].Close(); err != nil {
			t.Fatal(err)
		}
		if sum(all[i].Bytes()) != r.SHA256 || int64(all[i].Len()) != r.Size {
			t.Errorf("%s is not what it is said to be", r.File)
		}
		out = append(out, all[i].Bytes())
	}
	return out
}

// TestMake: a new and an old package, of whatever compressor, are rebuilt with their own headers and payloads.
func TestMake(t *testing.T) {
	t.Parallel()
	for _, compressor := range []string{"gzip", "xz", "zstd"} {
		t.Run(compressor, func(t *testing.T) {
			t.Parallel()
			oldData, newData := packed(t, "app", "1", compressor, text(1)), packed(t, "app", "2", compressor, text(1)+"more\n")
			old, new := component(t, "rollback", oldData), component(t, "packages", newData)
			all := made(t, t.TempDir(), []payloads.Package{old}, []payloads.Package{new})
			if len(all) != 1 || all[0].File != "solid/app.zst" || len(all[0].Packages) != 2 || all[0].Packages[0].File != new.File || all[0].Packages[1].File != old.File {
				t.Fatalf("made %+v", all)
			}
			if size, before := all[0].Files[0].Size, old.Size+new.Size; float64(size) > 0.6*float64(before) {
				t.Errorf("%d bytes of %d", size, before)
			}
			for i, data := range [][]byte{newData, oldData} {
				one, h := rebuilt(t, all[0])[i], [2]*rpmpkg.Package{new.Header, old.Header}[i]
				if !bytes.Equal(one[:h.PayloadOffset], data[:h.PayloadOffset]) {
					t.Errorf("%s has other headers", h.NVR())
				}
				got, want := payload(t, h, one), payload(t, h, data)
				if !bytes.Equal(got, want) || sum(got) != all[0].Packages[i].PayloadSHA256 || int64(len(got)) != all[0].Packages[i].PayloadSize {
					t.Errorf("%s has another payload", h.NVR())
				}
			}
			m := manifest.Manifest{Solid: []manifest.Solid{all[0].Solid}}
			if _, r := m.Rebuilt(new.File); r == nil || r.SHA256 != all[0].Packages[0].SHA256 {
				t.Errorf("the manifest has %+v", r)
			}
		})
	}
}

func payload(t testing.TB, h *rpmpkg.Package, data []byte) []byte {
	t.Helper()
	z, err := h.Payload(bytes.NewReader(data[h.PayloadOffset:]))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestWithoutFiles: a package of no files has a payload too.
func TestWithoutFiles(t *testing.T) {
	t.Parallel()
	empty := func(version string) []byte {
		// The header's text makes the payload a small part, so what it takes decides nothing.
		r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "empty", Version: version, Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch, Compressor: "gzip"})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	old, new := component(t, "rollback", empty("1")), component(t, "packages", packed(t, "empty", "2", "gzip", text(8)+text(8)))
	for _, s := range made(t, t.TempDir(), []payloads.Package{old}, []payloads.Package{new}) {
		rebuilt(t, s)
	}
	if all := made(t, t.TempDir(), []payloads.Package{old}, nil); all != nil {
		t.Errorf("made %+v", all)
	}
}

// TestSameBytes: the same packages give the same bytes elsewhere, and what was made is taken again.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	old := []payloads.Package{component(t, "rollback", packed(t, "a", "1", "gzip", text(2))), component(t, "rollback", packed(t, "gone", "1", "gzip", text(3)+text(3)))}
	new := []payloads.Package{component(t, "packages", packed(t, "a", "2", "xz", text(2)))}
	here, there := t.TempDir(), t.TempDir()
	first, second := made(t, here, old, new), made(t, there, old, new)
	files := func(list []pack.Solid) (all []manifest.File) {
		for _, s := range list {
			for _, f := range s.Files {
				all = append(all, f.File)
			}
		}
		return all
	}
	if len(first) != 2 || !reflect.DeepEqual(files(first), files(second)) {
		t.Fatalf("not the same:\n%+v\n%+v", first, second)
	}
	for _, p := range append(old, new...) { // so that nothing can be made of them again
		if err := os.Remove(p.Component.Path); err != nil {
			t.Fatal(err)
		}
	}
	if again := made(t, here, old, new); !reflect.DeepEqual(first, again) {
		t.Errorf("not taken again:\n%+v\n%+v", first, again)
	}
	if left, err := filepath.Glob(filepath.Join(here, "making-*")); err != nil || left != nil {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestDamagedCache: what is not whole is made again.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	old, new := component(t, "rollback", packed(t, "app", "1", "gzip", text(4))), component(t, "packages", packed(t, "app", "2", "gzip", text(4)))
	cache := t.TempDir()
	first := made(t, cache, []payloads.Package{old}, []payloads.Package{new})
	folder := filepath.Dir(first[0].Files[0].From)
	for _, harm := range []func() error{
		func() error { return os.Truncate(filepath.Join(folder, "record.json"), 7) },
		func() error { return os.Remove(filepath.Join(folder, "record.json")) },
		func() error { return os.Truncate(first[0].Files[0].From, 7) },
		func() error { return os.Remove(first[0].Files[2].From) },
		func() error {
			return os.WriteFile(filepath.Join(folder, "record.json"), []byte(`{"solid":{},"files":[]}`), 0o600)
		},
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		if again := made(t, cache, []payloads.Package{old}, []payloads.Package{new}); !reflect.DeepEqual(first, again) {
			t.Errorf("made %+v, before %+v", again, first)
		}
		rebuilt(t, first[0])
	}
}

const spec = `
Name: sample
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/opt/sample
seq 1 90000 > %{buildroot}/opt/sample/numbers
%files
/opt/sample/numbers
`

// TestAsTheyAre: what has no stored blocks, would not become smaller, or cannot be read, travels as it is.
func TestAsTheyAre(t *testing.T) {
	t.Parallel()
	noise := component(t, "packages", packed(t, "noise", "1", "zstd", string(random(90_000))))
	broken := packed(t, "broken", "1", "gzip", text(5))
	broken[len(broken)-20] ^= 0xff
	for name, p := range map[string]payloads.Package{
		"bzip2":     component(t, "packages", samplerpm.Read(t, samplerpm.Built(t, spec, "w9.bzdio"))),
		"no gain":   noise,
		"damaged":   component(t, "packages", broken),
		"no change": {Package: manifest.Package{}},
	} {
		cache := t.TempDir()
		for range 2 { // made, and taken from the cache
			if all := made(t, cache, nil, []payloads.Package{p}); all != nil {
				t.Errorf("%s: %+v", name, all)
			}
		}
		_ = filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && d.Name() != "record.json" {
				t.Errorf("%s: %s is left", name, path)
			}
			return err
		})
	}
}

func random(n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		s := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		b = append(b, s[:]...)
	}
	return b[:n]
}

// TestAnotherFile: a package that is not what the release says is an error that says so, and nothing is kept.
func TestAnotherFile(t *testing.T) {
	t.Parallel()
	data := packed(t, "app", "2", "gzip", text(6)+text(6))
	for name, change := range map[string]func([]byte) []byte{
		"a byte of the payload": func(b []byte) []byte { b[len(b)-900] ^= 1; return b },
		"a byte of the header":  func(b []byte) []byte { b[300] ^= 1; return b },
		"cut off":               func(b []byte) []byte { return b[:len(b)-1] },
		"cut in the header":     func(b []byte) []byte { return b[:200] },
		"a byte more":           func(b []byte) []byte { return append(b, 0) },
	} {
		p := component(t, "packages", data)
		if err := os.WriteFile(p.Component.Path, change(bytes.Clone(data)), 0o600); err != nil {
			t.Fatal(err)
		}
		cache := t.TempDir()
		_, err := payloads.Make(t.Context(), nil, []payloads.Package{p}, payloads.Options{Cache: cache, Progress: func(int64) {}})
		if wrong := (*pack.MismatchError)(nil); !errors.As(err, &wrong) || wrong.From != p.Component.Path {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(cache); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v %v", name, left, err)
		}
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	p := component(t, "packages", packed(t, "app", "2", "gzip", text(7)))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	cache := t.TempDir()
	_, err := payloads.Make(ctx, nil, []payloads.Package{p}, payloads.Options{Cache: cache, Progress: func(int64) {}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(cache); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
