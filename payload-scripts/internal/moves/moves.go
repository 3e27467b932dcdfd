// Package moves gives files another place or other owners in the window, and gives them back what
// they had on the way back: by renaming within one file system, so that nothing is copied.
//
// It promises: what moves is noted, on disk, before the first file does; each side can be reached
// from any mixture of the two, again and again, and is proved at the end; a file is known by its
// inode, so that none which somebody put into its place is moved or given away, but for a folder that
// root has made anew; no link that somebody other than root made is followed; and nothing is written over.
//
// What is noted lies in the attempt's folder: moves.json, and owners.jsonl with one line a file.
package moves

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
)

// Set is what moves in a jump.
type Set struct {
	Moves    []manifest.Move
	Owners   []manifest.Owner
	State    []string                                       // paths that are restored from a copy afterwards: what is missing there on the way back is no failure
	Host     paths.Host                                     // where the files are
	Folder   string                                         // of the attempt; "" when the set is only asked for findings
	Config   []string                                       // files that the upgrade writes in the window, whose owner changes all the same
	Packaged func(context.Context) (map[string]bool, error) // files of packages, whose owner is theirs; nil for none
	Progress func(path string, done, of int64)
}

// Of returns what moves in a jump, on the host whose files are below root.
func Of(m *manifest.Manifest, folder, root string) *Set {
	s := &Set{Moves: m.Moves, Owners: m.Owners, State: m.State, Host: paths.Host(root), Folder: folder}
	for _, c := range m.Config {
		if !c.InPackage() {
			s.Config = append(s.Config, c.Target)
		}
	}
	return s
}

// none says that there is nothing to do.
func (s *Set) none() bool { return len(s.Moves) == 0 && len(s.Owners) == 0 }

// Paths are all that it reads and writes, and what is mounted below, for those who must know on
// which file systems.
func (s *Set) Paths() ([]string, error) {
	if s.none() {
		return nil, nil
	}
	mounts, err := paths.Mounts()
	if err != nil {
		return nil, fmt.Errorf("look on which file systems files move: %w", err)
	}
	var all []string
	for _, m := range s.Moves {
		all = append(all, m.Source(), m.Target())
	}
	for _, o := range s.Owners {
		all = append(all, o.Path)
		real, _, err := s.Host.Resolve(o.Path)
		if err != nil {
			return nil, err
		}
		for _, m := range mounts {
			if rel, below := strings.CutPrefix(m.Point, real+"/"); below {
				all = append(all, filepath.Join(o.Path, rel))
			}
		}
	}
	return all, nil
}

// Record notes what is where and whose, once the services are stopped. It is called before Converge.
func (s *Set) Record(ctx context.Context) error {
	if s.none() {
		return nil
	}
	err := s.recordOwners(ctx)
	if err == nil {
		err = s.recordPlaces()
	}
	if err != nil {
		return fmt.Errorf("note what moves: %w", err)
	}
	return nil
}

// Converge makes places and owners those of a side, and proves it. Before Record there is nothing
// to take back.
func (s *Set) Converge(ctx context.Context, side manifest.Side) error {
	if s.none() {
		return nil
	}
	r, err := s.load()
	if errors.Is(err, os.ErrNotExist) && side == manifest.Old {
		return nil
	}
	if err != nil {
		return err
	}
	if side == manifest.New {
		if err = s.toNew(r); err == nil {
			err = s.applyOwners(ctx, r)
		}
	} else if err = s.toOld(r); err == nil {
		err = s.restoreOwners(ctx)
	}
	if err == nil {
		err = host.SyncFS(s.real(r)...)
	}
	if err == nil {
		err = s.prove(r, side)
	}
	if err != nil {
		return fmt.Errorf("move files to %s: %w", side, err)
	}
	return nil
}

// real are paths on the file systems that were written to.
func (s *Set) real(r *record) []string {
	all := []string{s.Folder}
	for _, t := range r.Times {
		all = append(all, string(t.Path))
	}
	for _, o := range s.Owners {
		all = append(all, s.Host.At(o.Path))
	}
	return all
}

// toNew makes the folders and moves into them.
func (s *Set) toNew(r *record) error {
	for _, f := range r.Made {
		if err := f.make(); err != nil {
			return err
		}
	}
	for i, m := range r.Moves {
		s.reportProgress(string(m.To), i, len(r.Moves))
		if err := m.move(m.From, m.To); err != nil {
			return err
		}
	}
	return r.sync()
}

// toOld moves back, removes the folders that were made, and gives those that are left their times.
func (s *Set) toOld(r *record) error {
	for i, m := range slices.Backward(r.Moves) {
		s.reportProgress(string(m.From), len(r.Moves)-i, len(r.Moves))
		err := m.move(m.To, m.From)
		if errors.Is(err, errGone) && s.inState(string(m.From)) {
			continue // it comes back from its copy
		}
		if err != nil {
			return err
		}
	}
	if err := r.sync(); err != nil {
		return err
	}
	for _, f := range slices.Backward(r.Made) {
		if err := f.remove(); err != nil {
			return err
		}
	}
	for _, t := range r.Times {
		if err := t.restore(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) reportProgress(path string, done, of int) {
	if s.Progress != nil {
		s.Progress(path, int64(done), int64(of))
	}
}

// inState reports whether a path, as this process sees it, is restored from a copy.
func (s *Set) inState(real string) bool {
	return slices.ContainsFunc(s.State, func(p string) bool {
		at, _, err := s.Host.Resolve(p)
		return err == nil && paths.Within(real, at)
	})
}

// prove demands of a side that everything is where it must be, and nothing where it was.
func (s *Set) prove(r *record, side manifest.Side) error {
	var wrong []string
	for _, m := range r.Moves {
		here, there := m.To, m.From
		if side == manifest.Old {
			here, there = m.From, m.To
		}
		is, err := inodeAt(here)
		if err != nil {
			return err
		}
		was, err := inodeAt(there)
		if err != nil {
			return err
		}
		comesBack := side == manifest.Old && s.inState(string(m.From)) // from its copy, whatever became of it
		if is != m.Inode && !comesBack || was == m.Inode {
			wrong = append(wrong, string(here))
		}
	}
	if side == manifest.Old {
		for _, f := range r.Made {
			if is, err := inodeAt(f.Path); err != nil || is != 0 {
				wrong = append(wrong, string(f.Path))
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	const shown = 20
	more := ""
	if len(wrong) > shown {
		more = fmt.Sprintf(" and %d more", len(wrong)-shown)
		wrong = wrong[:shown]
	}
	return fmt.Errorf("not as it should be: %s%s", strings.Join(wrong, ", "), more)
}

// inodeAt is the inode at a path, 0 when nothing is there.
func inodeAt(path host.Name) (uint64, error) {
	n, err := host.OpenPath(string(path))
	if absent(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer n.Close()
	return n.Stat.Ino, nil
}

func absent(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) }

// existing is a path, or the nearest folder above it that is there.
func existing(path string) string {
	for path != "/" {
		if is, err := inodeAt(host.Name(path)); err != nil || is != 0 {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}
