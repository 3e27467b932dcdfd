package dbroom

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Floor is what the upgrade leaves free, in bytes, on the disks of a server that serves: four
// segments of PostgreSQL's log.
const Floor = 64 << 20

// guardPause is waited between two looks.
const guardPause = 100 * time.Millisecond

// FullError tells that work was ended because a disk is nearly full.
type FullError struct {
	Path string
	Free int64
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the file system of %s has only %d MB left, and the database needs them while it serves; free room there, then start again", e.Path, e.Free>>20)
}

// Guard runs work that writes on the disks of a database that serves, and ends it when one of
// them has less free than floor. What work has written then goes on the way back.
func Guard(ctx context.Context, paths []string, floor int64, work func(context.Context) error) error {
	guarded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			for _, path := range paths {
				var st unix.Statfs_t
				if unix.Statfs(path, &st) != nil {
					continue // it is not ours to judge
				}
				if free := int64(st.Bavail) * st.Bsize; free < floor {
					cancel(&FullError{Path: path, Free: free})
					return
				}
			}
			select {
			case <-guarded.Done():
				return
			case <-time.After(guardPause):
			}
		}
	})
	err := work(guarded)
	cause := context.Cause(guarded)
	cancel(nil)
	watch.Wait()
	var full *FullError
	if err != nil && errors.As(cause, &full) {
		return full
	}
	return err
}

// Disks are the folders of the server's disks, when it is on this machine.
func Disks(data string) []string { return []string{data, logFolder(data)} }
