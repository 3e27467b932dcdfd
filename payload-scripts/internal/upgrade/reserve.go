package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/job"
)

// reserveSize is what is set aside on the file systems of the attempt's folders,
// in bytes: enough for the journal, the largest packages while they are replaced, and
// a segment of PostgreSQL's log. preflight demands more than that as spare room.
const reserveSize = 48 << 20

// reserve is disk space on the attempt's file systems.
type reserve struct{ *job.Job }

// files are the files that hold the space.
func (r *reserve) files() []string {
	return []string{filepath.Join(r.Attempt.Var, "reserve"), filepath.Join(r.Attempt.Run, "reserve")}
}

// allocate reserves disk space that free gives back: a disk that fills up
// meanwhile must not keep the upgrade from going back, or from ending.
func (r *reserve) allocate(context.Context) error {
	var last unix.Stat_t
	for _, path := range r.files() {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("reserve disk space: %w", err)
		}
		var st unix.Stat_t
		err = unix.Fstat(int(f.Fd()), &st)
		switch {
		case err == nil && st.Dev == last.Dev: // one is enough for a file system
			err = os.Remove(path)
		case err == nil:
			if err = unix.Fallocate(int(f.Fd()), 0, 0, reserveSize); errors.Is(err, unix.EOPNOTSUPP) {
				slog.Warn("this file system cannot reserve space", "path", path)
				err = nil
			}
		}
		last = st
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("reserve disk space in %s: %w", filepath.Dir(path), err)
		}
	}
	return nil
}

// free releases the space. It changes nothing else, and may be called again.
func (r *reserve) free() {
	for _, path := range r.files() {
		if err := host.Remove(path); err != nil {
			slog.Warn("reserved disk space cannot be released", "error", err)
		}
	}
}
