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
	"sort"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
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
