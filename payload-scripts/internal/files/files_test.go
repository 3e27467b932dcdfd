package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
)

// machine is a host and a bundle in folders of their own. The tests change
// owners: they need root.
type machine struct {
	t            *testing.T
	root, bundle string
	backup       string
	m            *manifest.Manifest
	packaged     []packaged
}

// packaged is a %config file as the two packages have it, "" for one that does not.
type packaged struct{ Target, Old, New string }

func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, root: dir + "/host", bundle: dir + "/bundle", backup: dir + "/attempt/backup",
		m: &manifest.Manifest{Prefix: "demo-upgrade", From: "1", To: "2", State: []string{"/opt/app/state"}}}
	m.mkdir("/", 0o755)
	m.config("/etc/app.json", "json", `{"port": 1, "name": "<<name>>"}`, `{"port": 2, "name": "<<name>>", "secret": "<<s>>"}`)
	m.m.Config[0].Set = map[string]manifest.Value{"secret": {Random: 16}}
	m.config("/etc/sysconfig/app", "env", "A=1\n", "A=2\n")
	m.config("/usr/lib/systemd/system/app.service", "text", "[Service]\nExecStart=/a\n", "[Service]\nExecStart=/b\n")
	m.config("/etc/app/new.conf", "text", "", "new <<x>>\n")
	m.m.Config[3].Set = map[string]manifest.Value{"x": {Literal: "y"}}
	m.m.Config[3].Owner, m.m.Config[3].Group, m.m.Config[3].Mode = "nobody", "nogroup", "0640"
	m.config("/etc/old.conf", "text", "old\n", "")
	m.write("/etc/app.json", "{\"port\": 1, \"name\": \"me\", \"mine\": true}\n", 0o640, 12, 34)
	m.write("/etc/sysconfig/app", "# mine\nA=1\n", 0o644, 0, 0)
	m.write("/usr/lib/systemd/system/app.service", "[Service]\nExecStart=/a\n", 0o644, 0, 0)
	m.write("/etc/old.conf", "old\n", 0o600, 5, 5)
	m.xattr("/etc/app.json", "user.note", "hello")
	m.fill("/opt/app/state")
	return m
}

