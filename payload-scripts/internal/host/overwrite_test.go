package host

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFileThatIsAMount: what cannot be replaced is written in place, in full and
// with all attributes, whoever has it open.
func TestFileThatIsAMount(t *testing.T) {
	t.Parallel()
	root := place(t, "/real/conf", "/etc/conf")
	ok(t, unix.Mount(root+"/real/conf", root+"/etc/conf", "", unix.MS_BIND, ""))
	defer unix.Unmount(root+"/etc/conf", unix.MNT_DETACH)
	ok(t, unix.Setxattr(root+"/real/conf", "user.mine", []byte("1"), 0))
	for _, data := range []string{strings.Repeat("longer than before ", 1000), "short", ""} {
		ok(t, WriteFile(root+"/etc/conf", []byte(data), Attr{Mode: 0o640, UID: 3, GID: 4}))
		n := open(t, root+"/real/conf")
		xattrs, err := n.Xattrs()
		ok(t, err)
		got, err := n.Read(1 << 20)
		if err != nil || string(got) != data || n.Stat.Mode&0o7777 != 0o640 || n.Stat.Uid != 3 || n.Stat.Gid != 4 || string(xattrs["user.mine"]) != "1" {
			t.Errorf("%d bytes, %v, mode %o, %v", len(got), err, n.Stat.Mode, xattrs)
		}
	}
	when := unix.NsecToTimespec(1234567890123456789)
	ok(t, WriteExact(root+"/etc/conf", []byte("exact"), File{Attr: Attr{Mode: 0o600}, MTime: when}))
	n := open(t, root+"/real/conf")
	if xattrs, err := n.Xattrs(); err != nil || len(xattrs) > 0 || n.Stat.Mtim != when || n.Stat.Uid != 0 {
		t.Errorf("%v %v %+v", xattrs, err, n.Stat)
	}
	if got := list(t, root+"/etc") + " " + list(t, root+"/real"); got != "conf conf" {
		t.Error("left behind:", got)
	}
	if err := Remove(root + "/etc/conf"); err == nil {
		t.Error("a mount was removed")
	}
}

// TestMountOnAFullDisk: the file is on another file system than its folder, and
// that is full.
func TestMountOnAFullDisk(t *testing.T) {
	t.Parallel()
	root := place(t, "/small/", "/etc/conf")
	ok(t, unix.Mount("tmpfs", root+"/small", "tmpfs", 0, "size=64k"))
	defer unix.Unmount(root+"/small", unix.MNT_DETACH)
	ok(t, os.WriteFile(root+"/small/conf", []byte("old"), 0o600))
	ok(t, unix.Mount(root+"/small/conf", root+"/etc/conf", "", unix.MS_BIND, ""))
	defer unix.Unmount(root+"/etc/conf", unix.MNT_DETACH)
	err := WriteFile(root+"/etc/conf", make([]byte, 1<<20), Attr{Mode: 0o600})
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
	if got := list(t, root+"/etc"); got != "conf" {
		t.Error("left behind:", got)
	}
	ok(t, WriteFile(root+"/etc/conf", []byte("old"), Attr{Mode: 0o600})) // as the way back does
	if got, err := os.ReadFile(root + "/small/conf"); err != nil || string(got) != "old" {
		t.Errorf("%q %v", got, err)
	}
}
