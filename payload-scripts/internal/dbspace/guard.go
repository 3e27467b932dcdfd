package dbspace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/database"
)

// Floor is what the upgrade leaves free, in bytes, on the disks of a server that serves: four
// segments of PostgreSQL's log.
const Floor = 64 << 20

// guardPause is waited between two looks.
const guardPause = 100 * time.Millisecond

// FullError says that work was ended because a disk is nearly full.
type FullError struct {
	Path string
	Free int64
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the file system of %s has only %d MB left, and the database needs them while it serves; free space there, then start again", e.Path, e.Free>>20)
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

// WhileServing runs work and ends it before it fills a disk of the database, which serves meanwhile.
func WhileServing(ctx context.Context, db *database.DB, work func(context.Context) error) error {
	data, here, err := Folder(ctx, db)
	switch {
	case database.Lost(err) || err == nil && !here:
		return work(ctx) // which waits for a server that is restarted just now
	case err != nil:
		return err
	}
	return Guard(ctx, Disks(data), Floor, work)
}
