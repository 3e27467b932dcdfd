package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, path string) *Inode {
	t.Helper()
	n, err := OpenInode(unix.AT_FDCWD, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func TestInode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, name := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", name); err != nil {
		t.Fatal(err)
	}
	before := open(t, target).Stat
	link := open(t, name)
	if to, err := link.Link(); err != nil || to != "target" {
		t.Error(to, err)
	}
	if _, err := link.Open(); err == nil {
		t.Error("a link was opened")
	}
	mtime := unix.NsecToTimespec(1234567890123456789)
	if err := link.SetAttr(Attr{Mode: 0o777, UID: 3, GID: 4}, nil, mtime); err != nil {
		t.Error(err)
	}
	if st := open(t, name).Stat; st.Uid != 3 || st.Gid != 4 || st.Mtim != mtime {
		t.Errorf("%+v", st)
	}
	if st := open(t, target).Stat; st != before {
		t.Errorf("the link was followed: %+v", st)
	}
	long := bytes.Repeat([]byte("x"), 2000)
	want := map[string][]byte{"user.a": []byte("1"), "user." + strings.Repeat("b", 200): long}
	file := open(t, target)
	if err := file.SetXattrs(map[string][]byte{"user.gone": nil}); err != nil {
		t.Fatal(err)
	}
	if err := file.SetAttr(Attr{Mode: 0o755 | os.ModeSetuid, UID: 1, GID: 2}, want, mtime); err != nil {
		t.Fatal(err)
	}
	got, err := file.Xattrs()
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error(got, err)
	}
	if st := open(t, target).Stat; st.Mode != unix.S_IFREG|unix.S_ISUID|0o755 || GoMode(st.Mode) != 0o755|os.ModeSetuid {
		t.Errorf("%o", st.Mode)
	}
}

// TestModeBesideAnACL: the mode is the one that is wanted, whatever an ACL would make of it.
func TestModeBesideAnACL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	access := "\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\x21\x00\x00\x00" + // user 33 reads
		"\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	for _, mode := range []os.FileMode{0o640, 0o600, 0o2664} {
		mode = GoMode(uint32(mode))
		xattrs := map[string][]byte{"system.posix_acl_access": []byte(access)}
		if err := open(t, path).SetAttr(Attr{Mode: mode}, xattrs, unix.Timespec{Sec: 1}); err != nil {
			t.Fatal(err)
		}
		n := open(t, path)
		if got := GoMode(n.Stat.Mode); got != mode {
			t.Errorf("%v, want %v", got, mode)
		}
		if has, err := n.Xattrs(); err != nil || has["system.posix_acl_access"] == nil {
			t.Error(has, err)
		}
	}
}

func TestCopyDataKeepsHoles(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(*os.File) error{
		"empty":    func(*os.File) error { return nil },
		"one hole": func(f *os.File) error { return f.Truncate(8 << 20) },
		"data, hole, data": func(f *os.File) error {
			if _, err := f.WriteString("begin"); err != nil {
				return err
			}
			_, err := f.WriteAt([]byte("end"), 8<<20)
			return err
		},
		"hole at the end": func(f *os.File) error {
			if _, err := f.WriteString("begin"); err != nil {
				return err
			}
			return f.Truncate(8 << 20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			src, err := os.Create(filepath.Join(dir, "src"))
			if err != nil {
				t.Fatal(err)
			}
			dst, err := os.Create(filepath.Join(dir, "dst"))
			if err != nil {
				t.Fatal(err)
			}
			if err := fill(src); err != nil {
				t.Fatal(err)
			}
			if err := CopyData(dst, src); err != nil {
				t.Fatal(err)
			}
			a, _ := os.ReadFile(src.Name())
			b, _ := os.ReadFile(dst.Name())
			if !bytes.Equal(a, b) {
				t.Errorf("%d bytes became %d others", len(a), len(b))
			}
			if blocks := open(t, dst.Name()).Stat.Blocks; blocks > 256 {
				t.Errorf("the copy takes %d blocks", blocks)
			}
		})
	}
}
