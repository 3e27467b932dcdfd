package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestReplacing writes to whatever stands in the file's place.
func TestReplacing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(path string) error
		fails  bool
	}{
		"nothing":         {func(string) error { return nil }, false},
		"a file":          {func(p string) error { return os.WriteFile(p, []byte("old"), 0o600) }, false},
		"a link":          {func(p string) error { return os.Symlink("victim", p) }, false},
		"a dangling link": {func(p string) error { return os.Symlink("nowhere", p) }, false},
		"a FIFO":          {func(p string) error { return unix.Mkfifo(p, 0o600) }, false},
		"an empty folder": {func(p string) error { return os.Mkdir(p, 0o700) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := place(t, "/d/victim")
			path := root + "/d/x"
			ok(t, c.before(path))
			before := list(t, root+"/d")
			err := WriteFile(path, []byte("new"), Attr{Mode: 0o640 | os.ModeSetgid, UID: 3, GID: 4})
			if c.fails {
				if err == nil || !strings.Contains(err.Error(), path) || list(t, root+"/d") != before {
					t.Errorf("%v; left: %s", err, list(t, root+"/d"))
				}
				return
			}
			ok(t, err)
			n := open(t, path)
			if got, err := n.Read(10); err != nil || string(got) != "new" || n.Stat.Mode != unix.S_IFREG|unix.S_ISGID|0o640 || n.Stat.Uid != 3 || n.Stat.Gid != 4 {
				t.Errorf("%q %v %o", got, err, n.Stat.Mode)
			}
			if got, err := os.ReadFile(root + "/d/victim"); err != nil || string(got) != "/d/victim" {
				t.Errorf("the link was written through: %q %v", got, err)
			}
			if got := list(t, root+"/d"); got != "victim x" {
				t.Error("left beside it:", got)
			}
		})
	}
}

// TestXattrsOfReplacedFiles: WriteFile keeps those of the file it replaces,
// WriteExact and CopyFile bring their own and no others.
func TestXattrsOfReplacedFiles(t *testing.T) {
	t.Parallel()
	root := place(t, "/a", "/b", "/c", "/src")
	set := func(path, key string) { t.Helper(); ok(t, unix.Setxattr(root+path, key, []byte("1"), 0)) }
	for _, p := range []string{"/a", "/b", "/c"} {
		set(p, "user.old")
	}
	set("/src", "user.src")
	when := unix.NsecToTimespec(1234567890123456789)
	ok(t, WriteFile(root+"/a", []byte("new"), Attr{Mode: 0o600}))
	ok(t, WriteExact(root+"/b", []byte("new"), File{Attr{Mode: 0o755 | os.ModeSetuid, UID: 1, GID: 2}, map[string][]byte{"user.want": []byte("2")}, when}))
	ok(t, unix.Chmod(root+"/src", 0o6711))
	ok(t, os.Chtimes(root+"/src", time.Unix(0, when.Nano()), time.Unix(0, when.Nano())))
	ok(t, CopyFile(root+"/src", root+"/c"))
	for path, want := range map[string]string{"/a": "map[user.old:[49]]", "/b": "map[user.want:[50]]", "/c": "map[user.src:[49]]"} {
		if got, err := open(t, root+path).Xattrs(); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v %v, want %s", path, got, err, want)
		}
	}
	if st := open(t, root+"/b").Stat; st.Mtim != when || st.Uid != 1 || st.Gid != 2 {
		t.Errorf("%+v", st)
	}
	if st := open(t, root+"/c").Stat; st.Mtim != when || st.Mode&0o7777 != 0o6711 {
		t.Errorf("%+v", st)
	}
}

// TestDefaultACL: a folder gives new files an ACL; one that replaces a file
// without any has none either.
func TestDefaultACL(t *testing.T) {
	t.Parallel()
	root := place(t, "/d/old")
	acl := "\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x05\x00\x21\x00\x00\x00" +
		"\x04\x00\x05\x00\xff\xff\xff\xff" + "\x10\x00\x05\x00\xff\xff\xff\xff" + "\x20\x00\x05\x00\xff\xff\xff\xff"
	ok(t, unix.Setxattr(root+"/d", "system.posix_acl_default", []byte(acl), 0))
	ok(t, WriteFile(root+"/d/old", []byte("x"), Attr{Mode: 0o644}))
	ok(t, WriteFile(root+"/d/new", []byte("x"), Attr{Mode: 0o644}))
	for path, want := range map[string]bool{"/d/old": false, "/d/new": true} {
		got, err := open(t, root+path).Xattrs()
		if _, has := got["system.posix_acl_access"]; err != nil || has != want {
			t.Errorf("%s: %v %v", path, got, err)
		}
	}
	ok(t, Mkdir(root+"/d/exact", Attr{Mode: 0o750, UID: 5, GID: 6}, map[string][]byte{"user.x": []byte("1")}))
	ok(t, Mkdir(root+"/d/plain", Attr{Mode: 0o750}, nil))
	for path, want := range map[string]int{"/d/exact": 1, "/d/plain": 2} {
		if got, err := open(t, root+path).Xattrs(); err != nil || len(got) != want {
			t.Errorf("%s: %v %v", path, got, err)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	root := place(t, "/d/file", "/his -> d@")
	for path, want := range map[string]string{
		"/lacks/x":                       "no such file",
		"/d/file/x":                      "not a directory",
		"/his/x":                         "does not belong to root",
		"/d/" + strings.Repeat("n", 300): "file name too long",
	} {
		for name, err := range map[string]error{
			"WriteFile":  WriteFile(root+path, nil, Attr{Mode: 0o600}),
			"WriteExact": WriteExact(root+path, nil, File{}),
			"CopyFile":   CopyFile(root+"/d/file", root+path),
		} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "write "+root+path) {
				t.Errorf("%s %s: %v", name, path, err)
			}
		}
	}
	for path, want := range map[string]error{"/lacks": os.ErrNotExist, "/d": nil} {
		if err := CopyFile(root+path, root+"/copy"); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("copy of %s: %v", path, err)
		}
	}
	if got := list(t, root+"/d"); got != "file" {
		t.Error("left behind:", got)
	}
}

