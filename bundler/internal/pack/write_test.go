package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/sign"
	"onerpm/internal/manifest"
)

const keys = "../../../test/keys"

var date = time.Date(2017, 11, 20, 0, 0, 0, 0, time.UTC)

func demoKey(t testing.TB) *sign.Key {
	t.Helper()
	f, err := os.Open(filepath.Join(keys, "demo.key.asc"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	k, err := sign.Load(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// run returns what a program says on both streams; it must succeed.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// rpmdb makes an empty rpm database that knows the demo's public key, and
// returns the option that names it.
func rpmdb(t testing.TB) string {
	t.Helper()
	opt := "--dbpath=" + t.TempDir()
	run(t, "rpmkeys", opt, "--import", filepath.Join(keys, "demo.pub.asc"))
	return opt
}

func body(path, content string) File {
	sum := sha256.Sum256([]byte(content))
	return File{
		File: manifest.File{Path: path, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Mode: 0o644},
		Body: []byte(content),
	}
}

func sampleMeta() Meta {
	return Meta{
		Name: "sample", Version: "4.2.0", Release: "1", Arch: "noarch", Summary: "A sample", Description: "A sample.",
		License: "Apache-2.0", Vendor: "Somebody", URL: "https://example.invalid", Group: "System Environment/Base", Time: date,
	}
}

// largeMeta is of the form that packages past 4 GiB have.
func largeMeta() Meta {
	m := sampleMeta()
	m.Large = true
	return m
}

func sampleEntries() []entry {
	var es []entry
	for path, content := range map[string]string{
		"/opt/sample/a": "", "/opt/sample/b": "b", "/opt/sample/dir/c": strings.Repeat("0123456789", 100_000), "/opt/sample/z": "abcde",
	} {
		es = append(es, entry{path: path, mtime: date, File: body(path, content)})
	}
	return sorted(append(es, folders("/opt/sample", es, date)...))
}

// pkg writes an rpm of entries to a file.
func pkg(t testing.TB, meta Meta, entries []entry, signer Signer) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), meta.Name+".rpm")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), f, meta, entries, signer, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRpmAcceptsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meta    Meta
		entries []entry
	}{
		"files": {sampleMeta(), sampleEntries()}, "no file": {sampleMeta(), nil}, "large": {largeMeta(), sampleEntries()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, entries := rpmdb(t), c.entries
			path := pkg(t, c.meta, entries, demoKey(t))
			got := run(t, "rpmkeys", db, "-Kv", path)
			for _, want := range []string{"Header V4 RSA/SHA256 Signature", "Header SHA256 digest: OK", "Header SHA1 digest: OK", "Payload SHA256 digest: OK"} {
				if !strings.Contains(got, want) {
					t.Errorf("rpm -Kv does not say %q:\n%s", want, got)
				}
			}
			for _, line := range strings.Split(strings.TrimSpace(got), "\n")[1:] {
				if !strings.HasSuffix(line, "OK") {
					t.Errorf("rpm -Kv: %s", line)
				}
			}
			if files := run(t, "rpm", db, "-qlp", path); len(entries) > 0 && !strings.Contains(files, "/opt/sample/dir/c\n") {
				t.Errorf("rpm -qlp: %s", files)
			}
			run(t, "rpm", db, "-qip", path)
		})
	}
}

func TestRpmUnpacksIt(t *testing.T) {
	t.Parallel()
	root, db := t.TempDir(), rpmdb(t)
	path := pkg(t, sampleMeta(), sampleEntries(), demoKey(t))
	run(t, "rpm", db, "--root="+root, "-i", "--nodeps", "--ignorearch", path)
	compare(t, root, sampleEntries())
	unpacked := t.TempDir()
	run(t, "sh", "-c", "rpm2cpio '"+path+"' | cpio -idm --quiet -D '"+unpacked+"'")
	compare(t, unpacked, sampleEntries())
}

