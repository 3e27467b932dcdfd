package rpm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/host"
)

// Backup puts a cold copy of rpm's database into folder, durably. It is for a
// person: the engine never restores it. Nobody may write to the database
// meanwhile: a package manager that began since is waited for, as WaitFree does.
func (h *Host) Backup(ctx context.Context, folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := h.copyDatabase(ctx, folder, host.CopyFile, h.WaitFree); err != nil {
		return fmt.Errorf("back up rpm's database: %w", err)
	}
	return host.SyncDir(filepath.Dir(folder))
}

// Copy puts a copy of rpm's database into folder that need not survive a crash; see copyDatabase.
func (h *Host) Copy(ctx context.Context, folder string) error {
	return h.copyDatabase(ctx, folder, plainCopy, atOnce)
}

// atOnce waits for nobody.
func atOnce(context.Context) error { return nil }

// copyDatabase copies rpm's database and proves that the copy tells the same
// as the original; wait comes before each try. It also works in a scriptlet,
// where nobody may be waited for, while the transaction around
// it is open: rpm itself waits for the scriptlet then, and what it has not
// committed is in neither.
func (h *Host) copyDatabase(ctx context.Context, to string, copyFile func(src, dst string) error, wait func(context.Context) error) error {
	from, err := h.DBPath(ctx)
	if err != nil {
		return err
	}
	const tries = 5
	for try := 1; ; try++ {
		if err := wait(ctx); err != nil {
			return err
		}
		err := h.copyOnce(ctx, from, to, copyFile)
		if err == nil || try == tries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (h *Host) copyOnce(ctx context.Context, from, to string, copyFile func(src, dst string) error) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	before, err := databaseFiles(from)
	if err != nil {
		return err
	}
	for name := range before {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("copy rpm's database: %w", err)
		}
	}
	after, err := databaseFiles(from)
	if err != nil {
		return err
	}
	for name, was := range before {
		if after[name] != was {
			return fmt.Errorf("copy rpm's database: %s was written to meanwhile", name)
		}
	}
	live, err := h.DB().All(ctx)
	if err != nil {
		return err
	}
	copied, err := DBAt(to).All(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(live, copied) {
		return errors.New("copy rpm's database: the copy does not list the same packages as the database itself")
	}
	return nil
}

// stamp tells whether a file was written to.
type stamp struct {
	size  int64
	mtime time.Time
}

// databaseFiles returns the files of rpm's database that hold its content: not
// locks, nor the memory that processes share (BDB's regions, SQLite's -shm),
// which every reader makes anew.
func databaseFiles(dir string) (map[string]stamp, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the folder of rpm's database: %w", err)
	}
	files := map[string]stamp{}
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || strings.HasPrefix(name, "__db.") || strings.HasSuffix(name, ".lock") ||
			strings.HasSuffix(name, "-shm") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		files[name] = stamp{info.Size(), info.ModTime()}
	}
	return files, nil
}

// DatabaseSize returns the bytes that a copy of rpm's database takes.
func (h *Host) DatabaseSize(ctx context.Context) (int64, error) {
	dir, err := h.DBPath(ctx)
	if err != nil {
		return 0, err
	}
	files, err := databaseFiles(dir)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, f := range files {
		sum += f.size
	}
	return sum, nil
}

// plainCopy copies a file without making it durable.
func plainCopy(src, dst string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
