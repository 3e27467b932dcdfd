package service

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"onerpm/payload-scripts/internal/host"
)

// permit is the file that the drop-ins of the product's units, or of its doors, ask
// for: a unit starts only while it exists. It is one of
//
//	a file            every start is allowed, at a reboot too
//	a dangling link   no start is allowed
//	a link to lent    the engine starts units; lent lies in memory, a reboot takes it away
type permit struct{ root, path, target string }

func (s *Services) permit(doors bool) permit {
	return permit{s.places.Root, s.places.Permit(doors), s.places.PermitTarget(doors)}
}

// condition is the permit's path as a unit's condition has it.
func (p permit) condition() string { return strings.TrimPrefix(p.path, p.root) }

// prepare makes the permit, durably, so that asking for it changes nothing yet. One that is there stays.
func (p permit) prepare() error {
	if _, err := os.Lstat(p.path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := p.grant(); err != nil {
		return err
	}
	return host.SyncDir(filepath.Dir(p.path))
}

// grant allows every start. It is durable once the folder is synced: the file has no content.
func (p permit) grant() error {
	next := p.path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) { // of an engine that was killed here
		return err
	}
	if err := os.WriteFile(next, nil, 0o600); err != nil {
		return err
	}
	host.Point("rename", p.path)
	return os.Rename(next, p.path)
}

// withhold forbids every start, durably.
func (p permit) withhold() error {
	if err := p.revoke(); err != nil {
		return err
	}
	if target, err := os.Readlink(p.path); err == nil && target == p.target {
		return nil
	}
	next := p.path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) { // of an engine that was killed here
		return err
	}
	if err := os.Symlink(p.target, next); err != nil {
		return err
	}
	host.Point("rename", p.path)
	if err := os.Rename(next, p.path); err != nil {
		return err
	}
	return host.SyncDir(filepath.Dir(p.path))
}

// grantUntilReboot allows starts until a reboot, revoke or withhold.
func (p permit) grantUntilReboot() error {
	if err := os.MkdirAll(filepath.Dir(p.target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p.target, nil, 0o600)
}

// revoke ends what grantUntilReboot allowed.
func (p permit) revoke() error {
	if err := os.Remove(p.target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// remove removes every trace. No drop-in may ask for it any more.
func (p permit) remove() error {
	for _, path := range []string{p.path, p.path + ".next"} {
		if _, err := os.Lstat(path); err == nil {
			if err := host.Remove(path); err != nil {
				return err
			}
		}
	}
	_ = os.Remove(p.target)
	return nil
}
