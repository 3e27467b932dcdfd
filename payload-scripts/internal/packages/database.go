package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Backup puts a cold copy of rpm's database into folder, durably. It is for a
// person: the engine never restores it. Nobody may write to the database
// meanwhile; that nobody did is checked.
func (s *Set) Backup(ctx context.Context, folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := s.copyDatabase(ctx, folder, host.CopyFile); err != nil {
		return fmt.Errorf("back up rpm's database: %w", err)
	}
	return host.SyncDir(filepath.Dir(folder))
}

// copyDatabase copies rpm's database and proves that the copy tells the same
// as the original. It also works in a scriptlet, while the transaction around
// it is open: rpm itself waits for the scriptlet then, and what it has not
// committed is in neither.
func (s *Set) copyDatabase(ctx context.Context, to string, copyFile func(src, dst string) error) error {
	from, err := s.DBPath(ctx)
	if err != nil {
		return err
	}
	const tries = 5
	for try := 1; ; try++ {
		err := s.copyOnce(ctx, from, to, copyFile)
		if err == nil || try == tries || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (s *Set) copyOnce(ctx context.Context, from, to string, copyFile func(src, dst string) error) error {
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
	live, err := all(ctx, s.rpm())
	if err != nil {
		return err
	}
	copied, err := all(ctx, []string{"--dbpath", to})
	if err != nil {
		return err
	}
	if live != copied {
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
func (s *Set) DatabaseSize(ctx context.Context) (int64, error) {
	dir, err := s.DBPath(ctx)
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

// all returns every package of a database with what makes an entry its own, sorted, one a line.
func all(ctx context.Context, global []string) (string, error) {
	args := append(append([]string{}, global...), "-qa", "--qf", `%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n`)
	res, err := host.Run(ctx, host.Cmd{Name: "rpm", Args: args, Timeout: queryTimeout})
	if err != nil {
		return "", fmt.Errorf("list all packages: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(res.Stdout), "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n"), nil
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

// memory are the folders that a copy is made in: of memory, so that nothing is
// written to the host, and nothing is left after a power cut.
var memory = []string{"/run", "/dev/shm"}

// scratch makes a folder in memory with room for bytes.
func (s *Set) scratch(bytes int64) (string, error) {
	prefix := s.Manifest.Prefix + "-proof-"
	sweepScratch(prefix)
	var tight error
	for _, dir := range memory {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
			continue
		}
		if free := int64(st.Bavail) * st.Bsize; free < bytes {
			tight = errors.Join(tight, fmt.Errorf("%s has %d MB free, %d MB are needed to try the upgrade on a copy of rpm's database", dir, free>>20, bytes>>20+1))
			continue
		}
		return os.MkdirTemp(dir, prefix+strconv.Itoa(os.Getpid())+"-")
	}
	if tight != nil {
		return "", tight
	}
	return "", fmt.Errorf("none of %s is a tmpfs: there is no place for a copy of rpm's database", strings.Join(memory, ", "))
}

// sweepScratch removes what killed processes left in memory.
func sweepScratch(prefix string) {
	for _, dir := range memory {
		left, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
		if err != nil {
			continue
		}
		for _, path := range left {
			pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), prefix), "-")
			if n, err := strconv.Atoi(pid); err == nil && n > 0 && errors.Is(unix.Kill(n, 0), unix.ESRCH) {
				_ = os.RemoveAll(path)
			}
		}
	}
}
