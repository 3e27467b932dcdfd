package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/cpio"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

const demo = "../../../test/keys/demo"

var date = time.Date(2017, 11, 20, 0, 0, 0, 0, time.UTC)

func file(path, content string) pack.File {
	sum := sha256.Sum256([]byte(content))
	return pack.File{
		File: manifest.File{Path: path, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Mode: 0o644},
		Body: []byte(content),
	}
}

func sample() pack.Bundle {
	b := pack.Bundle{
		Arch: "x86_64", Vendor: "Somebody", License: "Apache-2.0",
		Files: []pack.File{file("bin/engine", "engine"), file("packages/a", strings.Repeat("a", 5000))},
		Manifest: &manifest.Manifest{
			Format: manifest.Format, Product: "Product", Prefix: "p-upgrade", From: "1.0", To: "2.0", Revision: 1, Date: date.Format(time.RFC3339),
		},
	}
	for _, f := range b.Files {
		b.Manifest.Files = append(b.Manifest.Files, f.File)
	}
	return b
}

func demoKey(t testing.TB) *sign.Key {
	t.Helper()
	b, err := os.ReadFile(demo + ".key.asc")
	if err != nil {
		t.Fatal(err)
	}
	k, err := sign.Load(bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t testing.TB, k *sign.Key) *sign.Public {
	t.Helper()
	b, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	p, err := sign.LoadPublic(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write returns a bundle's bytes.
func write(t testing.TB, b pack.Bundle, signer pack.Signer) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "b.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := b.Write(t.Context(), f, signer, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t testing.TB, b []byte, key *sign.Public) *Report {
	t.Helper()
	r, err := Read(bytes.NewReader(b), key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhole(t *testing.T) {
	t.Parallel()
	other, err := sign.Generate("Other", "", "other@example.invalid", date)
	if err != nil {
		t.Fatal(err)
	}
	demoPub := public(t, demoKey(t))
	for name, c := range map[string]struct {
		signer    pack.Signer
		key       *sign.Public
		signature string
		problem   string
	}{
		"signed":         {demoKey(t), demoPub, DemoSigned, ""},
		"not checked":    {demoKey(t), nil, Unchecked, ""},
		"unsigned":       {nil, nil, Unsigned, ""},
		"should be":      {nil, demoPub, Unsigned, "it is not signed"},
		"by another":     {other, demoPub, BadlyMade, "it is not signed by " + demoPub.Fingerprint()},
		"by another, ok": {other, public(t, other), Good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := write(t, sample(), c.signer)
			r := read(t, b, c.key)
			sum := sha256.Sum256(b)
			if r.NEVRA != "p-upgrade-2.0-2.0-1.x86_64" || r.Size != int64(len(b)) || r.SHA256 != hex.EncodeToString(sum[:]) || r.Manifest == nil {
				t.Errorf("%+v", r)
			}
			if r.Signature != c.signature {
				t.Errorf("signature: %s", r.Signature)
			}
			if got := strings.Join(r.Problems, "\n"); c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
				t.Errorf("problems: %s", got)
			}
		})
	}
}

// One changed bit anywhere is found, but in what nothing speaks of: the lead's name and unused bytes, the reserved room.
func TestOneBit(t *testing.T) {
	t.Parallel()
	good := write(t, sample(), demoKey(t))
	key := public(t, demoKey(t))
	whole := 0
	for i := 0; i < len(good); i += 29 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if r := read(t, bad, key); len(r.Problems) == 0 {
			if whole++; i > 96+16*9+2*1024 {
				t.Errorf("byte %d of %d: not found", i, len(good))
			}
		}
	}
	if whole > 80 {
		t.Errorf("%d changes were not found", whole)
	}
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	good := write(t, sample(), demoKey(t))
	for n := 0; n < len(good); n += 307 {
		if r := read(t, good[:n], nil); len(r.Problems) == 0 {
			t.Errorf("cut at %d: not found", n)
		}
	}
	if r := read(t, append(bytes.Clone(good), "more"...), nil); len(r.Problems) == 0 {
		t.Error("bytes behind the end: not found")
	}
}

func TestReadError(t *testing.T) {
	t.Parallel()
	good := write(t, sample(), nil)
	broken := errors.New("the disk is broken")
	if _, err := Read(io.MultiReader(bytes.NewReader(good[:len(good)/2]), iotest.ErrReader(broken)), nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// hostile writes a package with what files it likes beside a manifest.
func hostile(t testing.TB, m *manifest.Manifest, files ...rpmpack.RPMFile) []byte {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "p-upgrade-2.0", Version: "2.0", Release: "1", Arch: "x86_64", Epoch: rpmpack.NoEpoch})
	if err != nil {
		t.Fatal(err)
	}
	if m != nil {
		b, err := manifest.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, rpmpack.RPMFile{Name: "./opt/p-upgrade/2.0/manifest.json", Body: b, Mode: 0o100644})
	}
	slices.SortFunc(files, func(a, b rpmpack.RPMFile) int { return strings.Compare(a.Name, b.Name) })
	var dirs []string // as rpm's list has them; the archive's names begin with a dot
	for _, f := range files {
		r.AddFile(f)
		if dir := strings.TrimPrefix(f.Name[:strings.LastIndexByte(f.Name, '/')+1], "."); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	r.AddCustomTag(int(rpmfile.TagDirNames), rpmpack.EntryStringSlice(dirs))
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostile(t *testing.T) {
	t.Parallel()
	const dir = "./opt/p-upgrade/2.0/"
	m := sample().Manifest
	engine := rpmpack.RPMFile{Name: dir + "bin/engine", Body: []byte("engine"), Mode: 0o100644}
	packages := rpmpack.RPMFile{Name: dir + "packages/a", Body: []byte(strings.Repeat("a", 5000)), Mode: 0o100644}
	with := func(f rpmpack.RPMFile, name, body string, mode uint) rpmpack.RPMFile {
		if name != "" {
			f.Name = name
		}
		if body != "" {
			f.Body = []byte(body)
		}
		if mode != 0 {
			f.Mode = mode
		}
		return f
	}
	other := sample().Manifest
	other.To = "3.0"
	for name, c := range map[string]struct {
		rpm  []byte
		want string
	}{
		"no rpm":          {[]byte("#!/bin/sh\n"), "not an rpm file"},
		"empty":           {nil, "not an rpm file"},
		"no manifest":     {hostile(t, nil, engine), "there is no manifest.json"},
		"not canonical":   {hostile(t, nil, with(engine, dir+"manifest.json", "{}", 0)), "it has no format"},
		"missing file":    {hostile(t, m, engine), "packages/a is missing"},
		"other content":   {hostile(t, m, with(engine, "", "Engine", 0), packages), "bin/engine has 6 bytes and sha256"},
		"other mode":      {hostile(t, m, with(engine, "", "", 0o104755), packages), "bin/engine has mode 4755"},
		"extra file":      {hostile(t, m, engine, packages, with(engine, dir+"bin/other", "", 0)), "/opt/p-upgrade/2.0/bin/other is not in the manifest"},
		"outside":         {hostile(t, m, engine, packages, with(engine, "./etc/passwd", "", 0)), "/etc/passwd is not in the manifest"},
		"folder outside":  {hostile(t, m, engine, packages, with(engine, "./etc", "", 0o040755)), "/etc is not in the manifest"},
		"climbing":        {hostile(t, m, engine, packages, with(engine, "./opt/p-upgrade/../etc/x", "", 0)), "has a .. in it"},
		"absolute":        {hostile(t, m, engine, packages, with(engine, "/etc/x", "", 0)), "is no clean path"},
		"link":            {hostile(t, m, engine, packages, with(engine, dir+"link", "/etc/passwd", 0o120777)), "neither file nor folder"},
		"another package": {hostile(t, other, engine, packages), "its manifest is that of p-upgrade-3.0-3.0-1"},
		"no digests":      {hostile(t, m, engine, packages), "it carries no digest header SHA-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(read(t, c.rpm, nil).Problems, "\n"); !strings.Contains(got, c.want) {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func cpioEntry(name string, mode, size int64) string {
	s := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	return s + strings.Repeat("\x00", (4-len(s)%4)%4)
}

func TestArchiveRefuses(t *testing.T) {
	t.Parallel()
	end := cpioEntry("TRAILER!!!", 0, 0)
	for name, c := range map[string]struct {
		archive, want string
	}{
		"climbing":   {cpioEntry("./../x", 0o100644, 0) + end, "is no clean path"},
		"absolute":   {cpioEntry("/etc/x", 0o100644, 0) + end, "is no clean path"},
		"twice":      {cpioEntry("./x", 0o100644, 0) + cpioEntry("./x", 0o100644, 0) + end, "is there twice"},
		"device":     {cpioEntry("./x", 0o020644, 0) + end, "neither file nor folder"},
		"cut off":    {cpioEntry("./x", 0o100644, 4_000_000_000), "cut off"},
		"no end":     {cpioEntry("./x", 0o100644, 0), "cut off"},
		"magic":      {strings.Repeat("x", 200), "begins with"},
		"numbers":    {"070701" + strings.Repeat("+", 104), "has a number"},
		"large name": {cpioEntry(strings.Repeat("n", 5000), 0o100644, 0) + end, "a name of 5001 bytes"},
		"large list": {cpioEntry("./opt/p/1/manifest.json", 0o100644, 1<<30), "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := payload{files: map[string]found{}}
			a := rpmpkg.NewArchive(nil, strings.NewReader(c.archive))
			var err error
			for err == nil {
				var m cpio.Member
				if m, err = a.Next(); err == nil {
					err = p.add(a, m)
				}
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte(cpioEntry("./a", 0o100644, 3) + "abc\x00" + cpioEntry("./d", 0o040755, 0) + cpioEntry("TRAILER!!!", 0, 0)))
	f.Add([]byte(cpioEntry("./a", 0o100644, 0xffffffff)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := payload{files: map[string]found{}}
		a := rpmpkg.NewArchive(nil, bytes.NewReader(b))
		for {
			m, err := a.Next()
			if err != nil {
				break
			}
			if err := p.add(a, m); err != nil {
				break
			}
		}
		for name := range p.files {
			if !manifest.CleanPath(strings.TrimPrefix(name, "/")) {
				t.Errorf("%q came through", name)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(write(f, sample(), demoKey(f)))
	f.Add(hostile(f, sample().Manifest))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(bytes.NewReader(b), nil)
		if err != nil {
			t.Errorf("a file in memory can always be read: %v", err)
		}
		if len(r.Problems) == 0 && r.Manifest == nil {
			t.Error("whole, without a manifest")
		}
	})
}
