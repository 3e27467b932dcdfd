package pkgfile

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

func TestRemove(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/file", "x")
	symlink(t, root, "/link", "full/f")
	must(t, os.Mkdir(root+"/empty", 0o755))
	write(t, root, "/full/f", "x")
	must(t, unix.Mkfifo(root+"/fifo", 0o600))
	for path, stays := range map[string]bool{"/file": false, "/link": false, "/empty": false, "/full": true, "/fifo": false, "/nothing": false, "/nowhere/x": false, "/full/f/x": false} {
		must(t, Remove(root+path))
		if _, err := os.Lstat(root + path); (err == nil) != stays {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(root + "/full/f"); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
	symlink(t, root, "/his", "full")
	must(t, os.Lchown(root+"/his", user, user))
	if err := Remove(root + "/his/f"); !errors.As(err, new(*host.LinkError)) {
		t.Errorf("below another's link: %v", err)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	write(t, root, "/full/f", "x")
	must(t, os.Mkdir(root+"/empty", 0o755))
	symlink(t, root, "/to-empty", "empty")
	symlink(t, root, "/to-file", "full/f")
	symlink(t, root, "/to-nothing", "nothing")
	for _, c := range []struct {
		path          string
		folder, empty bool
		entries       int
		mode          fs.FileMode // of what is there; 0 for nothing
	}{
		{"/full", true, false, 1, fs.ModeDir}, {"/empty", true, true, 0, fs.ModeDir}, {"/to-empty", true, false, 0, fs.ModeSymlink},
		{"/to-file", false, false, 0, fs.ModeSymlink}, {"/to-nothing", false, false, 0, fs.ModeSymlink}, {"/nothing", false, false, 0, 0},
	} {
		folder, err := IsFolder(root + c.path)
		must(t, err)
		empty, err := IsEmptyDir(root + c.path)
		must(t, err)
		entries, err := ReadDir(root + c.path)
		must(t, err)
		info, err := Stat(root + c.path)
		must(t, err)
		if folder != c.folder || empty != c.empty || len(entries) != c.entries || (info == nil) != (c.mode == 0) || info != nil && info.Mode.Type() != c.mode {
			t.Errorf("%s: folder %v, empty %v, %d entries, %+v", c.path, folder, empty, len(entries), info)
		}
	}
}
