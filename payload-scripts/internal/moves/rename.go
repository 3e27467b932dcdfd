package moves

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// rename gives the file or folder at from the path to, where nothing may be; both lie on one file
// system. The inode says which file it must be: another one is not renamed. Links on the way are
// followed as by host.Resolve, from and to themselves are not. It is durable once both folders are
// (host.SyncDir).
func rename(from, to string, inode uint64) error {
	fail := func(err error) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: err} }
	fromDir, fromBase, err := host.OpenParent(from)
	if err != nil {
		return err
	}
	defer fromDir.Close() //nolint:errcheck // the caller syncs
	toDir, toBase, err := host.OpenParent(to)
	if err != nil {
		return err
	}
	defer toDir.Close() //nolint:errcheck // the caller syncs
	n, err := host.OpenInode(int(fromDir.Fd()), fromBase)
	if err != nil {
		return fail(err)
	}
	is := n.Stat.Ino
	n.Close()
	if is != inode {
		return fail(errors.New("somebody replaced it meanwhile"))
	}
	host.Point("rename", to)
	err = unix.Renameat2(int(fromDir.Fd()), fromBase, int(toDir.Fd()), toBase, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) { // a kernel or file system that does not know the flag
		var st unix.Stat_t
		if err := unix.Fstatat(int(toDir.Fd()), toBase, &st, unix.AT_SYMLINK_NOFOLLOW); !errors.Is(err, unix.ENOENT) {
			return fail(errors.Join(unix.EEXIST, err))
		}
		err = unix.Renameat(int(fromDir.Fd()), fromBase, int(toDir.Fd()), toBase)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}
