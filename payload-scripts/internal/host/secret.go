package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ReadSecret is [ReadFile] for a file that nobody but its owner, root or the caller, may read or write.
func ReadSecret(path string, limit int64) ([]byte, error) {
	n, err := openReal(path)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	switch {
	case n.Stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fmt.Errorf("%s is no regular file", path)
	case n.Stat.Uid != 0 && int(n.Stat.Uid) != os.Geteuid():
		return nil, fmt.Errorf("%s does not belong to root: chown root %s", path, path)
	case n.Stat.Mode&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: chmod 600 %s", path, path)
	}
	return n.Read(limit)
}
