package pkgfile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/host"
)

// Look compares the file at path and says what is different, "" when nothing
// is, and whether that is only its mode or owner.
func (w Want) Look(path string) (got string, attr bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || isNotDir(err) {
		if w.May || w.Absent {
			return "", false, nil
		}
		return "it is missing", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if w.Absent || info.Mode().Type() != w.Mode.Type() {
		return "it is " + info.Mode().String(), false, nil
	}
	if w.Mode&fs.ModeSymlink != 0 {
		if w.Varies {
			return "", false, nil
		}
		got, err = w.lookLink(path)
		return got, false, err
	}
	if w.Mode.IsRegular() && !w.Varies {
		if got, err := w.lookContent(path, info); got != "" || err != nil {
			return got, false, err
		}
	}
	has := host.AttrOf(info)
	if w.Lax || has.Mode == w.Mode&^fs.ModeType && has.UID == w.UID && has.GID == w.GID {
		return "", false, nil
	}
	return fmt.Sprintf("it is %s %d:%d", info.Mode(), has.UID, has.GID), true, nil
}

func (w Want) lookLink(path string) (string, error) {
	target, err := os.Readlink(path)
	if err != nil || target == w.Link {
		return "", err
	}
	return "it is a link to " + target, nil
}

func (w Want) lookContent(path string, info fs.FileInfo) (string, error) {
	if info.Size() != w.Size {
		return fmt.Sprintf("it has %d bytes", info.Size()), nil
	}
	sum, err := Digest(path, w.Algo)
	if err != nil || strings.EqualFold(sum, w.Digest) {
		return "", err
	}
	return fmt.Sprintf("its %s is %s", w.Algo, short(sum)), nil
}

// Digest reads a file and returns the hex digest of its content.
func Digest(path string, algo rpmfile.Algo) (string, error) {
	sum := algo.New()
	if sum == nil {
		return "", fmt.Errorf("%s cannot be checked: %s is not known here", path, algo)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12] + "..."
	}
	return digest
}

// isNotDir tells that a path leads over a file.
func isNotDir(err error) bool { return errors.Is(err, unix.ENOTDIR) }
