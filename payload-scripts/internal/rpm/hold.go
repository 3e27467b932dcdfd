package rpm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Hold waits as WaitFree does and then takes rpm's lock, so that no other package manager changes
// the host's packages until Release: one that begins meanwhile waits, or gives up, as it does
// for any other rpm. The lock ends with this process. A transaction of this Host releases it.
func (h *Host) Hold(ctx context.Context) error {
	return h.wait(ctx, func(ctx context.Context) (*Holder, error) {
		if who, err := h.Busy(ctx); who != nil || err != nil {
			return who, err
		}
		return h.take(ctx)
	})
}

// take takes the lock, and returns who was faster. It is a lock of the open file (F_OFD_SETLK of
// fcntl(2)), which conflicts with rpm's own kind, and which looking at the lock file does not end.
func (h *Host) take(ctx context.Context) (*Holder, error) {
	dbpath, err := h.DBPath(ctx)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dbpath, ".rpm.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("take rpm's lock: %w", err)
	}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	switch {
	case err == nil:
		h.mu.Lock()
		h.held = f
		h.mu.Unlock()
		return nil, nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
		_ = f.Close()
		return &Holder{Name: "another rpm"}, nil
	case errors.Is(err, unix.EINVAL): // a kernel before 3.15
		slog.Warn("rpm's lock cannot be held on this kernel; another package manager may begin meanwhile")
		return nil, f.Close()
	}
	return nil, errors.Join(fmt.Errorf("take rpm's lock %s: %w", path, err), f.Close())
}

// Release gives the lock free that Hold took. It may be called without a Hold.
func (h *Host) Release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held != nil {
		// Closing alone would leave the lock to a child that is not executed yet.
		_ = unix.FcntlFlock(h.held.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK})
		_ = h.held.Close()
		h.held = nil
	}
}

// holds tells whether this process has the lock.
func (h *Host) holds() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held != nil
}
