package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Folders of a machine's own folder. With a disk, "disk" is where it is mounted and
// upper and work lie there.
const (
	mergedDir = "merged"
	upperDir  = "upper"
	workDir   = "work"
	diskDir   = "disk"
)

// merged is the machine's file tree as the host sees it.
func (m *Machine) merged() string { return filepath.Join(m.dir, mergedDir) }

// upper is the folder that holds what the machine changed.
func (m *Machine) upper() string {
	if m.disk != nil {
		return filepath.Join(m.dir, diskDir, upperDir)
	}
	return filepath.Join(m.dir, upperDir)
}

// mount makes the machine's tree of its layers. Renames of folders and hard links
// work as on a plain file system (redirect_dir, index).
func (m *Machine) mount() error {
	work := filepath.Join(filepath.Dir(m.upper()), workDir)
	for _, dir := range []string{m.merged(), m.upper(), work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the machine's folders: %w", err)
		}
		if err := os.Chmod(dir, 0o755); err != nil { // it becomes the machine's /
			return fmt.Errorf("make the machine's folders: %w", err)
		}
	}
	var lower []string
	for _, e := range m.lower {
		lower = append(lower, e.path)
	}
	data := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=on,index=on,xino=auto",
		strings.Join(lower, ":"), m.upper(), work)
	err := unix.Mount("onerpm", m.merged(), "overlay", 0, data)
	// A layer that was just made may still be held by another machine's copy of the mounts, for as long as that boots.
	for deadline := time.Now().Add(time.Minute); errors.Is(err, unix.EBUSY) && time.Now().Before(deadline); {
		time.Sleep(leaderPoll)
		err = unix.Mount("onerpm", m.merged(), "overlay", 0, data)
	}
	if err != nil {
		return fmt.Errorf("mount an overlay at %s (ONERPM_CACHE must name a folder on ext4, xfs or btrfs): %w", m.merged(), err)
	}
	return nil
}