// TestFullDisk fills the file system while a file is replaced: the old one stays.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	root := place(t, "/d/")
	ok(t, unix.Mount("tmpfs", root+"/d", "tmpfs", 0, "size=64k"))
	defer unix.Unmount(root+"/d", unix.MNT_DETACH)
	ok(t, WriteFile(root+"/d/x", []byte("old"), Attr{Mode: 0o600}))
	ok(t, os.WriteFile(root+"/big", make([]byte, 1<<20), 0o600))
	for name, err := range map[string]error{
		"WriteFile": WriteFile(root+"/d/x", make([]byte, 1<<20), Attr{Mode: 0o644}),
		"CopyFile":  CopyFile(root+"/big", root+"/d/x"),
	} {
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := os.ReadFile(root + "/d/x"); err != nil || string(got) != "old" || list(t, root+"/d") != "x" {
		t.Errorf("%q %v; left: %s", got, err, list(t, root+"/d"))
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	root := place(t, "/etc/file", "/etc/empty", "/etc/link -> file", "/etc/his -> file@", "/etc/dir/")
	ok(t, os.Truncate(root+"/etc/empty", 0))
	ok(t, unix.Mkfifo(root+"/etc/fifo", 0o600))
	for path, want := range map[string]string{"/etc/file": "/etc/file", "/etc/link": "/etc/file", "/etc/empty": ""} {
		if got, err := ReadFile(root+path, 9); err != nil || got == nil || string(got) != want {
			t.Errorf("%s: %q %v", path, got, err)
		}
	}
	for _, path := range []string{"/etc/his", "/etc/fifo", "/etc/dir", "/etc/lacks"} {
		if got, err := ReadFile(root+path, 9); err == nil {
			t.Errorf("%s: %q", path, got)
		}
	}
	if _, err := ReadFile(root+"/etc/file", 8); err == nil || !strings.Contains(err.Error(), "more than 8 bytes") {
		t.Error(err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	root := place(t, "/file", "/link -> file", "/empty/", "/full/x", "/d -> full", "/his -> full@")
	for _, path := range []string{"/link", "/empty", "/lacks", "/lacks/x", "/file/x", "/d/x", "/file"} {
		ok(t, Remove(root+path))
	}
	if got := list(t, root); got != "d full his" {
		t.Error(got)
	}
	ok(t, os.WriteFile(root+"/full/x", nil, 0o600))
	if err := Remove(root + "/full"); !errors.Is(err, unix.ENOTEMPTY) || !strings.Contains(err.Error(), root+"/full") {
		t.Error(err)
	}
	if err := Remove(root + "/his/x"); !errors.As(err, new(*LinkError)) {
		t.Error(err)
	}
	for _, path := range []string{"/full", "/lacks", "/lacks/x", "/full/x", "/full/x/y"} { // holds something, is not there, is none
		ok(t, RemoveEmpty(root+path))
	}
	ok(t, os.Mkdir(root+"/full/sub", 0o700))
	ok(t, RemoveEmpty(root+"/d/sub"))
	if got := list(t, root+"/full"); got != "x" {
		t.Error(got)
	}
}

// TestSyncFSOpensNoFIFO: whoever owns the folder may put one in a path's place,
// and opening it waits until somebody writes to it.
func TestSyncFSOpensNoFIFO(t *testing.T) {
	t.Parallel()
	root := place(t, "/d/file", "/l -> d", "/his -> d@")
	ok(t, unix.Mkfifo(root+"/d/fifo", 0o600))
	ok(t, unix.Mknod(root+"/d/dev", unix.S_IFCHR|0o600, int(unix.Mkdev(240, 77)))) // no driver: opening it fails
	ok(t, SyncFS(root+"/d/fifo", root+"/d/dev", root+"/d/file", root+"/l", root+"/lacks", root+"/lacks/x", root+"/d/file/x"))
	if err := SyncFS(root + "/his"); !errors.As(err, new(*LinkError)) || !strings.Contains(err.Error(), "sync") {
		t.Error(err)
	}
	ok(t, SyncDir(root+"/l"))
	ok(t, SyncDir(root+"/lacks"))
	if err := SyncDir(root + "/d/file"); !errors.Is(err, unix.ENOTDIR) {
		t.Error(err)
	}
}

func TestMkdirAt(t *testing.T) {
	t.Parallel()
	root := place(t, "/d/file")
	dir, err := OpenDir(root + "/d")
	ok(t, err)
	defer dir.Close()
	made, err := MkdirAt(dir, "new")
	ok(t, err)
	defer made.Close()
	if info, err := made.Stat(); err != nil || info.Mode() != os.ModeDir|0o700 || made.Name() != filepath.Join(root, "d/new") {
		t.Error(info, err)
	}
	for _, name := range []string{"new", "file"} {
		if _, err := MkdirAt(dir, name); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