// fill makes a state path with files of every kind.
func (m *machine) fill(state string) {
	m.mkdir(state, 0o750)
	m.write(state+"/a", "content of a", 0o600, 7, 8)
	m.write(state+"/suid", "#!/bin/sh\n", 0o755, 0, 0)
	m.ok(os.Chmod(m.at(state+"/suid"), 0o755|fs.ModeSetuid|fs.ModeSetgid))
	m.write(state+"/empty", "", 0o444, 1, 1)
	m.write(state+"/dir/deep/x\xff%\n", "odd name", 0o600, 0, 0)
	m.write(state+"/big", strings.Repeat("0123456789abcdef", 1<<16), 0o644, 0, 0)
	m.xattr(state+"/big", "user.big", "\x00\x01")
	m.mkdir(state+"/hollow", 0o2770)
	m.ok(os.Symlink("/etc/passwd", m.at(state+"/link")))
	m.ok(os.Lchown(m.at(state+"/link"), 3, 4))
	m.ok(unix.Mkfifo(m.at(state+"/fifo"), 0o620))
	m.ok(unix.Mknod(m.at(state+"/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	m.ok(os.Truncate(m.at(state+"/empty"), 1<<22)) // a hole
	m.write(state+"/names/one", "of three names", 0o640, 7, 8)
	m.mkdir(state+"/names/below", 0o755)
	m.ok(os.Link(m.at(state+"/names/one"), m.at(state+"/names/below/two")))
	m.ok(os.Link(m.at(state+"/names/one"), m.at(state+"/zz")))
	for _, twin := range []string{"/twin1", "/twin2", "/twin3"} { // alike, but three files
		m.write(state+twin, "twins", 0o600, 0, 0)
	}
	m.ok(filepath.WalkDir(m.at(state), func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ts := []unix.Timespec{unix.NsecToTimespec(1e18), unix.NsecToTimespec(15e17 + 123456789)}
		return unix.UtimesNanoAt(unix.AT_FDCWD, p, ts, unix.AT_SYMLINK_NOFOLLOW)
	}))
}

func (m *machine) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) at(path string) string { return filepath.Join(m.root, path) }

func (m *machine) mkdir(path string, mode os.FileMode) {
	m.t.Helper()
	m.ok(os.MkdirAll(m.at(path), 0o755))
	m.ok(os.Chmod(m.at(path), mode))
}

func (m *machine) write(path, content string, mode os.FileMode, uid, gid int) {
	m.t.Helper()
	m.ok(os.MkdirAll(filepath.Dir(m.at(path)), 0o755))
	m.ok(os.WriteFile(m.at(path), []byte(content), 0o600))
	m.ok(os.Chown(m.at(path), uid, gid))
	m.ok(os.Chmod(m.at(path), mode))
}

func (m *machine) xattr(path, key, value string) {
	m.t.Helper()
	m.ok(unix.Lsetxattr(m.at(path), key, []byte(value), 0))
}

func (m *machine) config(target, format, old, now string) {
	c := manifest.Config{Target: target, Format: format}
	for side, data := range map[string]string{"old": old, "new": now} {
		if data == "" {
			continue
		}
		path := "config/" + side + target
		m.ok(os.MkdirAll(filepath.Dir(filepath.Join(m.bundle, path)), 0o755))
		m.ok(os.WriteFile(filepath.Join(m.bundle, path), []byte(data), 0o644))
		m.m.Files = append(m.m.Files, manifest.File{Path: path, Size: int64(len(data)), SHA256: digest([]byte(data))})
		if side == "old" {
			c.Old = path
		} else {
			c.New = path
		}
	}
	m.m.Config = append(m.m.Config, c)
}

// set is the attempt as a freshly started engine sees it.
func (m *machine) set() *Set {
	s := New(m.m, m.bundle, m.backup)
	s.Root = m.root
	for _, p := range m.packaged {
		s.Packaged = append(s.Packaged, Packaged{Config: manifest.Config{Target: p.Target, Format: "text"}, Old: shipped(p.Old), New: shipped(p.New)})
	}
	return s
}

func shipped(body string) *Shipped {
	if body == "" {
		return nil
	}
	return &Shipped{Package: "pkg", Mark: "%config", Mode: 0o644, Content: func(context.Context) ([]byte, error) { return []byte(body), nil }}
}

// prepared goes the line up to the seal.
func (m *machine) prepared() *Set {
	m.t.Helper()
	s := m.set()
	ctx := context.Background()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.ok(s.SaveState(ctx))
	return s
}

// shot describes everything below a folder: content, attributes, times.
func (m *machine) shot(paths ...string) map[string]string {
	m.t.Helper()
	out := map[string]string{}
	names := map[uint64]string{}
	for _, top := range paths {
		err := filepath.WalkDir(m.at(top), func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			st := info.Sys().(*syscall.Stat_t)
			line := fmt.Sprint(info.Mode(), " ", st.Uid, ":", st.Gid, " ", st.Rdev)
			if !info.IsDir() || strings.HasPrefix(p, m.at("/opt/app/state")) {
				line += fmt.Sprint(" ", st.Mtim.Nano())
			}
			switch {
			case info.Mode().IsRegular():
				data, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				sum := sha256.Sum256(data)
				line += " " + hex.EncodeToString(sum[:4])
				if names[st.Ino] == "" {
					names[st.Ino] = p
				}
				if st.Nlink > 1 {
					line += fmt.Sprint(" ", st.Nlink, " names, the first is ", names[st.Ino])
				}
			case info.Mode()&fs.ModeSymlink != 0:
				to, err := os.Readlink(p)
				if err != nil {
					return err
				}
				line += " -> " + to
			}
			buf := make([]byte, 4096)
			if n, err := unix.Llistxattr(p, buf); err == nil && n > 0 {
				line += fmt.Sprintf(" %q", buf[:n])
			}
			rel, _ := filepath.Rel(m.root, p)
			out[rel] = line
			return nil
		})
		m.ok(err)
	}
	return out
}

