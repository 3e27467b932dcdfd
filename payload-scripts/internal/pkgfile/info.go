package pkgfile

import "io/fs"

// Info is what is at a path of the host.
type Info struct {
	Mode  fs.FileMode // of a link itself
	Size  int64
	Inode [2]uint64 // device and number: of hard links the same
}

// Stat returns what is at a path, nil when nothing is. A link there is not followed.
func Stat(path string) (*Info, error) {
	n, err := open(path)
	if err != nil || n == nil {
		return nil, err
	}
	defer n.Close()
	return &Info{Mode: GoMode(n.Stat.Mode), Size: n.Stat.Size, Inode: [2]uint64{n.Stat.Dev, n.Stat.Ino}}, nil
}

// IsFolder reports whether a folder is at a path, or a link of root's that leads to one, which
// is as good to rpm.
func IsFolder(path string) (bool, error) {
	f, err := openFolder(path)
	if err != nil || f == nil {
		return false, err
	}
	f.Close()
	return true, nil
}
