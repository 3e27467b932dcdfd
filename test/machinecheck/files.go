package machinecheck

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/test/host"
)

// Files returns the digest, mode and owner of every file below the folders, by path, but
// for the bundle's own below /opt. A folder that is not there has none.
func Files(t testing.TB, m *host.Machine, folders ...string) map[string]string {
	t.Helper()
	root, err := m.Inside("/")
	if err != nil {
		t.Fatal(err)
	}
	users, groups := names(t, root+"/etc/passwd"), names(t, root+"/etc/group")
	found := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(root+folder, func(at string, _ fs.DirEntry, err error) error {
			path := strings.TrimPrefix(at, root)
			if path == "/opt/"+Prefix {
				return fs.SkipDir
			}
			if err == nil {
				found[path], err = look(m, at, path, users, groups)
			}
			if errors.Is(err, fs.ErrNotExist) { // it is gone by now
				delete(found, path)
				return nil
			}
			return err
		})
		if err != nil {
			t.Fatalf("look at %s: %v", folder, err)
		}
	}
	return found
}

// look tells a file's type, mode, owner and content or target.
func look(m *host.Machine, at, path string, users, groups map[string]string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(at, &st); err != nil {
		return "", &fs.PathError{Op: "lstat", Path: at, Err: err}
	}
	kind := map[uint32]string{unix.S_IFREG: "f", unix.S_IFDIR: "d", unix.S_IFLNK: "l", unix.S_IFIFO: "p", unix.S_IFSOCK: "s", unix.S_IFCHR: "c", unix.S_IFBLK: "b"}[st.Mode&unix.S_IFMT]
	is := fmt.Sprintf("%s %o %s:%s", kind, st.Mode&0o7777, name(users, st.Uid), name(groups, st.Gid))
	switch kind {
	case "l":
		target, err := os.Readlink(at)
		return is + " " + target, err
	case "f":
		sum, err := sumOf(m, at, path, &st)
		return is + " " + sum, err
	}
	return is, nil
}

func name(names map[string]string, id uint32) string {
	if n, ok := names[fmt.Sprint(id)]; ok {
		return n
	}
	return fmt.Sprint(id)
}

// names reads a machine's users or groups, by number. The first of a number counts.
func names(t testing.TB, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	found := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) > 2 && found[fields[2]] == "" {
			found[fields[2]] = fields[0]
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// sums are the digests of files that were read before, by [sumKey].
var sums sync.Map

// sumOf returns a file's digest, of which the same file is read once.
func sumOf(m *host.Machine, at, path string, st *unix.Stat_t) (string, error) {
	key := sumKey(m, path, st)
	if sum, known := sums.Load(key); known {
		return sum.(string), nil
	}
	f, err := os.OpenFile(at, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	sum := fmt.Sprintf("%x", h.Sum(nil))
	sums.Store(key, sum)
	return sum, nil
}

// sumKey is what a file must share with one that was read before to have its digest:
// path, inode, size and the time of the last change, which nobody can set. A file that was
// changed since the machine was made is known on that machine only; older ones lie
// in layers, which machines share.
func sumKey(m *host.Machine, path string, st *unix.Stat_t) string {
	stat := fmt.Sprintf("%d %d %d.%09d", st.Ino, st.Size, st.Ctim.Sec, st.Ctim.Nsec)
	if !time.Unix(st.Ctim.Unix()).Before(m.Made().Add(-time.Second)) {
		return fmt.Sprintf("%p %s %s", m, path, stat)
	}
	return path + " " + stat
}
