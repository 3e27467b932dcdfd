package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
)

// Path returns where the host sees the file name of the machine, on or off. What the
// machine keeps in memory (/run, /dev, /proc) is not seen there. An absolute symbolic
// link on the way leads into the host's own tree: do not follow one.
func (m *Machine) Path(name string) string {
	return filepath.Join(m.merged(), path.Clean("/"+name))
}

// Inside returns where the host sees the file name of a machine that is on as the machine itself does: with what it has mounted
// and what it keeps in memory. Absolute symbolic links lead into the host's own tree there too.
func (m *Machine) Inside(name string) (string, error) {
	pid, err := m.PID()
	if err != nil {
		return "", fmt.Errorf("look into the test machine: %w", err)
	}
	return filepath.Join("/proc", strconv.Itoa(pid), "root", path.Clean("/"+name)), nil
}

// CopyIn copies a file or a folder of the host to the path to in the machine, with
// permissions, owned by root. Folders on the way are made. A folder that is there is
// added to, a file is replaced whole.
func (m *Machine) CopyIn(from, to string) error {
	if err := copyTree(from, m.Path(to)); err != nil {
		return fmt.Errorf("copy %s into the test machine: %w", from, err)
	}
	return nil
}

// CopyOut copies a file or a folder of the machine to the host.
func (m *Machine) CopyOut(from, to string) error {
	if err := copyTree(m.Path(from), to); err != nil {
		return fmt.Errorf("copy %s out of the test machine: %w", from, err)
	}
	return nil
}

// WriteFile puts a file into the machine. Folders on the way are made.
func (m *Machine) WriteFile(name string, content []byte, mode os.FileMode) error {
	target := m.Path(name)
	if err := makeFolders(filepath.Dir(target)); err != nil {
		return fmt.Errorf("write %s in the test machine: %w", name, err)
	}
	if err := renameio.WriteFile(target, content, mode, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("write %s in the test machine: %w", name, err)
	}
	return nil
}

// ReadFile returns a file of the machine.
func (m *Machine) ReadFile(name string) ([]byte, error) {
	content, err := os.ReadFile(m.Path(name))
	if err != nil {
		return nil, fmt.Errorf("read %s of the test machine: %w", name, err)
	}
	return content, nil
}

// makeFolders makes the folders of path that lack, open to all whatever the umask.
func makeFolders(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := makeFolders(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chmod(path, 0o755)
}

// copyTree copies files, folders and symbolic links; anything else is an error.
func copyTree(from, to string) error {
	if err := makeFolders(filepath.Dir(to)); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return copyNode(name, filepath.Join(to, rel), info)
	})
}

func copyNode(from, to string, info os.FileInfo) error {
	switch info.Mode().Type() {
	case os.ModeDir:
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		return os.Chmod(to, info.Mode().Perm())
	case os.ModeSymlink:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return renameio.Symlink(link, to)
	case 0:
		return copyFile(from, to, info.Mode().Perm())
	default:
		return fmt.Errorf("%s is neither a file, a folder nor a link", from)
	}
}

func copyFile(from, to string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := renameio.NewPendingFile(to, renameio.WithPermissions(mode), renameio.IgnoreUmask())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.CloseAtomicallyReplace()
	}
	return errors.Join(err, out.Cleanup())
}
