package rpm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// BusyError says that another package manager was still at work after the
// whole wait.
type BusyError struct {
	Who    string // program and process, as far as known
	Waited time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another package manager is at work (%s), also after %s; let it end, then try again", e.Who, e.Waited)
}

// pidFiles are where yum and dnf note the process that holds their locks, and PackageKit and microdnf, by libdnf's DnfLock, the
// one that is in a transaction, a second before it has rpm's lock. libdnf has a note of who fetches metadata too, who is not waited for:
// it changes nothing here.
var pidFiles = []string{
	"/var/run/yum.pid", "/var/lib/dnf/rpmdb_lock.pid", "/var/cache/dnf/metadata_lock.pid",
	"/var/cache/dnf/download_lock.pid",
	"/run/dnf-rpmdb.lock", "/var/cache/yum/lock/dnf-rpmdb.lock",
}

// lockFiles are what dnf5 holds locked from its begin to its end, its prompt included.
var lockFiles = []string{"/var/lib/dnf/system-repo.lock", "/run/dnf/rpmtransaction.lock"}

// managers are the programs that such a note may speak of; a number that another program has by now is stale.
var managers = []string{"yum", "dnf", "packagekit", "microdnf", "rpm"}

// Holder is a process that works on the host's packages.
type Holder struct {
	PID  int    // 0 when it is not known
	Name string // first words of its command line, "" when it has ended meanwhile
}

// String names the process for people.
func (h Holder) String() string {
	switch {
	case h.PID <= 0 && h.Name == "": // the lock of an open file belongs to no process
		return "a process that the kernel does not name"
	case h.PID <= 0:
		return h.Name
	case h.Name == "":
		return fmt.Sprintf("process %d", h.PID)
	}
	return fmt.Sprintf("%s, process %d", h.Name, h.PID)
}

// WaitFree waits until no other package manager works on the host, and fails
// with a *BusyError after LockWait.
func (h *Host) WaitFree(ctx context.Context) error { return h.wait(ctx, h.Busy) }

// WaitLock waits for rpm's own lock only: the way back does not wait for a yum that sits at its prompt.
func (h *Host) WaitLock(ctx context.Context) error { return h.wait(ctx, h.lockedBy) }

func (h *Host) wait(ctx context.Context, busy func(context.Context) (*Holder, error)) error {
	if h.holds() { // a manager that began meanwhile waits for us
		return nil
	}
	wait := h.LockWait
	if wait == 0 {
		wait = 5 * time.Minute
	}
	deadline := time.Now().Add(wait)
	for first := true; ; first = false {
		who, err := busy(ctx)
		if err != nil || who == nil {
			return err
		}
		if !time.Now().Before(deadline) {
			return &BusyError{Who: who.String(), Waited: wait}
		}
		if first {
			slog.Info("waiting for another package manager", "who", who.String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Busy returns who works on the host's packages now, nil when nobody does. It
// asks for rpm's own lock and those of dnf5, and looks at the notes of the others.
func (h *Host) Busy(ctx context.Context) (*Holder, error) {
	if who, err := h.lockedBy(ctx); who != nil || err != nil {
		return who, err
	}
	for _, file := range lockFiles {
		pid, held, err := lockHolder(h.Path(file))
		if err != nil {
			return nil, err
		}
		if held {
			return &Holder{pid, command(pid)}, nil
		}
	}
	for _, note := range pidFiles {
		data, err := readSmall(h.Path(note))
		if err != nil {
			continue // gone or never there
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil || pid <= 0 || pid == os.Getpid() {
			continue
		}
		name := command(pid)
		for _, m := range managers {
			if strings.Contains(strings.ToLower(name), m) {
				return &Holder{pid, name}, nil
			}
		}
	}
	return nil, nil
}

// lockedBy returns who holds rpm's own lock, nil when nobody does.
func (h *Host) lockedBy(ctx context.Context) (*Holder, error) {
	if h.holds() {
		return nil, nil
	}
	dbpath, err := h.DBPath(ctx)
	if err != nil {
		return nil, err
	}
	pid, held, err := lockHolder(filepath.Join(dbpath, ".rpm.lock"))
	if err != nil || !held {
		return nil, err
	}
	return &Holder{pid, command(pid)}, nil
}

// lockHolder asks who holds a write or read lock on rpm's lock file (fcntl(2), F_GETLK).
func lockHolder(path string) (pid int, held bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look at rpm's lock: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, false, fmt.Errorf("look at rpm's lock %s: %w", path, err)
	}
	return int(lock.Pid), lock.Type != unix.F_UNLCK, nil
}

// command returns the first words of a process's command line, "" when there is no such process.
func command(pid int) string {
	data, err := readSmall(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	words := strings.Fields(strings.ReplaceAll(string(data), "\x00", " "))
	return strings.Join(words[:min(3, len(words))], " ")
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, 4096))
}
