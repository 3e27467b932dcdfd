// Package files makes the product's own files all old or all new: the
// configuration that takes part in the merge, and with it the state paths, which
// package state saves and restores.
//
// It promises: nothing on the host is changed before the old side is saved and
// on disk; each side can be reached from any mixture of the two, again and
// again, and is proved at the end; the old side has every byte, mode, owner,
// modification time and extended attribute it had; nothing is written over a
// symbolic link of another's, nor below a file system that is not mounted.
//
// What is saved lies in the attempt's backup folder, for people too:
//
//	index.json               what was recorded of configuration, and whether the state is sealed
//	config/old/<target>      the host's file as it was
//	config/new/<target>      the merged file
//	config/old/<target>.rpmsave and the like, when an earlier update had left them
//	state/                   the state paths, see package state
package files

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/settings"
	"onerpm/payload-scripts/internal/state"
)

// Set is the configuration and state of one product on this host.
type Set struct {
	// Root is put before every path of the host; "" but in tests.
	Root string
	// Packaged are the %config files of packages, which are merged too.
	Packaged []Packaged
	// Decided is what the admin's settings say of conflicts: by file, then by key. It wins over the policies of the spec.
	Decided map[string]map[string]settings.Conflict
	// Tell (optional) makes findings of what the merge of a file decided.
	Tell func(target string, changes []config.Change) []finding.Finding
	// Extra are more files that are recorded and restored.
	Extra []string
	// Others are more paths that the upgrade writes to, those of packages: their
	// file systems must be there before anything is restored.
	Others []string
	// Progress, when not nil, is called with the path that is being worked on and the
	// bytes copied so far.
	Progress func(path string, bytes int64)

	m      *manifest.Manifest
	bundle string
	backup string
	serves bool // Prepare ran in this process and SaveState did not yet
}

// New returns the files of a bundle's product. backup is the attempt's folder for
// them, "" when the set is only asked for Findings.
func New(m *manifest.Manifest, bundle, backup string) *Set {
	return &Set{m: m, bundle: bundle, backup: backup}
}

// paths is the host on which the files lie.
func (s *Set) paths() paths.Host { return paths.Host(s.Root) }

// onHost returns a path of the host as this process sees it.
func (s *Set) onHost(path string) string { return s.paths().At(path) }

// mountWait is how long a file system is waited for that comes late at a boot.
const mountWait = 3 * time.Minute

// AwaitMounts waits until everything that was recorded lies on the file systems
// that it lay on, so that nothing is written to the folders below. Before
// anything was recorded there is nothing to wait for. State is looked at once it
// is sealed: services that are stopped may have mounted something in it.
func (s *Set) AwaitMounts(ctx context.Context) error {
	x, err := s.knownIndex()
	if err != nil {
		return err
	}
	return s.awaitMounts(ctx, x, x.Sealed, mountWait)
}

func (s *Set) awaitMounts(ctx context.Context, x *index, trees bool, limit time.Duration) error {
	return paths.AwaitMounts(ctx, &x.Record, trees, limit, func(e *paths.MountError) { s.reportProgress(e.Path, 0) })
}

func (s *Set) saved(parts ...string) string {
	return filepath.Join(append([]string{s.backup}, parts...)...)
}

func (s *Set) reportProgress(path string, bytes int64) {
	if s.Progress != nil {
		s.Progress(path, bytes)
	}
}

// ErrChanged is an attempt whose host was changed already: its old side must not be saved again.
var ErrChanged = errors.New("the files of this attempt were saved for good already")

// Prepare records every configuration file as it is, and makes the merged new
// ones ready. Nothing outside of the backup folder is written. It may be called
// again until the state is sealed; values once drawn at random are kept as long
// as the host's file is the same.
func (s *Set) Prepare(ctx context.Context) error {
	if err := s.prepare(ctx, false); err != nil {
		return fmt.Errorf("back up configuration: %w", explain(err))
	}
	s.serves = true
	return nil
}

// state is the product's state paths.
func (s *Set) state() *state.Set {
	set := &state.Set{Paths: s.m.State, Host: s.paths(), Progress: s.reportProgress}
	if s.backup != "" {
		set.Folder = s.saved("state")
	}
	return set
}

// saveFolder is the folder whose file system needs space for what is saved.
func (s *Set) saveFolder() string {
	if s.backup == "" {
		return s.onHost("/var/lib/" + s.m.Prefix)
	}
	return s.backup
}

// decided is what the admin's settings say of a file, by key.
func (s *Set) decided(target string) map[string]manifest.Side {
	sides := map[string]manifest.Side{}
	for key, d := range s.Decided[target] {
		sides[key] = d.Side
	}
	return sides
}

// SaveState saves the state paths. The first call after Prepare is for while the
// product serves and copies everything; the next one, when it is stopped, copies
// what differs, records configuration anew if an admin changed it meanwhile, and
// seals the attempt: only from then on does Converge go to either side. Before,
// the host's own files are the newest there are, and the way back leaves them alone.
func (s *Set) SaveState(ctx context.Context) error {
	if err := s.saveState(ctx, !s.serves); err != nil {
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
		if err := s.prepare(ctx, true); err != nil {
			return err
		}
		if x, err = s.loadIndex(); err != nil {
			return err
		}
		if err := s.state().Sync(); err != nil {
			return err
		}
	}
	if x.State, err = s.state().Save(ctx, !seal); err != nil {
		return err
	}
	x.Sealed = seal
	return s.store(x)
}

// Converge makes the host's configuration and state those of one side, and
// proves it. Both sides need what Prepare and SaveState recorded; on the new
// side state is left to the new release. A sealed attempt only is taken to
// either side: before, the host's files are as they were.
func (s *Set) Converge(ctx context.Context, side manifest.Side) error {
	x, err := s.loadIndex()
	if err != nil {
		return err
	}
	if !x.Sealed {
		if side == manifest.Old {
			return nil
		}
		return errors.New("the old files are not saved yet")
	}
	err = s.awaitMounts(ctx, x, true, mountWait)
	switch {
	case err != nil:
	case side == manifest.New:
		err = s.toNew(ctx, x)
	default:
		err = s.toOld(ctx, x)
	}
	if err != nil {
		return fmt.Errorf("files to %s: %w", side, explain(err))
	}
	return nil
}

// UnitsChange reports whether a unit file differs between the two sides, so that
// systemd must read them again.
func (s *Set) UnitsChange() (bool, error) {
	x, err := s.loadIndex()
	if err != nil {
		return false, err
	}
	for _, r := range x.Config {
		if strings.Contains(string(r.Target), "/systemd/") && !r.unchanged() {
			return true, nil
		}
	}
	return false, nil
}

// explain says what to do about a full or read-only disk.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w; free space on that file system", err)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w; make that file system writable", err)
	}
	return err
}