func compareShots(t *testing.T, got, want map[string]string) {
	t.Helper()
	keys := map[string]bool{}
	for k := range got {
		keys[k] = true
	}
	for k := range want {
		keys[k] = true
	}
	var sorted []string
	for k := range keys {
		if got[k] != want[k] {
			sorted = append(sorted, fmt.Sprintf("%q\n   is %s\n  was %s", k, got[k], want[k]))
		}
	}
	sort.Strings(sorted)
	if len(sorted) > 0 {
		t.Errorf("differs:\n%s", strings.Join(sorted, "\n"))
	}
}

func (m *machine) read(path string) string {
	m.t.Helper()
	data, err := os.ReadFile(m.at(path))
	m.ok(err)
	return string(data)
}

// harm is what a new release and rpm may do to the host in the window.
func (m *machine) harm() {
	m.t.Helper()
	m.write("/opt/app/state/a", "other content", 0o644, 0, 0)
	m.ok(os.Remove(m.at("/opt/app/state/link")))
	m.ok(os.Mkdir(m.at("/opt/app/state/link"), 0o755))
	m.write("/opt/app/state/link/x", "x", 0o644, 0, 0)
	m.ok(os.RemoveAll(m.at("/opt/app/state/dir")))
	m.ok(os.Symlink("/", m.at("/opt/app/state/dir")))
	m.ok(os.Chmod(m.at("/opt/app/state/suid"), 0o700))
	m.ok(os.Remove(m.at("/opt/app/state/fifo")))
	m.ok(os.Remove(m.at("/opt/app/state/null")))
	m.write("/opt/app/state/new/file", "appeared", 0o644, 0, 0)
	m.xattr("/opt/app/state/empty", "user.new", "x")
	m.relink()
	// Same size and time, other bytes: only the digest tells.
	info, err := os.Stat(m.at("/opt/app/state/big"))
	m.ok(err)
	f, err := os.OpenFile(m.at("/opt/app/state/big"), os.O_WRONLY, 0)
	m.ok(err)
	_, err = f.WriteAt([]byte("X"), 5000)
	m.ok(err)
	m.ok(f.Close())
	m.ok(os.Chtimes(m.at("/opt/app/state/big"), info.ModTime(), info.ModTime()))
	m.write("/etc/app.json.rpmnew", "left by rpm", 0o644, 0, 0)
}

// relink makes one file of several, and several of one, with all else as it was.
func (m *machine) relink() {
	m.t.Helper()
	info, err := os.Stat(m.at("/opt/app/state/names/one"))
	m.ok(err)
	m.ok(os.Remove(m.at("/opt/app/state/names/below/two")))
	m.write("/opt/app/state/names/below/two", "of three names", 0o640, 7, 8)
	m.ok(os.Chtimes(m.at("/opt/app/state/names/below/two"), info.ModTime(), info.ModTime()))
	m.ok(os.Remove(m.at("/opt/app/state/twin2")))
	m.ok(os.Link(m.at("/opt/app/state/twin1"), m.at("/opt/app/state/twin2")))
	m.ok(os.RemoveAll(m.at("/opt/app/state/zz")))
	m.ok(os.Link(m.at("/opt/app/state/twin3"), m.at("/opt/app/state/zz")))
}

