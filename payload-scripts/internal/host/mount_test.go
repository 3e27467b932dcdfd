package host

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadMounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, want string }{
		"a disk":           {"29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw", "/ (ext4)"},
		"no optional part": {"30 29 8:2 / /opt rw - xfs /dev/mapper/vg-opt rw,seclabel", "/opt (xfs)"},
		"several":          {"30 29 8:2 / /opt rw shared:1 master:2 propagate_from:3 - xfs /dev/sdb rw", "/opt (xfs)"},
		"a bind mount":     {"31 29 8:1 /srv/res /opt/app/res rw - ext4 /dev/sda1 rw", "/opt/app/res (ext4 from /srv/res)"},
		"NFS":              {"32 29 0:50 / /data rw - nfs4 server:/export rw,vers=4.2", "/data (nfs4 server:/export)"},
		"CIFS":             {"33 29 0:51 / /data rw - cifs //server/share rw", "/data (cifs //server/share)"},
		"blanks":           {`34 29 8:3 /a\040b /mnt/x\040y\011z\134 rw - ext4 /dev/sda3 rw`, "/mnt/x y\tz\\ (ext4 from /a b)"},
		"not octal":        {`35 29 8:3 / /mnt/\999\4 rw - ext4 /dev/sda3 rw`, `/mnt/\999\4 (ext4)`},
		"no source":        {"36 29 0:52 / /run rw - tmpfs  rw", "/run (tmpfs)"},
		"a removed folder": {`37 29 8:1 /gone//deleted /mnt/g rw - ext4 /dev/sda1 rw`, "/mnt/g (ext4 from /gone//deleted)"},
		"cut off":          {"38 29 8:1 / /mnt", ""},
		"no second half":   {"39 29 8:1 / /mnt rw shared:1", ""},
		"empty":            {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readMounts(strings.NewReader(c.line + "\n"))
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "mounts") {
					t.Error(got, err)
				}
				return
			}
			if err != nil || len(got) != 1 || got[0].String() != c.want {
				t.Errorf("%v %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestMounts(t *testing.T) {
	t.Parallel()
	root := place(t, "/a b/", "/bound", "/target")
	ok(t, unix.Mount("tmpfs", root+"/a b", "tmpfs", 0, ""))
	defer unix.Unmount(root+"/a b", unix.MNT_DETACH)
	ok(t, unix.Mount(root+"/bound", root+"/target", "", unix.MS_BIND, ""))
	defer unix.Unmount(root+"/target", unix.MNT_DETACH)
	all, err := Mounts()
	ok(t, err)
	if !slices.Contains(all, Mount{Point: root + "/a b", Type: "tmpfs", Root: "/"}) {
		t.Error("the tmpfs is not among them")
	}
	bound := slices.IndexFunc(all, func(m Mount) bool { return m.Point == root+"/target" })
	if bound < 0 || !strings.HasSuffix(all[bound].Root, "/bound") {
		t.Errorf("the bound file: %d", bound)
	}
}

func FuzzReadMounts(f *testing.F) {
	f.Add("29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n30 29 0:5 / /a\\040b rw - tmpfs none rw\n")
	f.Add("1 1 1:1 \\ \\0 x - \\ \\777")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readMounts(strings.NewReader(text))
		if err != nil && len(got) > 0 {
			t.Error("a list and an error")
		}
		for _, m := range got {
			if m.Type == "" || m.Point == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

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
