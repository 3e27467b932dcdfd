package pack

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/scriptlets"
	"onerpm/test/need"
)

func assemble(t testing.TB, p *project) Bundle {
	t.Helper()
	b, err := Assemble(t.Context(), p.input(t), demoKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeBundle(t testing.TB, b Bundle) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), b.FileName())
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	read := int64(0)
	if err := b.Write(t.Context(), f, demoKey(t), func(n int64) { read += n }); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if read < b.Size() {
		t.Errorf("progress came to %d of %d bytes", read, b.Size())
	}
	return path
}

func TestBundle(t *testing.T) {
	t.Parallel()
	b := assemble(t, newProject(t))
	path := writeBundle(t, b)
	db := rpmdb(t)
	for _, line := range strings.Split(strings.TrimSpace(run(t, "rpmkeys", db, "-Kv", path)), "\n")[1:] {
		if !strings.HasSuffix(line, "OK") {
			t.Errorf("rpm -Kv: %s", line)
		}
	}
	want := `/opt/p-upgrade
/opt/p-upgrade/2.0
/opt/p-upgrade/2.0/bin
/opt/p-upgrade/2.0/bin/engine
/opt/p-upgrade/2.0/checks
/opt/p-upgrade/2.0/checks/main.sql
/opt/p-upgrade/2.0/config
/opt/p-upgrade/2.0/config/new
/opt/p-upgrade/2.0/config/new/etc
/opt/p-upgrade/2.0/config/new/etc/p.json
/opt/p-upgrade/2.0/config/old
/opt/p-upgrade/2.0/config/old/etc
/opt/p-upgrade/2.0/config/old/etc/old
/opt/p-upgrade/2.0/config/old/etc/p.json
/opt/p-upgrade/2.0/hooks
/opt/p-upgrade/2.0/hooks/x
/opt/p-upgrade/2.0/hooks/x-undo
/opt/p-upgrade/2.0/manifest.json
/opt/p-upgrade/2.0/migrations
/opt/p-upgrade/2.0/migrations/main
/opt/p-upgrade/2.0/migrations/main/20001_expand_x.sql
/opt/p-upgrade/2.0/packages
/opt/p-upgrade/2.0/packages/a-2-1.noarch.rpm
/opt/p-upgrade/2.0/packages/new-2-1.noarch.rpm
/opt/p-upgrade/2.0/packages/p-upgrade-drop-2.0-2.0-3.noarch.rpm
/opt/p-upgrade/2.0/rollback
/opt/p-upgrade/2.0/rollback/a-1-1.noarch.rpm
/opt/p-upgrade/2.0/rollback/gone-1-1.noarch.rpm
/opt/p-upgrade/2.0/rollback/p-upgrade-undo-2.0-2.0-3.noarch.rpm
/opt/p-upgrade/2.0/unit
/opt/p-upgrade/2.0/unit/p-upgrade.service
/usr/bin/p-upgrade
/usr/share/bash-completion/completions/p-upgrade
/usr/share/man/man8/p-upgrade.8
`
	if got := run(t, "rpm", db, "-qlp", path); got != want {
		t.Errorf("rpm -qlp:\n%s", got)
	}
	if got := run(t, "rpm", db, "-qp", "--qf", "%{NEVRA} %{BUILDTIME} %{BUILDHOST} %{LICENSE} %{VENDOR} %{GROUP} %{SIZE}", path); !strings.HasPrefix(got, b.ID().NEVRA()+" 1511136000 reproducible Apache-2.0 Somebody System Environment/Base ") {
		t.Errorf("rpm -qp: %s", got)
	}
	if got := run(t, "rpm", db, "-qp", "--requires", path); strings.Contains(got, "Product") || strings.Contains(got, "a =") {
		t.Errorf("it requires %s", got)
	}
	root := t.TempDir()
	run(t, "sh", "-c", "rpm2cpio '"+path+"' | cpio -idm --quiet -D '"+root+"'")
	f, err := os.Open(filepath.Join(root, "opt/p-upgrade/2.0/manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := manifest.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range m.Files {
		content, err := os.ReadFile(filepath.Join(root, "opt/p-upgrade/2.0", file.Path))
		if err != nil || sumOf(content) != file.SHA256 || int64(len(content)) != file.Size {
			t.Errorf("%s: %v", file.Path, err)
		}
		if strings.HasPrefix(file.Path, "hooks/") {
			run(t, filepath.Join(root, "opt/p-upgrade/2.0", file.Path))
		}
	}
	checkManifest(t, m)
	run(t, "rpmkeys", db, "-K", filepath.Join(root, "opt/p-upgrade/2.0", m.Undo), filepath.Join(root, "opt/p-upgrade/2.0", m.Drop))
	for p, name := range map[string]string{m.Undo: "new = 2-1\n", m.Drop: "gone = 1-1\n"} {
		if got := run(t, "rpm", db, "-qp", "--obsoletes", filepath.Join(root, "opt/p-upgrade/2.0", p)); got != name {
			t.Errorf("%s obsoletes %s", p, got)
		}
	}
}

func checkManifest(t *testing.T, m *manifest.Manifest) {
	t.Helper()
	if len(m.Old) != 3 || m.Old[0].File != "rollback/a-1-1.noarch.rpm" || m.Old[1].File != "" || m.New[1].File != "" {
		t.Errorf("packages: %+v %+v", m.Old, m.New)
	}
	if len(m.Config) != 2 || m.Config[0].Target != "/etc/old" || m.Config[0].Format != "text" || m.Config[0].New != "" ||
		m.Config[1].Format != "json" || m.Config[1].Owner != "somebody" || m.Config[1].New != "config/new/etc/p.json" {
		t.Errorf("config: %+v", m.Config)
	}
	if db := m.Databases[0]; db.Migrations != "migrations/main" || db.Checks != "checks/main.sql" {
		t.Errorf("database: %+v", db)
	}
	if h := m.Hooks.Switch; len(h) != 1 || h[0].Run != "hooks/x" || h[0].Undo != "hooks/x-undo" {
		t.Errorf("hooks: %+v", m.Hooks)
	}
	if m.Known[0].Next != "2.0" || m.Known[0].Packages[0] != (manifest.Known{Name: "a", EVR: "0:1-1"}) || m.Skip[0].Kind != "postun" {
		t.Errorf("known: %+v, skip: %+v", m.Known, m.Skip)
	}
}

// rpmlint reports no error that docs/rpmlint.md does not explain.
func TestRpmlint(t *testing.T) {
	t.Parallel()
	b := assemble(t, newProject(t))
	dir := t.TempDir()
	for _, f := range b.Files {
		if f.Path == b.Manifest.Undo || f.Path == b.Manifest.Drop {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.Path)), f.Body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	explained, err := os.ReadFile("../../../docs/rpmlint.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "rpmlint", writeBundle(t, b), dir).Output()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "3 packages and 0 specfiles checked") {
		t.Errorf("rpmlint did not look at all three:\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if _, message, ok := strings.Cut(line, ": E: "); ok {
			if id, _, _ := strings.Cut(strings.TrimSpace(message), " "); !strings.Contains(string(explained), "`"+id+"`") {
				t.Errorf("docs/rpmlint.md does not explain %s", line)
			}
		}
	}
}

// Two bundles of a product stand side by side: what both own is the same.
func TestTwoBundlesOnOneHost(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	first := writeBundle(t, assemble(t, p))
	q := newProject(t)
	q.spec().From, q.spec().To, q.date = "2.0", "3.0", "1600000000"
	q.catalog.Releases[0].Version, q.catalog.Releases[1].Version = "2.0", "3.0"
	second := writeBundle(t, assemble(t, q))
	root, db := t.TempDir(), rpmdb(t)
	run(t, "rpm", db, "--root="+root, "-i", "--nodeps", "--noscripts", first)
	run(t, "rpm", db, "--root="+root, "-U", "--nodeps", "--noscripts", second)
	var made []string
	for _, path := range scriptlets.Made("p-upgrade") {
		path = filepath.Join(root, path)
		made = append(made, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("made by %post"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(t, "rpm", db, "--root="+root, "-V", "--nodeps", "--noscripts", "p-upgrade-2.0", "p-upgrade-3.0"); got != "" {
		t.Errorf("rpm -V: %s", got)
	}
	run(t, "rpm", db, "--root="+root, "-e", "--noscripts", "p-upgrade-3.0")
	for _, path := range append(made, filepath.Join(root, "usr/bin/p-upgrade")) {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("it went with the other bundle: %v", err)
		}
	}
	run(t, "rpm", db, "--root="+root, "-e", "--noscripts", "p-upgrade-2.0")
	if _, err := os.Stat(filepath.Join(root, "opt/p-upgrade")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
	for _, path := range made {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left: %s, %v", path, err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, p *project)
		code  int
		want  string
	}{
		"one bit": {func(t *testing.T, p *project) {
			b := bytes.Repeat([]byte("old"), 100_000)
			b[77_777] ^= 1
			p.file(t, "a-1.rpm", string(b))
		}, exit.Mismatch, "its sha256 is"},
		"truncated": {func(t *testing.T, p *project) { p.file(t, "a-1.rpm", "old") }, exit.Mismatch, "it has 3 bytes, 300000 are expected"},
		"longer":    {func(t *testing.T, p *project) { p.file(t, "new-2.rpm", "newer") }, exit.Mismatch, "it is larger than 3 bytes"},
		"missing":   {func(_ *testing.T, p *project) { p.files[sumOf([]byte("new"))] = Component{Path: p.dir + "/x"} }, exit.Missing, "no such file"},
		"other headers": {func(_ *testing.T, p *project) {
			c := p.files[sumOf([]byte("new"))]
			c.Head = Head{Size: 2, SHA256: sumOf([]byte("nE"))}
			p.files[sumOf([]byte("new"))] = c
		}, exit.Mismatch, "its headers changed"},
		"a folder": {func(_ *testing.T, p *project) { p.files[sumOf([]byte("new"))] = Component{Path: p.dir} }, exit.Missing, "is a directory"},
		"one file of 4 GiB for el7": {func(_ *testing.T, p *project) {
			p.catalog.Releases[1].Components[0].Size = 1 << 32
			p.catalog.Releases[0].Platforms = []string{"el7.x86_64"}
		}, exit.TooLarge, "the rpm of el7.x86_64 reads no package past 4 GiB"},
		"4 GiB in all for el7": {func(_ *testing.T, p *project) {
			c := p.catalog.Releases[1].Components
			c[0].Size, c[1].Size = 1<<31, 1<<31
			p.catalog.Releases[1].Platforms = []string{"el9.x86_64", "el7.x86_64"}
		}, exit.TooLarge, "the rpm of el7.x86_64 reads no package past 4 GiB"},
		"more than S3 keeps": {func(_ *testing.T, p *project) { p.catalog.Releases[1].Components[0].Size = 5 << 40 }, exit.TooLarge, "S3 keeps no object of more than 5 TiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			c.spoil(t, p)
			b := assemble(t, p)
			f, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			err = b.Write(t.Context(), f, nil, func(int64) {})
			if exit.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v (exit %d)", err, exit.Code(err))
			}
			if info, err := f.Stat(); c.code == exit.TooLarge && (err != nil || info.Size() != 0) {
				t.Errorf("%d bytes were written", info.Size())
			}
		})
	}
}

func TestAssembleRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engine, want string
	}{
		"no engine":     {"/nowhere/engine", "no such file"},
		"no program":    {"bundle_test.go", "bad magic number"},
		"not static":    {"/bin/sh", "CGO_ENABLED=0"},
		"no such specs": {"", "20001_expand_x.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			if c.engine != "" {
				p.engine = c.engine
			} else if err := os.RemoveAll(filepath.Join(p.dir, "specs")); err != nil {
				t.Fatal(err)
			}
			if _, err := Assemble(t.Context(), p.input(t), nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCheckSize(t *testing.T) {
	t.Parallel()
	big := manifest.Package{ID: nevra.ID{Name: "big"}, Size: 3 << 30}
	huge := manifest.Package{Size: 1 << 62}
	for name, c := range map[string]struct {
		platforms string
		set       []manifest.Package
		want      string // "" for none
	}{
		"3 GiB":                {"el7.x86_64", []manifest.Package{big}, ""},
		"just below 4 GiB":     {"el7.x86_64", []manifest.Package{{Size: 1<<32 - 20<<20}}, ""},
		"with headers 4 GiB":   {"el7.x86_64", []manifest.Package{{Size: 1<<32 - 1}}, "no rpmlib(LargeFiles)"},
		"6 GiB":                {"el7.x86_64", []manifest.Package{big, big}, "it would have about 6160 MiB"},
		"6 GiB for el8":        {"el8.x86_64", []manifest.Package{big, big}, ""},
		"a file of 5 GiB":      {"el8.x86_64", []manifest.Package{{Size: 5 << 30}}, ""},
		"for nobody knows":     {"sles15.x86_64", []manifest.Package{{Size: 5 << 30}}, ""},
		"5 TiB":                {"el8.x86_64", []manifest.Package{{Size: 5 << 40}}, "more than 5 TiB"},
		"no number holds them": {"el8.x86_64", []manifest.Package{huge, huge, huge}, "4611686018427387904 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckSize("x", []string{c.platforms}, c.set...)
			if c.want == "" && err != nil || c.want != "" && (exit.Code(err) != exit.TooLarge || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A disk that is full is found before anything is written where the file system can tell, and at the write where it cannot.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	need.Root(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=200k"); err != nil {
		t.Fatalf("mount a small disk (the tests run as root): %v", err)
	}
	t.Cleanup(func() {
		// Lazily: a program that another test is just starting holds our open files for a moment.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	b := assemble(t, newProject(t))
	f, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := b.Write(t.Context(), f, nil, func(int64) {}); exit.Code(err) != exit.Output || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	entries, err := b.entries(date)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), fullAt{100_000}, sampleMeta(), entries, nil, func(int64) {}); exit.Code(err) != exit.Output || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := b.Write(context.Background(), full, nil, func(int64) {}); exit.Code(err) != exit.Output {
		t.Errorf("/dev/full: %v", err)
	}
}

// fullAt is a disk that has room for a number of bytes.
type fullAt struct{ size int64 }

func (d fullAt) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > d.size {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}