// TestHardLinks looks at nothing but names: all contents and attributes are right.
func TestHardLinks(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	before := m.shot("/opt")
	if is := before["opt/app/state/zz"]; !strings.Contains(is, "3 names") {
		t.Fatal(is)
	}
	s := m.prepared()
	for _, name := range []string{"/names/one", "/names/below/two", "/zz"} {
		info, err := os.Stat(m.backup + "/state/0" + name)
		m.ok(err)
		if st := info.Sys().(*syscall.Stat_t); st.Nlink != 3 {
			t.Errorf("%s has %d names in the backup", name, st.Nlink)
		}
	}
	m.relink()
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt"), before)
	m.relink()
	tree, err := readTree(m.backup + "/state/0.index")
	m.ok(err)
	wrong, err := s.provePath(ctx, &statePath{"/opt/app/state", m.at("/opt/app/state")}, tree)
	m.ok(err)
	for _, path := range []string{"/opt/app/state/names/one", "/opt/app/state/twin2", "/opt/app/state/zz"} {
		if !slices.Contains(wrong, path) {
			t.Errorf("%s passes the proof, which finds %v", path, wrong)
		}
	}
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt"), before)
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.write("/etc/old.conf.rpmsave", "of an earlier update", 0o644, 0, 0)
	before := m.shot("/etc", "/usr", "/opt")
	s := m.prepared()
	compareShots(t, m.shot("/etc", "/usr", "/opt"), before)

	for range 2 {
		m.ok(m.set().Converge(ctx, manifest.New))
	}
	if got := m.read("/etc/app.json"); !regexp.MustCompile(`^\{"port": 2, "name": "me", "secret": "[0-9a-f]{16}", "mine": true\}\n$`).MatchString(got) {
		t.Error(got)
	}
	for path, want := range map[string]string{
		"/etc/sysconfig/app":                  "# mine\nA=2\n",
		"/usr/lib/systemd/system/app.service": "[Service]\nExecStart=/b\n",
		"/etc/app/new.conf":                   "new y\n",
	} {
		if got := m.read(path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	shot := m.shot("/etc")
	if got := shot["etc/app.json"]; !strings.HasPrefix(got, "-rw-r----- 12:34") || !strings.Contains(got, "user.note") {
		t.Error(got)
	}
	if got := shot["etc/app/new.conf"]; !strings.HasPrefix(got, "-rw-r----- 65534:65534") {
		t.Error(got)
	}
	if _, there := shot["etc/old.conf"]; there {
		t.Error("a file that the new release does not have is there")
	}
	if change, err := s.UnitsChange(); err != nil || !change {
		t.Error("the unit changed", err)
	}
	m.harm()
	if got, err := s.Leftovers(); err != nil || fmt.Sprint(got) != "[/etc/app.json.rpmnew]" {
		t.Error(got, err)
	}
	for range 2 {
		m.ok(m.set().Converge(ctx, manifest.Old))
		compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
	}
	m.ok(m.set().Converge(ctx, manifest.New)) // and any number of times
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
}

func TestStateGone(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*machine){
		"all":    func(m *machine) { m.ok(os.RemoveAll(m.at("/opt"))) },
		"a file": func(m *machine) { m.ok(os.RemoveAll(m.at("/opt/app"))); m.write("/opt/app", "x", 0o644, 0, 0) },
		"a state": func(m *machine) {
			m.ok(os.RemoveAll(m.at("/opt/app/state")))
			m.write("/opt/app/state", "x", 0o644, 0, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.ok(os.Chmod(m.at("/opt/app"), 0o711))
			before := m.shot("/opt")
			s := m.prepared()
			harm(m)
			err := s.Converge(context.Background(), manifest.Old)
			if name == "a file" { // in the place of a folder above: nobody knows whose
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			m.ok(err)
			compareShots(t, m.shot("/opt"), before)
		})
	}
}

func TestStateAppears(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.m.State = append(m.m.State, "/srv/not/there")
	before := m.shot("/srv", "/opt")
	s := m.prepared()
	m.write("/srv/not/there/x", "x", 0o644, 0, 0)
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/srv", "/opt"), before)
}

// TestSecondPass: what changes while the product serves is in the sealed copy.
func TestSecondPass(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.harm()
	m.write("/etc/sysconfig/app", "# edited meanwhile\nA=1\nB=2\n", 0o600, 1, 1)
	before := m.shot("/etc", "/opt")
	m.ok(s.SaveState(ctx))
	m.ok(os.RemoveAll(m.at("/opt/app")))
	m.ok(s.Converge(ctx, manifest.New))
	if got := m.read("/etc/sysconfig/app"); got != "# edited meanwhile\nA=2\nB=2\n" {
		t.Error(got)
	}
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/opt"), before)
	if err := s.SaveState(ctx); !errors.Is(err, ErrChanged) {
		t.Error("saved again:", err)
	}
	if err := m.set().Prepare(ctx); !errors.Is(err, ErrChanged) {
		t.Error("prepared again:", err)
	}
}

// TestNotSealed: before the seal the host's files are the newest there are.
func TestNotSealed(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.write("/opt/app/state/a", "written by a client", 0o600, 7, 8)
	before := m.shot("/etc", "/opt")
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/opt"), before)
	if err := m.set().Converge(ctx, manifest.New); err == nil {
		t.Error("went to the new side with nothing saved")
	}
}

// TestPrepareAgain: what was drawn at random stays for the whole attempt.
func TestPrepareAgain(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	merged := func() string {
		data, err := os.ReadFile(m.backup + "/config/new/etc/app.json")
		m.ok(err)
		return string(data)
	}
	m.ok(m.set().Prepare(ctx))
	first := merged()
	m.ok(m.set().Prepare(ctx))
	if merged() != first {
		t.Error("drawn again")
	}
	info, err := os.Stat(m.backup + "/config/new/etc/app.json")
	m.ok(err)
	if info.Mode().Perm() != 0o600 {
		t.Error(info.Mode())
	}
}

// TestCancelled stops the way back at every file, then lets it through.
func TestCancelled(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.shot("/etc", "/opt", "/usr")
	s := m.prepared()
	m.ok(s.Converge(context.Background(), manifest.New))
	m.harm()
	for stop := 1; ; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		s := m.set()
		n := 0
		s.Progress = func(string, int64) {
			if n++; n == stop {
				cancel()
			}
		}
		err := s.Converge(ctx, manifest.Old)
		cancel()
		if err == nil {
			if stop < 10 {
				t.Error("stopped nowhere")
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	compareShots(t, m.shot("/etc", "/opt", "/usr"), before)
}

func TestHostileLinks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("in the window", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		before := m.shot("/opt")
		m.write("/victim/a", "do not touch", 0o600, 0, 0)
		m.write("/victim/deep/x\xff%\n", "nor this", 0o600, 0, 0)
		victim := m.shot("/victim")
		s := m.prepared()
		m.ok(os.RemoveAll(m.at("/opt/app/state/dir")))
		m.ok(os.Symlink(m.at("/victim"), m.at("/opt/app/state/dir")))
		m.ok(os.Remove(m.at("/opt/app/state/a")))
		m.ok(os.Symlink(m.at("/victim/a"), m.at("/opt/app/state/a")))
		m.ok(s.Converge(ctx, manifest.Old))
		compareShots(t, m.shot("/victim"), victim)
		compareShots(t, m.shot("/opt"), before)
	})
	t.Run("the path itself", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		s := m.prepared()
		m.write("/victim/a", "do not touch", 0o600, 0, 0)
		victim := m.shot("/victim")
		m.ok(os.RemoveAll(m.at("/opt/app/state")))
		m.ok(os.Symlink(m.at("/victim"), m.at("/opt/app/state")))
		m.ok(os.Lchown(m.at("/opt/app/state"), 1000, 1000))
		if err := s.Converge(ctx, manifest.Old); !errors.As(err, new(*LinkError)) {
			t.Error(err)
		}
		compareShots(t, m.shot("/victim"), victim)
	})
	t.Run("configuration", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		m.ok(os.Rename(m.at("/etc/sysconfig"), m.at("/etc/elsewhere")))
		m.ok(os.Symlink("elsewhere", m.at("/etc/sysconfig")))
		m.ok(os.Lchown(m.at("/etc/sysconfig"), 1000, 1000))
		if err := m.set().Prepare(ctx); !errors.As(err, new(*LinkError)) {
			t.Error(err)
		}
		expect(t, m.set().Findings(ctx), "config-link")
	})
}

