package host

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	root := place(t, "/file", "/dir/", "/link -> file")
	ok(t, unix.Mkfifo(root+"/fifo", 0o600))
	for path, want := range map[string]uint32{"/file": Frozen | 0x40, "/dir": appendOnly, "/link": 0, "/fifo": 0} {
		n := open(t, root+path)
		ok(t, n.SetFlags(want|0x40)) // of links and FIFOs that is nothing
		ok(t, n.SetFlags(want))
		got, err := n.Flags()
		if err != nil || got != want {
			t.Errorf("%s: %#x %v, want %#x: has the file system of %s no flags?", path, got, err, want, os.TempDir())
		}
		was, err := n.Thaw()
		if err != nil || was != (want != 0) {
			t.Errorf("%s: thawed %t %v", path, was, err)
		}
		if got, err := n.Flags(); err != nil || got != want&^Frozen {
			t.Errorf("%s: %#x %v", path, got, err)
		}
		ok(t, n.SetFlags(0))
		if was, err := n.Thaw(); was || err != nil {
			t.Error(was, err)
		}
	}
	// What the file system sets by itself stays: extents of ext4.
	n := open(t, root+"/file")
	raw := func() uint32 {
		f, err := n.Open()
		ok(t, err)
		defer f.Close()
		flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
		ok(t, err)
		return flags
	}
	before := raw()
	ok(t, n.SetFlags(settable&^Frozen))
	ok(t, n.SetFlags(0))
	if after := raw(); after != before {
		t.Errorf("%#x became %#x", before, after)
	}
}

// TestFrozenFile: the errors of what root may not do name the file.
func TestFrozenFile(t *testing.T) {
	t.Parallel()
	root := place(t, "/d/file")
	n := open(t, root+"/d/file")
	ok(t, n.SetFlags(immutable))
	defer func() { ok(t, n.SetFlags(0)) }()
	for name, err := range map[string]error{
		"WriteFile":  WriteFile(root+"/d/file", nil, Attr{Mode: 0o600}),
		"WriteExact": WriteExact(root+"/d/file", nil, File{}),
		"Remove":     Remove(root + "/d/file"),
		"SetAttr":    n.SetAttr(Attr{Mode: 0o600}, nil, unix.Timespec{}),
		"SetXattrs":  n.SetXattrs(map[string][]byte{"user.x": nil}),
	} {
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := list(t, root+"/d"); got != "file" {
		t.Error("left behind:", got)
	}
}
