package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// user is somebody who is not root.
const user = 991

// place makes folders, files ("/x" has the content "/x") and links ("/x -> to")
// in a folder that stands for the root; "name@" gives the last of them to user.
func place(t *testing.T, what ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range what {
		w, his := strings.CutSuffix(w, "@")
		path, to, isLink := strings.Cut(w, " -> ")
		at := filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(to, at)
		case strings.HasSuffix(path, "/"):
			err = os.MkdirAll(at, 0o755)
		default:
			err = os.WriteFile(at, []byte(path), 0o644)
		}
		if err == nil && his {
			err = os.Lchown(at, user, user)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestResolve(t *testing.T) {
	t.Parallel()
	root := place(t,
		"/etc/app.conf", "/etc/link -> app.conf", "/etc/abs -> /srv/app.conf", "/srv/app.conf", "/etc/up -> ../srv/app.conf",
		"/opt -> /data/opt", "/data/opt/app/file", "/etc/far -> ../../../../../srv/app.conf", "/etc/dangling -> nowhere",
		"/etc/loop -> loop", "/etc/a -> b", "/etc/b -> a", "/etc/his -> app.conf@",
		"/home/user/@", "/home/user/root-link -> /srv/app.conf", "/home/user/file", "/home/user/dir/file", "/home/user/dir/link -> file",
		"/home/in -> user/dir/file", "/var/lib/app -> /home/user",
	)
	for _, c := range []struct{ path, want, err string }{
		{"/", "", ""},
		{"/etc/app.conf", "/etc/app.conf", ""},
		{"//etc/./app.conf/", "/etc/app.conf", ""},
		{"/etc/../srv/app.conf", "/srv/app.conf", ""},
		{"/../../etc/app.conf", "/etc/app.conf", ""},
		{"/etc/link", "/etc/app.conf", ""},
		{"/etc/abs", "/srv/app.conf", ""},
		{"/etc/up", "/srv/app.conf", ""},
		{"/etc/far", "/srv/app.conf", ""},
		{"/opt/app/file", "/data/opt/app/file", ""},
		{"/opt/app/lacks/below", "/data/opt/app/lacks/below", ""},
		{"/etc/dangling", "/etc/nowhere", ""},
		{"/etc/lacks/../../srv/x", "/srv/x", ""},
		{"/etc/lacks/../../../srv/x", "/srv/x", ""},
		{"/etc/app.conf/below", "/etc/app.conf/below", ""}, // a file where a folder should be
		{"/etc/loop", "", "more than 40 links"},
		{"/etc/a", "", "more than 40 links"},
		{"/etc/his", "", "does not belong to root"},
		{"/home/user/file", "/home/user/file", ""},
		{"/home/user/dir/file", "/home/user/dir/file", ""},
		{"/home/in", "/home/user/dir/file", ""}, // a link of root's in a folder of root's
		{"/var/lib/app/file", "/home/user/file", ""},
		{"/home/user/root-link", "", "may change " + root + "/home/user,"}, // he may have renamed it
		{"/home/user/dir/link", "", "may change " + root + "/home/user,"},  // the folder is root's, the one above is not
		{"/var/lib/app/root-link", "", "may change " + root + "/home/user,"},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			got, _, err := Resolve(root, c.path)
			if c.err == "" {
				if err != nil || got != filepath.Join(root, c.want) {
					t.Errorf("%s %v, want %s", got, err, c.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s %v, want %s", got, err, c.err)
			}
		})
	}
	_, links, err := Resolve(root, "/opt/../etc/up")
	if err != nil || len(links) != 1 || links[0].Path != Name(root+"/opt") || links[0].To != "/data/opt" || links[0].MTime == 0 { // ".." is that of the place that /opt leads to: there is no /data/etc
		t.Errorf("%v %v", links, err)
	}
}

// TestFoldersThatOthersMayChange asks for each kind of folder whether a link of
// root's in it is followed.
func TestFoldersThatOthersMayChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode     uint32
		uid, gid int
		follow   bool
	}{
		"root's":                      {0o755, 0, 0, true},
		"root's, of another group":    {0o755, 0, user, true},
		"the user's":                  {0o755, user, user, false},
		"the user's, not writable":    {0o555, user, user, false}, // he can change that
		"his group may write":         {0o775, 0, user, false},
		"root's group may write":      {0o775, 0, 0, true},
		"all may write":               {0o777, 0, 0, false},
		"all may write, sticky":       {0o1777, 0, 0, true},
		"the user's, sticky":          {0o1777, user, user, false},
		"his group may write, sticky": {0o1775, 0, user, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := place(t, "/a/file", "/a/link -> file", "/a/below/link -> ../file")
			if err := errors.Join(os.Chown(root+"/a", c.uid, c.gid), unix.Chmod(root+"/a", c.mode)); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/a/link", "/a/below/link"} {
				_, _, err := Resolve(root, path)
				if l := (*LinkError)(nil); (err == nil) != c.follow || err != nil && (!errors.As(err, &l) || l.Folder != root+"/a") {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
}

func TestOpenParentAndDir(t *testing.T) {
	t.Parallel()
	root := place(t, "/data/app/file", "/opt -> data", "/his -> data@", "/file", "/data/link -> file")
	for path, want := range map[string]string{"/opt/app/file": "/data/app", "/opt/app/new": "/data/app", "/opt/app": "/data", "/opt": "/", "/opt/link": "/data"} {
		dir, base, err := OpenParent(root + path)
		if err != nil || dir.Name() != filepath.Join(root, want) || base != filepath.Base(path) {
			t.Errorf("%s: %v %s %v", path, dir, base, err)
		}
		_ = dir.Close()
	}
	for path, want := range map[string]error{"/lacks/x": os.ErrNotExist, "/file/x": unix.ENOTDIR} {
		if _, _, err := OpenParent(root + path); !errors.Is(err, want) || !strings.Contains(err.Error(), root) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := OpenParent(root + "/his/x"); !errors.As(err, new(*LinkError)) {
		t.Error(err)
	}
	if _, _, err := OpenParent("/"); err == nil {
		t.Error("the root has a folder above")
	}
	dir, err := OpenDir(root + "/opt/app")
	if err != nil {
		t.Fatal(err)
	}
	if names, err := dir.Readdirnames(-1); err != nil || fmt.Sprint(names) != "[file]" {
		t.Error(names, err)
	}
	_ = dir.Close()
	for path, want := range map[string]error{"/lacks": os.ErrNotExist, "/file": unix.ENOTDIR, "/opt/app/file": unix.ENOTDIR} {
		if _, err := OpenDir(root + path); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if n, err := OpenPath(root + "/opt"); err != nil {
		t.Error(err)
	} else if to, err := n.Link(); err != nil || to != "data" {
		t.Error("the last part is followed:", to, err)
	}
}

// TestNoDescriptorIsLeft walks over every kind of end.
func TestNoDescriptorIsLeft(t *testing.T) {
	root := place(t, "/d/e/file", "/l -> d", "/his -> d@", "/loop -> loop")
	open := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := open()
	for _, path := range []string{"/d/e/file", "/l/e", "/his/e", "/loop", "/d/lacks/x", "/d/e/file/x", "/l/../l/e/.."} {
		at := root + path
		_, _, _ = Resolve(root, path)
		if d, _, err := OpenParent(at); err == nil {
			_ = d.Close()
		}
		if d, err := OpenDir(at); err == nil {
			_ = d.Close()
		}
		if n, err := OpenPath(at); err == nil {
			n.Close()
		}
		_, _ = ReadFile(at, 10)
		_ = SyncFS(at)
		_ = SyncDir(at)
		_ = WriteFile(at+"/sub", []byte("x"), Attr{Mode: 0o600})
		_ = Remove(at + "/sub")
		_ = Sweep(at)
	}
	if after := open(); after != before {
		t.Errorf("%d open files became %d", before, after)
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"/a/b", "../..", "/link/../x", "//./a/", "a\x00b", "lacks/../..", strings.Repeat("../", 100) + "etc", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	root := f.TempDir()
	for _, d := range []string{"/a/b", "/data"} {
		if err := os.MkdirAll(root+d, 0o755); err != nil {
			f.Fatal(err)
		}
	}
	for from, to := range map[string]string{"/link": "/data", "/a/up": "../..", "/a/b/self": "."} {
		if err := os.Symlink(to, root+from); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, _, err := Resolve(root, path)
		if err == nil && got != root && !strings.HasPrefix(got, root+"/") {
			t.Errorf("%q leads out of the root, to %q", path, got)
		}
	})
}
