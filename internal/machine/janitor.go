package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"onerpm/internal/machine/disk"
)

// claim makes the folder of a machine and locks it: the lock goes with the process,
// however that ends, and says to others whether the folder is a leftover. The lock
// is taken before there is a folder.
func claim(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of machines: %w", err)
	}
	lock, err := lockNew(dir + ".lock")
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("make the machine's folder: %w", err)
	}
	return lock, nil
}

// lockNew makes and locks a file. A janitor may take it for a leftover's before it is locked, and remove it: it is made again.
func lockNew(path string) (*flock.Flock, error) {
	for range 5 {
		lock := flock.New(path)
		ok, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		ours, lockErr := lock.Stat()
		there, pathErr := os.Stat(path)
		if ok && lockErr == nil && pathErr == nil && os.SameFile(ours, there) {
			return lock, nil
		}
		_ = lock.Close()
		time.Sleep(lockPoll)
	}
	return nil, errors.New("it belongs to another process")
}

// clearLeftovers removes the machines whose process is dead.
func clearLeftovers(machines string) error {
	locks, err := filepath.Glob(filepath.Join(machines, "*.lock"))
	if err != nil {
		return fmt.Errorf("list machines: %w", err)
	}
	for _, path := range locks {
		lock := flock.New(path)
		if ok, err := lock.TryLock(); err != nil || !ok {
			continue // its process lives
		}
		dir := strings.TrimSuffix(path, ".lock")
		err := removeMachine(dir, filepath.Base(dir))
		if err == nil {
			_ = os.Remove(path)
		}
		_ = lock.Close()
		if err != nil {
			return fmt.Errorf("remove a machine that a killed test left: %w", err)
		}
	}
	return nil
}

// removeMachine ends what still runs of the machine id and removes its mounts and files.
func removeMachine(dir, id string) error {
	if err := endProcesses(id); err != nil {
		return err
	}
	removeGroups(id)
	_ = os.Remove(filepath.Join("/run/systemd/nspawn/propagate", id))
	_ = os.Remove(filepath.Join("/run/systemd/nspawn/unix-export", id))
	for _, name := range []string{mergedDir, diskDir} {
		if err := disk.Unmount(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the machine's files: %w", err)
	}
	return nil
}

// endProcesses ends all processes in the control groups of the machine id: nspawn, the
// machine's own, and what was run in it from here. The machine's first process
// outlives a killed nspawn.
func endProcesses(id string) error {
	for deadline := time.Now().Add(killLimit); ; time.Sleep(leaderPoll) {
		pids := processesOf(id)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end processes %v of machine %s: they do not die", pids, id)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// processesOf returns the processes in the machine's control groups. Without an id there is no
// machine: every process is in the group that has no name.
func processesOf(id string) []int {
	if id == "" {
		return nil
	}
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil
	}
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(text)) {
			parts := strings.Split(strings.TrimSpace(line), "/")
			if !slices.Contains(parts, id) && !slices.Contains(parts, id+".scope") {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && !isZombie(pid) {
				pids = append(pids, pid)
			}
			break
		}
	}
	return pids
}
