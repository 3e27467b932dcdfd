package paths

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// root is an empty folder that stands for the root of a host.
func root(t *testing.T, dirs ...string) Host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	ok(t, err)
	for _, d := range dirs {
		ok(t, os.MkdirAll(dir+d, 0o755))
	}
	return Host(dir)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mount mounts a tmpfs, or another path of the host, until the test is over.
func (h Host) mount(t *testing.T, from, at string) {
	t.Helper()
	if from == "tmpfs" {
		ok(t, unix.Mount("tmpfs", h.At(at), "tmpfs", 0, ""))
	} else {
		ok(t, unix.Mount(h.At(from), h.At(at), "", unix.MS_BIND, ""))
	}
	t.Cleanup(func() { _ = unix.Unmount(h.At(at), unix.MNT_DETACH) })
}

func (h Host) recorder(t *testing.T) *Recorder {
	t.Helper()
	r, err := h.Recorder()
	ok(t, err)
	return r
}

func TestMountsOf(t *testing.T) {
	t.Parallel()
	at := func(points ...string) (out []Mount) {
		for _, p := range points {
			out = append(out, Mount{Point: p, Type: "ext4", Root: "/"})
		}
		return out
	}
	all := append(at("/", "/opt", "/opt/app/data", "/opt/app/data/sub", "/optional", "/srv"), Mount{Point: "/srv", Type: "nfs4", Root: "/"})
	for _, c := range []struct {
		path   string
		isTree bool
		want   []Mount
	}{
		{"/etc/conf", false, nil},
		{"/etc", true, nil},
		{"/opt/x", false, at("/opt")},
		{"/opt", false, at("/opt")},
		{"/opt", true, at("/opt", "/opt/app/data", "/opt/app/data/sub")},
		{"/opt/app", true, at("/opt", "/opt/app/data", "/opt/app/data/sub")},
		{"/opt/app", false, at("/opt")},
		{"/opt/app/data/sub/x", true, at("/opt/app/data/sub")},
		{"/optional/x", true, at("/optional")},
		{"/option", true, nil},
		{"/srv/x", true, []Mount{{Point: "/srv", Type: "nfs4", Root: "/"}}}, // the last at a point is seen
		{"/", true, at("/opt", "/opt/app/data", "/opt/app/data/sub", "/optional")},
	} {
		got := mountsOf(all, c.path, c.isTree)
		if c.path == "/" {
			got = got[:4]
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %t: %v, want %v", c.path, c.isTree, got, c.want)
		}
	}
}

// TestCheckMounts changes what is mounted between a record and a look, and puts
// it back.
func TestCheckMounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after func(t *testing.T, h Host)
		wrong         string // part of the error, "" for none
	}{
		"nothing changes": {func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/opt/state") }, func(*testing.T, Host) {}, ""},
		"not mounted yet": {
			func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/opt/state") },
			func(t *testing.T, h Host) { ok(t, unix.Unmount(h.At("/opt/state"), 0)) }, "mount it again",
		},
		"a bind mount of the same disk lacks": {
			func(t *testing.T, h Host) { h.mount(t, "/srv/state", "/opt/state") },
			func(t *testing.T, h Host) { ok(t, unix.Unmount(h.At("/opt/state"), 0)) }, "/srv/state) is not mounted any more",
		},
		"another in its place": {
			func(t *testing.T, h Host) { h.mount(t, "/srv/state", "/opt/state") },
			func(t *testing.T, h Host) {
				ok(t, unix.Unmount(h.At("/opt/state"), 0))
				h.mount(t, "/srv/other", "/opt/state")
			}, "/srv/other) is mounted now and was not: unmount it",
		},
		"one on top": {
			func(*testing.T, Host) {},
			func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/opt/state") }, "is mounted now and was not",
		},
		"above": {
			func(*testing.T, Host) {},
			func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/opt") }, "is mounted now and was not",
		},
		"below a tree lacks": {
			func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/opt/state/sub") },
			func(t *testing.T, h Host) { ok(t, unix.Unmount(h.At("/opt/state/sub"), 0)) }, "/opt/state/sub (tmpfs) is not mounted",
		},
		"below a tree is new":  {func(*testing.T, Host) {}, func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/opt/state/sub") }, "/opt/state/sub (tmpfs) is mounted now"},
		"elsewhere":            {func(*testing.T, Host) {}, func(t *testing.T, h Host) { h.mount(t, "tmpfs", "/srv/other") }, ""},
		"the file is a mount":  {func(t *testing.T, h Host) { h.mount(t, "/srv/conf", "/etc/conf") }, func(*testing.T, Host) {}, ""},
		"the file was a mount": {func(t *testing.T, h Host) { h.mount(t, "/srv/conf", "/etc/conf") }, func(t *testing.T, h Host) { ok(t, unix.Unmount(h.At("/etc/conf"), 0)) }, "/etc/conf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := root(t, "/opt/state/sub", "/srv/state/sub", "/srv/other/sub", "/etc")
			ok(t, os.WriteFile(h.At("/srv/conf"), nil, 0o600))
			ok(t, os.WriteFile(h.At("/etc/conf"), nil, 0o600))
			c.before(t, h)
			r := h.recorder(t)
			for path, isTree := range map[string]bool{"/opt/state": true, "/etc/conf": false} {
				_, err := r.Add(path, isTree)
				ok(t, err)
			}
			ok(t, CheckMounts(throughJSON(t, r.Record), true))
			c.after(t, h)
			err := CheckMounts(throughJSON(t, r.Record), true)
			if c.wrong == "" {
				ok(t, err)
				return
			}
			if !errors.As(err, new(*MountError)) || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%v, want %s", err, c.wrong)
			}
			if err := CheckMounts(&r.Record, false); (err != nil) != strings.Contains(name, "the file") {
				t.Error("without trees:", err)
			}
			if err := AwaitMounts(context.Background(), &r.Record, true, 0, nil); !errors.As(err, new(*MountError)) {
				t.Error(err)
			}
		})
	}
}

