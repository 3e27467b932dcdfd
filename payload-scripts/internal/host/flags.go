package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Flags of an inode that chattr sets, FS_*_FL of linux/fs.h.
const (
	immutable  = 0x10
	appendOnly = 0x20
	// Frozen are the flags with which not even root may replace, rename or remove a file.
	Frozen = immutable | appendOnly
	// settable are those that are kept: also synchronous, left out of dumps, without access times.
	settable = Frozen | 0x08 | 0x40 | 0x80
)

// Flags returns the flags of a regular file or folder; 0 of anything else, and
// where the file system has none.
func (n *Inode) Flags() (uint32, error) {
	f, err := n.openForFlags()
	if err != nil || f == nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // read only
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return 0, nil //nolint:nilerr // a file system without flags
	}
	return flags & settable, nil
}

// SetFlags sets those that Flags returns, and leaves all others.
func (n *Inode) SetFlags(want uint32) error {
	f, err := n.openForFlags()
	if err != nil || f == nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	have, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil || have&settable == want&settable {
		return nil //nolint:nilerr // a file system without flags
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(have&^settable|want&settable)); err != nil {
		return fmt.Errorf("set the flags of %s (chattr): %w", n.name, err)
	}
	return nil
}

func (n *Inode) openForFlags() (*os.File, error) {
	if kind := n.Stat.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, nil
	}
	return n.Open()
}

// Thaw takes the flags away that keep root from changing the inode, and returns
// whether there were any.
func (n *Inode) Thaw() (bool, error) {
	have, err := n.Flags()
	if err != nil || have&Frozen == 0 {
		return false, err
	}
	return true, n.SetFlags(have &^ Frozen)
}
