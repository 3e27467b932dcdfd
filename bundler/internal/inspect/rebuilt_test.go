package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/payloads"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/manifest"
)

// compressed is a bundle whose packages are rebuilt.
func compressed(t testing.TB) pack.Bundle {
	t.Helper()
	one := func(folder, version string) payloads.Package {
		r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "a", Version: version, Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch, Compressor: "gzip:1"})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for i := range 4000 {
			s := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
			text.WriteString(hex.EncodeToString(s[:]))
		}
		r.AddFile(rpmpack.RPMFile{Name: "/opt/a/text", Mode: 0o100644, Body: []byte(text.String() + version), Owner: "root", Group: "root"})
		r.AddFile(rpmpack.RPMFile{Name: "/etc/a.conf", Mode: 0o100644, Body: []byte(version), Owner: "root", Group: "root", Type: rpmpack.ConfigFile})
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
		h, err := rpmpkg.Read(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.rpm")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b.Bytes())
		return payloads.Package{Header: h, Component: pack.Component{Path: path}, Package: manifest.Package{
			ID: h.ID, SHA256: hex.EncodeToString(sum[:]), Size: int64(b.Len()), File: folder + "/" + h.FileName(), Installed: h.InstalledSize()}}
	}
	old, new := one("rollback", "1"), one("packages", "2")
	all, err := payloads.Make(t.Context(), []payloads.Package{old}, []payloads.Package{new}, payloads.Options{Cache: t.TempDir(), Progress: func(int64) {}})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	b := sample()
	b.Manifest.Old, b.Manifest.New = []manifest.Package{old.Package}, []manifest.Package{new.Package}
	b.Manifest.Solid = []manifest.Solid{all[0].Solid}
	for _, f := range all[0].Files {
		data, err := os.ReadFile(f.From)
		if err != nil {
			t.Fatal(err)
		}
		b.Files = append(b.Files, pack.File{File: f.File, Body: data})
	}
	return listed(b)
}

// listed has the manifest list the files.
func listed(b pack.Bundle) pack.Bundle {
	slices.SortFunc(b.Files, func(x, y pack.File) int { return strings.Compare(x.Path, y.Path) })
	b.Manifest.Files = nil
	for _, f := range b.Files {
		b.Manifest.Files = append(b.Manifest.Files, f.File)
	}
	return b
}

func TestRebuilt(t *testing.T) {
	t.Parallel()
	rep := read(t, write(t, compressed(t), nil), nil)
	if len(rep.Problems) > 0 || len(rep.Unread) > 0 {
		t.Fatalf("%q, %q", rep.Problems, rep.Unread)
	}
	if len(rep.Marked) != 1 || rep.Marked[0].Path != "/etc/a.conf" {
		t.Errorf("its %%config files are %+v", rep.Marked)
	}
}

// TestRebuiltWrongly: every file of the bundle is what the manifest says, but no package comes out of them that is.
func TestRebuiltWrongly(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		change func(b *pack.Bundle)
		want   string
	}{
		"package": {func(b *pack.Bundle) { b.Manifest.Solid[0].Packages[0].SHA256 = other }, "the package has the sha256"},
		"payload": {func(b *pack.Bundle) { b.Manifest.Solid[0].Packages[1].PayloadSHA256 = other }, "its payload has the sha256"},
		"heads in each other's place": {func(b *pack.Bundle) {
			p := b.Manifest.Solid[0].Packages
			p[0].Head, p[1].Head = p[1].Head, p[0].Head
		}, "the package has the sha256"},
		"stream": {func(b *pack.Bundle) {
			for i, f := range b.Files {
				if f.Path == b.Manifest.Solid[0].File {
					b.Files[i] = file(f.Path, string(f.Body[:len(f.Body)/2]))
				}
			}
		}, "cannot be rebuilt: damaged stream of payloads"},
		"stream before its heads": {func(b *pack.Bundle) {
			for i, f := range b.Files {
				if f.Path == b.Manifest.Solid[0].File {
					b.Files[i].Path, b.Manifest.Solid[0].File = "a.zst", "a.zst"
				}
			}
		}, "does not come before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := compressed(t)
			c.change(&b)
			rep := read(t, write(t, listed(b), nil), nil)
			if len(rep.Problems) == 0 || !strings.Contains(strings.Join(rep.Problems, "\n"), c.want) {
				t.Errorf("got %q, want %q", rep.Problems, c.want)
			}
		})
	}
}