// A package of the form for sizes past 4 GiB says the same, in tags of 64 bits alone, and rpm unpacks the same. A file that
// is not in the archive has a number too.
func TestLargeForm(t *testing.T) {
	t.Parallel()
	root, db := t.TempDir(), rpmdb(t)
	ghost := entry{path: "/opt/sample/c", ghost: true, mtime: date}
	ghost.Mode = 0o644
	entries := sorted(append(sampleEntries(), ghost))
	small, large := pkg(t, sampleMeta(), entries, demoKey(t)), pkg(t, largeMeta(), entries, demoKey(t))
	same := "%{NEVRA} %{SUMMARY} %{LONGSIZE} [%{FILENAMES} %{LONGFILESIZES} %{FILEDIGESTS} %{FILEMODES:octal} %{FILEMTIMES} %{FILEFLAGS} %{FILEUSERNAME} %{FILEDEVICES} %{FILERDEVS} %{FILEINODES}\n]"
	if got, want := run(t, "rpm", db, "-qp", "--qf", same, large), run(t, "rpm", db, "-qp", "--qf", same, small); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for path, want := range map[string]string{small: "32 32 32 32", large: "64 64 64 64"} {
		got := run(t, "rpm", db, "-qp", "--qf", "%|SIZE?{32}:{64}| %|FILESIZES?{32}:{64}| %|SIGSIZE?{32}:{64}| %|ARCHIVESIZE?{32}:{64}|", path)
		if got != want {
			t.Errorf("%s has sizes of %s bits", path, got)
		}
	}
	info, err := os.Stat(large)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(large)
	if err != nil {
		t.Fatal(err)
	}
	_, _, main, err := sections(b)
	if err != nil {
		t.Fatal(err)
	}
	behind := int64(len(b) - bytes.Index(b, main))
	if got := run(t, "rpm", db, "-qp", "--qf", "%{LONGSIGSIZE} %{LONGARCHIVESIZE}", large); got != fmt.Sprintf("%d %d", behind, archive{entries, true}.size()) {
		t.Errorf("of %d bytes: %s", info.Size(), got)
	}
	if got := run(t, "rpm", db, "-qp", "--requires", large); !strings.Contains(got, "rpmlib(LargeFiles) <= 4.12.0-1\n") {
		t.Errorf("it requires %s", got)
	}
	run(t, "rpm", db, "--root="+root, "-i", "--nodeps", "--ignorearch", large)
	compare(t, root, sampleEntries())
	if err := os.WriteFile(filepath.Join(root, ghost.path), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "rpm", db, "--root="+root, "-V", "--nodeps", "sample"); got != "" {
		t.Errorf("rpm -V: %s", got)
	}
}

// compare holds what lies in a folder against entries.
func compare(t *testing.T, dir string, entries []entry) {
	t.Helper()
	for _, e := range entries {
		at := filepath.Join(dir, e.path)
		info, err := os.Stat(at)
		if err != nil {
			t.Error(err)
			continue
		}
		if info.IsDir() != e.dir || info.Mode().Perm() != os.FileMode(e.Mode) {
			t.Errorf("%s: %v", at, info.Mode())
		}
		if e.dir {
			continue
		}
		if !info.ModTime().Equal(date) {
			t.Errorf("%s: %v", at, info.ModTime())
		}
		if got, err := os.ReadFile(at); err != nil || !bytes.Equal(got, e.Body) {
			t.Errorf("%s: %d bytes, %v", at, len(got), err)
		}
	}
}

// The bytes are those that the header's length, computed before, makes room for; a key changes nothing around them.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	for name, meta := range map[string]Meta{"small": sampleMeta(), "large": largeMeta()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unsigned(t, meta)
		})
	}
}

func unsigned(t *testing.T, meta Meta) {
	t.Helper()
	signed, unsigned := pkg(t, meta, sampleEntries(), demoKey(t)), pkg(t, meta, sampleEntries(), nil)
	a, err := os.ReadFile(signed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(unsigned)
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != len(b) {
		t.Errorf("signed %d bytes, unsigned %d", len(a), len(b))
	}
	if got := run(t, "rpmkeys", rpmdb(t), "-K", unsigned); !strings.Contains(got, "digests OK") {
		t.Errorf("rpm -K: %s", got)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := write(ctx, discard{}, sampleMeta(), sampleEntries(), nil, func(int64) {})
	if err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("got %v", err)
	}
}

type discard struct{}

func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func goBuild(out, src string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", out, src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.Run()
}
