package pkgfile

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// user is the product's user, who owns folders of the packages.
const user = 991

// newRoot is an empty folder that stands for the host's root.
func newRoot(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	dir, err := os.MkdirTemp("/var/tmp", "pkgfile") // a file system with user attributes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// write makes a file with its folders.
func write(t *testing.T, root, path, body string) {
	t.Helper()
	at := root + path
	must(t, os.MkdirAll(filepath.Dir(at), 0o755))
	must(t, os.WriteFile(at, []byte(body), 0o644))
	must(t, os.Chmod(at, 0o644))
}

func symlink(t *testing.T, root, path, to string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(root+path), 0o755))
	must(t, os.Symlink(to, root+path))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file is what a package says of a regular file of root's.
func file(path, body string) Want {
	return Want{Package: "p", Path: path, Mode: 0o644, Size: int64(len(body)), Digest: sha(body), Algo: crypto.SHA256}
}

func dir(path string) Want { return Want{Package: "p", Path: path, Mode: fs.ModeDir | 0o755} }

func link(path, to string) Want {
	return Want{Package: "p", Path: path, Mode: fs.ModeSymlink | 0o777, Link: to}
}

func sha(body string) string {
	sum := crypto.SHA256.New()
	sum.Write([]byte(body))
	return hex.EncodeToString(sum.Sum(nil))
}

// byPath makes of wanted files what Save takes.
func byPath(all ...Want) map[string]Want {
	out := map[string]Want{}
	for _, w := range all {
		out[w.Path] = w
	}
	return out
}

// snapshot tells everything that this package promises to bring back, a line for each file.
func snapshot(t *testing.T, root string) string {
	t.Helper()
	names := map[uint64]string{}
	var lines []string
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		n, err := host.OpenPath(path)
		if err != nil {
			return err
		}
		defer n.Close()
		rel := strings.TrimPrefix(path, root)
		line := fmt.Sprintf("%q %s %d:%d", rel, GoMode(n.Stat.Mode), n.Stat.Uid, n.Stat.Gid)
		switch n.Stat.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			body, err := n.Read(1 << 20)
			if err != nil {
				return err
			}
			if names[n.Stat.Ino] == "" {
				names[n.Stat.Ino] = rel
			}
			line += fmt.Sprintf(" %q of %d %s", names[n.Stat.Ino], n.Stat.Mtim.Nano(), body)
		case unix.S_IFLNK:
			to, err := n.Link()
			if err != nil {
				return err
			}
			line += " -> " + to
		}
		xattrs, err := n.Xattrs()
		for _, name := range sortedKeys(withoutLabels(xattrs)) {
			line += fmt.Sprintf(" %s=%x", name, xattrs[name])
		}
		lines = append(lines, line)
		return err
	}))
	return strings.Join(lines, "\n")
}

func sortedKeys(m map[string][]byte) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// capability is what setcap cap_net_bind_service+ep writes; acl gives user 7 r-x.
var (
	capability = []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	acl        = []byte("\x02\x00\x00\x00" +
		"\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x05\x00\x07\x00\x00\x00" + "\x04\x00\x05\x00\xff\xff\xff\xff" +
		"\x10\x00\x05\x00\xff\xff\xff\xff" + "\x20\x00\x05\x00\xff\xff\xff\xff")
)

const (
	capabilityName = "security.capability"
	aclName        = "system.posix_acl_access"
)

func setXattr(t *testing.T, path, name string, value []byte) {
	t.Helper()
	if err := unix.Lsetxattr(path, name, value, 0); err != nil {
		t.Fatalf("%s of %s: %v", name, path, err)
	}
}
