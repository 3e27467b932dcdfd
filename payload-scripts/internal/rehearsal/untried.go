package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/scratch"
)

// untriedError is about the rehearsal, not the upgrade: what failed is a copy, which the upgrade does not make.
type untriedError struct{ error }

func (e *untriedError) Unwrap() error { return e.error }

// spare is what a rehearsal leaves free besides what it needs: the product writes on.
const spare = 256 << 20

// requireSpace fails when so many bytes do not fit beside what the product may write meanwhile.
func (u *run) requireSpace(need int64, what string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(u.dir, &st); err != nil {
		return &untriedError{fmt.Errorf("determine the free space of %s: %w", u.dir, err)}
	}
	if free := int64(st.Bavail) * st.Bsize; free < need+spare {
		return &untriedError{fmt.Errorf("not enough disk space to rehearse %s: %s has %d MB free, %d MB are needed", what, u.dir, free>>20, (need+spare)>>20+1)}
	}
	return nil
}

// withoutRoom makes an error untried when it came of a disk that is full: whether the upgrade has room is judged by the check,
// and what is written here besides, copies, the upgrade does not write.
func withoutRoom(err error) error {
	text := err.Error()
	full := errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || database.Code(err) == "53100" || // disk_full
		strings.Contains(text, "No space left on device") || strings.Contains(text, "Disk quota exceeded") || // PostgreSQL's programs, rpm
		strings.Contains(text, "more space on the ") // rpm
	if untried := (*untriedError)(nil); !full || errors.As(err, &untried) {
		return err
	}
	return &untriedError{fmt.Errorf("not enough disk space to rehearse it: %w", err)}
}

// ofTheCopy makes an error untried that came of the copy's server and not of what was tried on it: the server or the session
// is gone (a server whose disk is full may end without a word), or a resource of it is used up (class 53; 58, its files).
func ofTheCopy(copied *scratch.Server, err error) error {
	code := database.Code(err)
	if err == nil || !copied.Ended() && !database.Lost(err) && !strings.HasPrefix(code, "53") && !strings.HasPrefix(code, "58") {
		return err
	}
	return &untriedError{fmt.Errorf("the copy's server did not last: %w", err)}
}

// slow makes an error untried that came of a limit which the upgrade does not have.
func slow(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &untriedError{err}
	}
	return err
}
