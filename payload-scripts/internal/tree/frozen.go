package tree

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// thaw takes the flags off an open folder that forbid changing what is in it.
func thaw(dir *os.File) error {
	n, err := host.InodeOf(dir)
	if err != nil {
		return err
	}
	_, err = n.Thaw()
	return err
}

// thawed does what gives a name to a file or takes one from it, and once more with
// the flags off that forbid it; then the file has them again, for its other names.
func thawed(dir *os.File, name string, do func() error) error {
	err := do()
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	n, openErr := host.OpenInode(int(dir.Fd()), name)
	if openErr != nil {
		return err
	}
	defer n.Close()
	flags, openErr := n.Flags()
	if openErr != nil || flags&host.Frozen == 0 {
		return err
	}
	if openErr := n.SetFlags(flags &^ host.Frozen); openErr != nil {
		return err
	}
	return errors.Join(do(), n.SetFlags(flags))
}