// TestLinksOfRoot: an admin may have moved things to another disk.
func TestLinksOfRoot(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.mkdir("/data", 0o755)
	m.ok(os.Rename(m.at("/opt/app/state"), m.at("/data/state")))
	m.ok(os.Symlink("/data/state", m.at("/opt/app/state")))
	m.ok(os.Rename(m.at("/etc/app.json"), m.at("/data/app.json")))
	m.ok(os.Symlink("../data/app.json", m.at("/etc/app.json")))
	before := m.shot("/data", "/etc")
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.New))
	if to, err := os.Readlink(m.at("/etc/app.json")); err != nil || to != "../data/app.json" {
		t.Error("the link was replaced", to, err)
	}
	if !strings.Contains(m.read("/data/app.json"), `"port": 2`) {
		t.Error(m.read("/data/app.json"))
	}
	m.ok(os.RemoveAll(m.at("/data/state")))
	m.ok(os.Remove(m.at("/opt/app/state"))) // as rm -rf in a scriptlet does
	m.write("/opt/app/state/x", "put there by a package", 0o644, 0, 0)
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/data", "/etc"), before)
	if to, err := os.Readlink(m.at("/opt/app/state")); err != nil || to != "/data/state" {
		t.Error("the link is not back", to, err)
	}
}

