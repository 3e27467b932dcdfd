package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Rename gives the file or folder at from the path to, where nothing may be; both lie on one file
// system. The inode says which file it must be: another one is not renamed. Links on the way are
// followed as by [Resolve], from and to themselves are not. It is durable once both folders are
// (SyncDir).
func Rename(from, to string, inode uint64) error {
	fail := func(err error) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: err} }
	fromDir, fromBase, err := OpenParent(from)
	if err != nil {
		return err
	}
	defer fromDir.Close() //nolint:errcheck // the caller syncs
	toDir, toBase, err := OpenParent(to)
	if err != nil {
		return err
	}
	defer toDir.Close() //nolint:errcheck // the caller syncs
	n, err := OpenInode(int(fromDir.Fd()), fromBase)
	if err != nil {
		return fail(err)
	}
	is := n.Stat.Ino
	n.Close()
	if is != inode {
		return fail(errReplaced)
	}
	Point("rename", to)
	err = unix.Renameat2(int(fromDir.Fd()), fromBase, int(toDir.Fd()), toBase, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) { // a kernel or file system that does not know the flag
		if there(toDir, toBase) {
			return fail(unix.EEXIST)
		}
		err = unix.Renameat(int(fromDir.Fd()), fromBase, int(toDir.Fd()), toBase)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}
