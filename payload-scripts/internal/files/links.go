package files

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/tree"
)

// resolve returns a path of the host without links, and the links it led over.
func (s *Set) resolve(path string) (real string, links []host.Link, err error) {
	return host.Resolve(s.onHost("/"), path)
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

func (s *Set) restoreLink(l host.Link) error {
	if n, err := host.OpenPath(l.Path); err == nil {
		to, err := n.Link()
		n.Close()
		if err == nil && to == l.To {
			return nil
		}
	}
	err := host.Remove(l.Path)
	dir, base, openErr := host.OpenParent(l.Path)
	if openErr != nil {
		return openErr
	}
	defer dir.Close() //nolint:errcheck // synced by SyncDir
	if err != nil && s.isState(l.Path) {
		err = tree.Remove(dir, base)
	}
	if err == nil {
		err = unix.Symlinkat(l.To, int(dir.Fd()), base)
	}
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