func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.New))
	m.ok(os.RemoveAll(m.at("/opt/app/state/a")))
	m.ok(os.WriteFile(m.backup+"/state/0/a", []byte("CONTENT OF A"), 0o600))
	info := time.Unix(15e8, 123456789)
	m.ok(os.Chtimes(m.backup+"/state/0/a", info, info))
	var differ *DifferError
	if err := s.Converge(ctx, manifest.Old); !errors.As(err, &differ) || fmt.Sprint(differ.Paths) != "[/opt/app/state/a]" {
		t.Errorf("%v %q", err, differ.Paths)
	}
	m.ok(s.Converge(ctx, manifest.New))
	m.ok(os.WriteFile(m.backup+"/config/old/etc/sysconfig/app", []byte("x"), 0o600))
	if err := s.Converge(ctx, manifest.Old); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
	m.ok(os.Remove(m.backup + "/index.json"))
	if err := s.Converge(ctx, manifest.Old); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestExtra(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.write("/etc/pkg.conf", "edited\n", 0o640, 1, 2)
	m.mkdir("/etc/pkg.d", 0o755)
	before := m.shot("/etc")
	s := m.set()
	s.Extra = []string{"/etc/pkg.conf", "/etc/pkg2.conf", "/etc/pkg.d"}
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.ok(s.SaveState(ctx))
	m.write("/etc/pkg.conf", "replaced by rpm\n", 0o644, 0, 0)
	m.write("/etc/pkg.conf.rpmsave", "edited\n", 0o644, 0, 0)
	m.write("/etc/pkg2.conf", "came with rpm\n", 0o644, 0, 0)
	m.ok(s.Converge(ctx, manifest.New))
	if got := m.read("/etc/pkg.conf"); got != "replaced by rpm\n" {
		t.Error(got)
	}
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc"), before)
}

// TestBusy saves while files come, go and change, then stops: what is there then
// is what the way back restores.
func TestBusy(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			dir := m.at(fmt.Sprintf("/opt/app/state/busy/%d", i%7))
			switch i % 5 {
			case 0, 1, 2:
				if err = os.MkdirAll(dir, 0o755); err == nil {
					err = os.WriteFile(fmt.Sprintf("%s/%d", dir, i%11), []byte(strings.Repeat("x", i%5000)), 0o644)
				}
				if err == nil && i%3 == 0 {
					_ = os.Link(fmt.Sprintf("%s/%d", dir, i%11), fmt.Sprintf("%s/link%d", m.at("/opt/app/state"), i%5))
					_ = os.Remove(fmt.Sprintf("%s/link%d", m.at("/opt/app/state"), (i+1)%5))
				}
			case 3:
				err = os.RemoveAll(dir)
			default:
				_ = os.Remove(m.at("/opt/app/state/turn"))
				if i%2 == 0 {
					err = os.Symlink("/", m.at("/opt/app/state/turn"))
				} else {
					err = os.Mkdir(m.at("/opt/app/state/turn"), 0o755)
				}
			}
		}
		<-stop
		stopped <- err
	}()
	s := m.set()
	for range 10 {
		m.ok(s.Prepare(ctx))
		m.ok(s.SaveState(ctx))
	}
	close(stop)
	m.ok(<-stopped)
	before := m.shot("/opt")
	m.ok(s.SaveState(ctx))
	m.harm()
	m.ok(os.RemoveAll(m.at("/opt/app/state/busy")))
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt"), before)
}

