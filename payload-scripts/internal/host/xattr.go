package host

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

type syscallStat = syscall.Stat_t

// copyXattrs gives dst the extended attributes of src: SELinux label, ACLs,
// capabilities. A file system without them is no error.
func copyXattrs(src, dst *os.File) error {
	buf := make([]byte, 64<<10)
	n, err := unix.Flistxattr(int(src.Fd()), buf)
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the extended attributes of %s: %w", src.Name(), err)
	}
	value := make([]byte, 64<<10)
	for _, name := range strings.Split(strings.TrimRight(string(buf[:n]), "\x00"), "\x00") {
		m, err := unix.Fgetxattr(int(src.Fd()), name, value)
		if err != nil {
			return fmt.Errorf("read attribute %s of %s: %w", name, src.Name(), err)
		}
		if err := unix.Fsetxattr(int(dst.Fd()), name, value[:m], 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("set attribute %s of %s: %w", name, dst.Name(), err)
		}
	}
	return nil
}
