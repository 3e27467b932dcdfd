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
	"onerpm/payload-scripts/internal/journal"
)

// reserveSize is what is set aside on the file systems of the attempt's folders,
// in bytes: enough for the journal, the largest packages while they are replaced, and
// a segment of PostgreSQL's log. preflight demands more than that as spare room.
const reserveSize = 48 << 20

// reserves are the files that hold the room.
func (u *Upgrade) reserves() []string {
	return []string{filepath.Join(u.attempt.Var, "reserve"), filepath.Join(u.attempt.Run, "reserve")}
}

// reserveRoom sets room aside that freeRoom gives back: a disk that fills up
// meanwhile must not keep the upgrade from going back, or from ending.
func (u *Upgrade) reserveRoom(context.Context) error {
	var last unix.Stat_t
	for _, path := range u.reserves() {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("set room aside: %w", err)
		}
		var st unix.Stat_t
		err = unix.Fstat(int(f.Fd()), &st)
		switch {
		case err == nil && st.Dev == last.Dev: // one is enough for a file system
			err = os.Remove(path)
		case err == nil:
			if err = unix.Fallocate(int(f.Fd()), 0, 0, reserveSize); errors.Is(err, unix.EOPNOTSUPP) {
				slog.Warn("this file system cannot set room aside", "path", path)
				err = nil
			}
		}
		last = st
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("set room aside in %s: %w", filepath.Dir(path), err)
		}
	}
	return nil
}

// written is what became of a write to the journal. On a full disk the room is given
// free and the journal written again, where there is only one way to go: after the
// commit, and back. Before, a full disk is a reason to go back.
func (u *Upgrade) written(err error) error {
	if r := u.journal.Record(); !r.Back && r.Phase != journal.Opening {
		return err
	}
	return u.inSpite(err)
}

// inSpite is written wherever the attempt is.
func (u *Upgrade) inSpite(err error) error {
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	u.freeRoom()
	return u.warn(fmt.Sprintf("the disk was full (%v): room that had been set aside was given free; make room soon", err))
}

// freeRoom gives the room free. It changes nothing else, and may be called again.
func (u *Upgrade) freeRoom() {
	for _, path := range u.reserves() {
		if err := host.Remove(path); err != nil {
			slog.Warn("room that was set aside cannot be given free", "error", err)
		}
	}
}
