package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/tree"
)

// statePath is one state path of the index.
type statePath struct {
	Path string `json:"path"` // as the manifest names it
	Real string `json:"real"` // without links
}

// SaveState saves the state paths. The first call after Prepare is for while the
// product serves and copies everything; the next one, when it is stopped, copies
// what differs, records configuration anew if an admin changed it meanwhile, and
// seals the attempt: only from then on does Converge go to either side. Before,
// the host's own files are the newest there are, and the way back leaves them alone.
func (s *Set) SaveState(ctx context.Context) error {
	seal := !s.serves
	if err := s.saveState(ctx, seal); err != nil {
		return fmt.Errorf("save the state: %w", explain(err))
	}
	s.serves = false
	return nil
}

func (s *Set) saveState(ctx context.Context, seal bool) error {
	x, err := s.loadIndex()
	if err != nil {
		return err
	}
	if x.Sealed {
		return ErrChanged
	}
	if seal { // what the product wrote last must not be lost by a power cut on the way
		if err := s.prepare(ctx); err != nil {
			return err
		}
		if x, err = s.loadIndex(); err != nil {
			return err
		}
		if err := host.SyncFS(s.statePaths()...); err != nil {
			return err
		}
	}
	x.State = nil
	if err := os.MkdirAll(s.saved("state"), 0o700); err != nil {
		return err
	}
	for i, p := range s.m.State {
		real, err := s.saveable(p)
		if err != nil {
			return err
		}
		x.State = append(x.State, &statePath{Path: p, Real: real})
		if err := s.copyOf(i).Save(ctx, real, !seal); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	x.Sealed = seal
	return s.store(x)
}

func (s *Set) statePaths() []string {
	out := make([]string, len(s.m.State))
	for i, p := range s.m.State {
		out[i] = s.onHost(p)
	}
	return out
}

// saveable returns a state path without links, and refuses one that the backup lies in.
func (s *Set) saveable(p string) (string, error) {
	real, _, err := s.paths().Resolve(p)
	if err != nil {
		return "", err
	}
	backup, err := filepath.EvalSymlinks(s.backup)
	if err != nil {
		return "", err
	}
	if paths.Within(backup, real) || paths.Within(real, backup) {
		return "", fmt.Errorf("%s and the backup in %s lie in one another", p, s.backup)
	}
	return real, nil
}

// copyOf is where the i-th state path is saved.
func (s *Set) copyOf(i int) tree.Copy {
	return tree.Copy{Dir: s.saved("state"), Name: strconv.Itoa(i), Progress: s.tell}
}

// restoreState makes every state path what it was, and proves it.
func (s *Set) restoreState(ctx context.Context, x *index) error {
	var wrong []string
	for i, p := range x.State {
		bad, err := s.restorePath(ctx, x, s.copyOf(i), p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		wrong = append(wrong, bad...)
	}
	return differ(wrong)
}

// restorePath makes one state path what it was, and returns what of it is not.
func (s *Set) restorePath(ctx context.Context, x *index, c tree.Copy, p *statePath) ([]string, error) {
	saved, err := c.Load()
	if err != nil {
		return nil, err
	}
	if !saved.Empty() {
		if err := s.paths().MakeFolders(&x.Record, filepath.Dir(p.Path)); err != nil {
			return nil, err
		}
	}
	if err := s.paths().StillLeads(p.Path, p.Real); err != nil {
		return nil, err
	}
	if err := saved.Restore(ctx, p.Real); err != nil {
		return nil, err
	}
	if err := host.SyncFS(filepath.Dir(p.Real), p.Real); err != nil {
		return nil, err
	}
	wrong, err := saved.Differences(ctx, p.Real)
	for i, rel := range wrong {
		wrong[i] = filepath.Join(p.Path, rel)
	}
	return wrong, err
}

// isState tells whether a path as this process sees it is a state path.
func (s *Set) isState(path string) bool {
	for _, p := range s.m.State {
		if s.onHost(p) == path {
			return true
		}
	}
	return false
}