func TestSockets(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	m.ok(err)
	defer unix.Close(fd)
	dir, err := os.Open(m.at("/opt/app/state"))
	m.ok(err)
	defer dir.Close()
	m.ok(unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/sock", dir.Fd())}))
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.Old))
	if _, err := os.Lstat(m.at("/opt/app/state/sock")); err != nil {
		t.Error("a socket that was there went", err)
	}
	m.ok(os.Remove(m.at("/opt/app/state/sock")))
	m.ok(s.Converge(ctx, manifest.Old))
}

func TestFindings(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		change func(*machine)
		want   string
	}{
		"none":           {func(*machine) {}, ""},
		"conflict":       {func(m *machine) { m.write("/etc/app.json", `{"port": 3, "name": "x"}`, 0o600, 0, 0) }, "config-conflict"},
		"unparsable":     {func(m *machine) { m.write("/etc/app.json", `{"port": `, 0o600, 0, 0) }, "config-unparsable"},
		"missing":        {func(m *machine) { m.ok(os.Remove(m.at("/etc/sysconfig/app"))) }, "config-missing"},
		"no value":       {func(m *machine) { m.m.Config[0].Set = nil }, "config-value-unknown"},
		"edited, goes":   {func(m *machine) { m.write("/etc/old.conf", "mine\n", 0o600, 0, 0) }, "config-edited-file-goes"},
		"owner":          {func(m *machine) { m.m.Config[3].Owner = "nobody-knows" }, "config-owner-lacks"},
		"damaged bundle": {func(m *machine) { m.m.Files[0].SHA256 = "00" }, "config-merge"},
		"a folder":       {func(m *machine) { m.ok(os.Remove(m.at("/etc/old.conf"))); m.mkdir("/etc/old.conf", 0o755) }, "config-unreadable"},
		"state link": {func(m *machine) {
			m.ok(os.Rename(m.at("/opt/app/state"), m.at("/opt/app/s")))
			m.ok(os.Symlink("s", m.at("/opt/app/state")))
			m.ok(os.Lchown(m.at("/opt/app/state"), 9, 9))
		}, "state-link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			c.change(m)
			before := m.shot("/")
			s := New(m.m, m.bundle, "")
			s.Root = m.root
			expect(t, s.Findings(ctx), c.want)
			compareShots(t, m.shot("/"), before)
		})
	}
}

func expect(t *testing.T, found []finding.Finding, want string) {
	t.Helper()
	var ids []string
	for _, f := range found {
		ids = append(ids, f.ID)
		if f.What == "" || f.Do == "" || f.Level == "" {
			t.Errorf("incomplete: %+v", f)
		}
	}
	if strings.Join(ids, " ") != want {
		t.Errorf("%q, not %q: %+v", ids, want, found)
	}
}

// TestFull runs the way there and back on a file system that is too small.
func TestFull(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.ok(os.MkdirAll(m.backup, 0o700))
	m.ok(unix.Mount("tmpfs", m.backup, "tmpfs", 0, "size=512k"))
	defer unix.Unmount(m.backup, unix.MNT_DETACH)
	before := m.shot("/")
	expect(t, m.set().Findings(ctx), "no-room")
	s := m.set()
	m.ok(s.Prepare(ctx))
	err := s.SaveState(ctx)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "/opt/app/state") || !strings.Contains(err.Error(), "make room") {
		t.Error(err)
	}
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/"), before)
}

func TestChanges(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	got, err := m.prepared().Changes()
	m.ok(err)
	var all []string
	for _, f := range got {
		for _, c := range f.Changes {
			all = append(all, f.Target+" "+string(c.Kind)+" "+c.Key)
			if c.Key == "secret" && c.To != "(hidden)" {
				t.Error("a secret is shown:", c.To)
			}
		}
	}
	want := "/etc/app.json changed port,/etc/app.json kept mine,/etc/app.json added secret,/etc/sysconfig/app changed A," +
		"/usr/lib/systemd/system/app.service changed line 2,/etc/app/new.conf added line 1,/etc/old.conf removed "
	if strings.Join(all, ",") != want {
		t.Error(strings.Join(all, ","))
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for _, n := range []name{"", "a", "ü%\xff/\n", "%41", "\xc3"} {
		text, err := n.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back name
		if err := back.UnmarshalText(text); err != nil || back != n {
			t.Errorf("%q: %q %v", n, back, err)
		}
	}
}
