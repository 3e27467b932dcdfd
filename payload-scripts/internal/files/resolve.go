package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/tree"
)

// maxLinks bounds how many symbolic links one path may lead over, as the kernel does.
const maxLinks = 40

// link is a symbolic link of root's that a path of the product leads over: an
// admin moved something to another disk.
type link struct {
	Path string `json:"path"`
	To   string `json:"to"`
}

// LinkError is a symbolic link on the way to a file of the product that root did not make.
type LinkError struct{ Path string }

func (e *LinkError) Error() string {
	return e.Path + " is a symbolic link that does not belong to root, so it is not followed"
}

// resolve returns a path of the host without links, and the links it led over.
// Only links that belong to root are followed: any other could lead root's
// writes to where its maker may not write. What does not exist ends the search.
func (s *Set) resolve(path string) (real string, links []link, err error) {
	root := s.onHost("/")
	at, todo := root, parts(path)
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		if part == ".." {
			if at != root {
				at = filepath.Dir(at)
			}
			continue
		}
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return filepath.Join(append([]string{at}, todo...)...), links, nil
		}
		if err != nil {
			return "", nil, err
		}
		if info.Mode()&os.ModeSymlink == 0 {
			continue
		}
		if st, ok := info.Sys().(*unixStat); !ok || st.Uid != 0 {
			return "", nil, &LinkError{Path: at}
		}
		if len(links) == maxLinks {
			return "", nil, fmt.Errorf("%s leads over more than %d links", path, maxLinks)
		}
		to, err := os.Readlink(at)
		if err != nil {
			return "", nil, err
		}
		links = append(links, link{Path: at, To: to})
		at = filepath.Dir(at)
		if filepath.IsAbs(to) {
			at = root
		}
		todo = append(parts(to), todo...)
	}
	return at, links, nil
}

func parts(path string) []string {
	var out []string
	for _, p := range strings.Split(path, "/") {
		if p != "" && p != "." {
			out = append(out, p)
		}
	}
	return out
}

// still fails when a path leads elsewhere than it did when it was recorded.
func (s *Set) still(path, real string) error {
	now, _, err := s.resolve(path)
	if err == nil && now != real {
		err = fmt.Errorf("it leads to %s now and did to %s when it was saved", now, real)
	}
	return err
}

// restoreLinks puts links back that the new release removed or replaced. What
// stands in their place goes, unless it is a folder that something is in and
// that is no state path.
func (s *Set) restoreLinks(x *index) error {
	for _, l := range x.Links {
		if err := s.restoreLink(l); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) restoreLink(l link) error {
	if to, err := os.Readlink(l.Path); err == nil && to == l.To {
		return nil
	}
	dir, err := tree.OpenParent(l.Path)
	if err != nil {
		return err
	}
	base := filepath.Base(l.Path)
	err = os.Remove(l.Path)
	if err != nil && !errors.Is(err, os.ErrNotExist) && s.isState(l.Path) {
		err = tree.Remove(int(dir.Fd()), base)
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = unix.Symlinkat(l.To, int(dir.Fd()), base)
	}
	_ = dir.Close()
	if err != nil {
		return fmt.Errorf("put the link %s back: %w", l.Path, err)
	}
	return host.SyncDir(filepath.Dir(l.Path))
}

func (s *Set) isState(path string) bool {
	for _, p := range s.m.State {
		if s.onHost(p) == path {
			return true
		}
	}
	return false
}