// throughJSON is the record as the next engine process reads it.
func throughJSON(t *testing.T, r Record) *Record {
	t.Helper()
	data, err := json.Marshal(r)
	ok(t, err)
	var out Record
	ok(t, json.Unmarshal(data, &out))
	if !reflect.DeepEqual(out, r) {
		t.Errorf("%+v became %+v", r, out)
	}
	return &out
}

// TestAwaitMounts has a file system come late.
func TestAwaitMounts(t *testing.T) {
	t.Parallel()
	h := root(t, "/opt/state")
	h.mount(t, "tmpfs", "/opt/state")
	r := h.recorder(t)
	_, err := r.Add("/opt/state", true)
	ok(t, err)
	ok(t, unix.Unmount(h.At("/opt/state"), 0))
	waits := 0
	ok(t, AwaitMounts(context.Background(), &r.Record, true, time.Hour, func(e *MountError) {
		if e.Path != "/opt/state" {
			t.Error(e.Path)
		}
		if waits++; waits == 2 {
			h.mount(t, "tmpfs", "/opt/state")
		}
	}))
	if waits != 2 {
		t.Errorf("waited %d times", waits)
	}
	ok(t, unix.Unmount(h.At("/opt/state"), 0))
	ctx, cancel := context.WithCancel(context.Background())
	if err := AwaitMounts(ctx, &r.Record, true, time.Hour, func(*MountError) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := AwaitMounts(context.Background(), &Record{}, true, time.Hour, nil); err != nil {
		t.Error("nothing is recorded:", err)
	}
}

func TestAddFileSystems(t *testing.T) {
	t.Parallel()
	h := root(t, "/opt/app/a", "/opt/app/b", "/usr/bin", "/his")
	h.mount(t, "tmpfs", "/opt/app")
	ok(t, os.Symlink("usr", h.At("/link")))
	ok(t, os.Lchown(h.At("/link"), 5, 5))
	r := h.recorder(t)
	ok(t, r.AddFileSystems([]string{"/opt/app/a/x", "/opt/app/b/y", "/usr/bin/z", "/link/bin/z", "/opt/lacks"}))
	ways := 0
	for _, w := range r.Ways {
		for _, m := range w.Mounts {
			if m.Point == h.At("/opt/app") {
				ways++
			}
		}
	}
	if ways != 1 {
		t.Errorf("recorded %d times: %+v", ways, r.Ways)
	}
	ok(t, CheckMounts(&r.Record, true))
	ok(t, unix.Unmount(h.At("/opt/app"), 0))
	if err := CheckMounts(&r.Record, true); !errors.As(err, new(*MountError)) {
		t.Error(err)
	}
}

// TestKeep: what was recorded before the window is still looked for after it.
func TestKeep(t *testing.T) {
	t.Parallel()
	h := root(t, "/opt/app", "/etc")
	h.mount(t, "tmpfs", "/opt/app")
	before := h.recorder(t)
	ok(t, before.AddFileSystems([]string{"/opt/app/x"}))
	r := h.recorder(t)
	_, err := r.Add("/etc/conf", false)
	ok(t, err)
	r.Keep(&before.Record)
	ok(t, CheckMounts(&r.Record, true))
	ok(t, unix.Unmount(h.At("/opt/app"), 0))
	if err := CheckMounts(throughJSON(t, r.Record), true); !errors.As(err, new(*MountError)) {
		t.Error(err)
	}
}

// TestATreesWayStays: a path of a package that is a state path too counts as a tree.
func TestATreesWayStays(t *testing.T) {
	t.Parallel()
	h := root(t, "/opt/state/sub")
	h.mount(t, "tmpfs", "/opt/state")
	r := h.recorder(t)
	_, err := r.Add("/opt/state", true)
	ok(t, err)
	ok(t, r.AddFileSystems([]string{"/opt/state/x"}))
	_, err = r.Add("/opt/state", false)
	ok(t, err)
	if !r.Ways["/opt/state"].Tree {
		t.Error("what is mounted below does not count any more")
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	h := root(t, "/opt/app/conf")
	ok(t, unix.Chmod(h.At("/opt/app"), 0o2750))
	ok(t, os.Chown(h.At("/opt/app"), 7, 8))
	ok(t, unix.Setxattr(h.At("/opt/app"), "user.note", []byte("x"), 0))
	r := h.recorder(t)
	for _, path := range []string{"/opt/app/conf/a", "/srv/new/deep/b"} {
		_, err := r.Add(path, false)
		ok(t, err)
	}
	if r.Dirs[key{"/srv/new"}] != nil || r.Dirs[key{"/opt/app"}].Mode != 0o2750 {
		t.Errorf("%+v", r.Dirs)
	}
	ok(t, os.RemoveAll(h.At("/opt")))
	again := throughJSON(t, r.Record)
	for _, path := range []string{"/opt/app/conf", "/srv/new/deep", "/unknown/x"} {
		ok(t, h.MakeFolders(again, path))
		ok(t, h.MakeFolders(again, path))
	}
	n, err := host.OpenPath(h.At("/opt/app"))
	ok(t, err)
	defer n.Close()
	xattrs, err := n.Xattrs()
	if err != nil || n.Stat.Mode&0o7777 != 0o2750 || n.Stat.Uid != 7 || n.Stat.Gid != 8 || string(xattrs["user.note"]) != "x" {
		t.Errorf("%v %v %+v", xattrs, err, n.Stat)
	}
	if info, err := os.Stat(h.At("/unknown/x")); err != nil || info.Mode().Perm() != 0o755 {
		t.Error(info, err)
	}
	ok(t, os.WriteFile(h.At("/srv/new/kept"), nil, 0o600))
	ok(t, h.DropFolders(again)) // those that were not there: empty ones go, others stay
	for path, want := range map[string]bool{"/srv/new/deep": false, "/srv/new/kept": true, "/opt/app/conf": true} {
		if _, err := os.Stat(h.At(path)); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	ok(t, os.Remove(h.At("/opt/app/conf")))
	ok(t, os.WriteFile(h.At("/opt/app/conf"), nil, 0o600))
	if err := h.MakeFolders(again, "/opt/app/conf/sub"); !errors.Is(err, unix.ENOTDIR) {
		t.Error("a file is in a folder's place:", err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm  func(h Host) error
		all   bool // what is in a folder in the link's place is restored
		fails bool
	}{
		"untouched": {func(Host) error { return nil }, false, false},
		"removed":   {func(h Host) error { return os.Remove(h.At("/opt/app")) }, false, false},
		"leads elsewhere": {func(h Host) error {
			return errors.Join(os.Remove(h.At("/opt/app")), os.Symlink("/srv", h.At("/opt/app")))
		}, false, false},
		"a file": {func(h Host) error {
			return errors.Join(os.Remove(h.At("/opt/app")), os.WriteFile(h.At("/opt/app"), nil, 0o600))
		}, false, false},
		"an empty folder": {func(h Host) error { return errors.Join(os.Remove(h.At("/opt/app")), os.Mkdir(h.At("/opt/app"), 0o755)) }, false, false},
		"a full folder": {func(h Host) error {
			return errors.Join(os.Remove(h.At("/opt/app")), os.MkdirAll(h.At("/opt/app/x/y"), 0o755))
		}, false, true},
		"a full folder, restored": {
			func(h Host) error {
				return errors.Join(os.Remove(h.At("/opt/app")), os.MkdirAll(h.At("/opt/app/x/y"), 0o755))
			}, true, false,
		},
		"the folder above lacks": {func(h Host) error { return os.RemoveAll(h.At("/opt")) }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := root(t, "/opt", "/data/app")
			ok(t, os.Symlink("../data/app", h.At("/opt/app")))
			ok(t, os.Lchown(h.At("/opt/app"), 0, 7))
			before, err := os.Lstat(h.At("/opt/app"))
			ok(t, err)
			r := h.recorder(t)
			real, err := r.Add("/opt/app/file", false)
			if err != nil || real != h.At("/data/app/file") || len(r.Links) != 1 {
				t.Fatal(real, err, r.Links)
			}
			_, err = r.Add("/opt/app/other", false)
			if err != nil || len(r.Links) != 1 {
				t.Error("a link is recorded twice", err)
			}
			ok(t, c.harm(h))
			err = h.RestoreLinks(throughJSON(t, r.Record), func(path string) bool { return c.all && path == h.At("/opt/app") })
			if c.fails {
				if err == nil || !strings.Contains(err.Error(), h.At("/opt")) {
					t.Error(err)
				}
				return
			}
			ok(t, err)
			if to, err := os.Readlink(h.At("/opt/app")); err != nil || to != "../data/app" {
				t.Error(to, err)
			}
			after, err := os.Lstat(h.At("/opt/app"))
			if err != nil || !after.ModTime().Equal(before.ModTime()) || host.AttrOf(after) != host.AttrOf(before) {
				t.Errorf("%v %v, was %v: %v", host.AttrOf(after), after.ModTime(), before.ModTime(), err)
			}
			ok(t, h.StillLeads("/opt/app/file", real))
		})
	}
	h := root(t, "/opt", "/data/app")
	ok(t, os.Symlink("../data", h.At("/opt/app")))
	if err := h.StillLeads("/opt/app/x", h.At("/opt/app/x")); err == nil || !strings.Contains(err.Error(), h.At("/data/x")+" now") {
		t.Error(err)
	}
	ok(t, os.Lchown(h.At("/opt/app"), 5, 5))
	if _, err := h.recorder(t).Add("/opt/app/x", false); !errors.As(err, new(*host.LinkError)) {
		t.Error(err)
	}
}

// TestTimesOfFolders: a folder in which files were replaced has its time again; one
// in which somebody else made or removed something keeps the new one.
func TestTimesOfFolders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(dir string) error
		old    bool
	}{
		"replaced":         {func(dir string) error { return os.WriteFile(dir+"/tmp", nil, 0o600) }, true},
		"made":             {func(dir string) error { return os.WriteFile(dir+"/more", nil, 0o600) }, false},
		"removed":          {func(dir string) error { return os.Remove(dir + "/other") }, false},
		"gone":             {os.RemoveAll, false},
		"a file in place":  {func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) }, false},
		"nothing happened": {func(string) error { return nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := root(t, "/etc/app")
			dir := h.At("/etc/app")
			ok(t, os.WriteFile(dir+"/file", nil, 0o600))
			ok(t, os.WriteFile(dir+"/other", nil, 0o600))
			old := time.Unix(1234567890, 123456789)
			ok(t, os.Chtimes(dir, old, old))
			r := h.recorder(t)
			_, err := r.Add("/etc/app/file", false)
			ok(t, err)
			ok(t, c.change(dir))
			if name == "replaced" {
				ok(t, os.Rename(dir+"/tmp", dir+"/file"))
			}
			ok(t, h.RestoreTimes(throughJSON(t, r.Record)))
			info, err := os.Stat(dir)
			if err == nil && info.ModTime().Equal(old) != c.old || err != nil && name != "gone" {
				t.Errorf("%v %v", info, err)
			}
		})
	}
}
