package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

const (
	lockPoll   = 100 * time.Millisecond // between two tries for a lock
	keepRoots  = 6                      // roots that pruning leaves
	keepLayers = 12                     // layers of each kind that pruning leaves
)

// CacheDir returns the folder that holds roots, layers and running machines:
// $ONERPM_CACHE, or onerpm-test in the user's cache folder. It is made if it lacks.
// It must lie on a file system that can carry an overlay's upper layer (ext4, xfs,
// btrfs; not an overlay itself).
func CacheDir() (string, error) {
	dir := os.Getenv("ONERPM_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a cache folder (set ONERPM_CACHE): %w", err)
		}
		dir = filepath.Join(base, "onerpm-test")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	if strings.ContainsAny(dir, ":,\\") {
		return "", fmt.Errorf("cache folder %q: an overlay cannot be mounted on a path with ':', ',' or '\\'; set ONERPM_CACHE", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return dir, nil
}

// entry is a folder of the cache that is in use: nobody prunes it before release.
type entry struct {
	path string
	lock *flock.Flock
}

func (e *entry) release() {
	if e != nil {
		_ = e.lock.Close()
	}
}

// cached returns the folder kind-key of the cache. If it lacks, create makes it at
// the path it is given, while every other process that wants the same folder waits.
// A folder appears whole or not at all.
func cached(ctx context.Context, kind, key string, create func(ctx context.Context, path string) error) (*entry, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, kind+"-"+key)
	for {
		e := &entry{path: path, lock: flock.New(path + ".lock")}
		if _, err := e.lock.TryRLockContext(ctx, lockPoll); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		}
		switch _, err := os.Stat(path); {
		case err == nil:
			now := time.Now()
			_ = os.Chtimes(path+".lock", now, now) // the time of last use, for pruning
			return e, nil
		case !errors.Is(err, fs.ErrNotExist):
			e.release()
			return nil, fmt.Errorf("look at the cache: %w", err)
		}
		e.release()
		if err := createEntry(ctx, path, create); err != nil {
			return nil, fmt.Errorf("make the test machine's %s: %w", kind, err)
		}
	}
}

// createEntry makes path under an exclusive lock, unless somebody else just did.
func createEntry(ctx context.Context, path string, create func(context.Context, string) error) error {
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("wait for the lock: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	temp := path + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("remove what was left half made: %w", err)
	}
	if err := create(ctx, temp); err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	return publish(temp, path)
}

// publish gives temp its final name once all of it is on disk.
func publish(temp, path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the cache: %w", err)
	}
	defer func() { _ = parent.Close() }()
	if err := unix.Syncfs(int(parent.Fd())); err != nil {
		return fmt.Errorf("sync the cache: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("name the new folder: %w", err)
	}
	if err := parent.Sync(); err != nil {
		return fmt.Errorf("sync the cache: %w", err)
	}
	return nil
}

// prune removes the folders of a kind that were not used for longest, but for the
// newest keep and those in use. Lock files stay: removing one would let two
// processes hold "the" lock.
func prune(kind string, keep int) error {
	dir, err := CacheDir()
	if err != nil {
		return err
	}
	locks, err := filepath.Glob(filepath.Join(dir, kind+"-*.lock"))
	if err != nil {
		return fmt.Errorf("list the cache: %w", err)
	}
	used := map[string]time.Time{}
	locks = slices.DeleteFunc(locks, func(lock string) bool {
		info, err := os.Stat(lock)
		_, errDir := os.Stat(strings.TrimSuffix(lock, ".lock"))
		if err != nil || errDir != nil {
			return true
		}
		used[lock] = info.ModTime()
		return false
	})
	slices.SortFunc(locks, func(a, b string) int { return used[b].Compare(used[a]) })
	for _, path := range locks[min(keep, len(locks)):] {
		if err := pruneOne(path); err != nil {
			return err
		}
	}
	return nil
}

func pruneOne(path string) error {
	lock := flock.New(path)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return nil // in use, or gone
	}
	defer func() { _ = lock.Close() }()
	if err := os.RemoveAll(strings.TrimSuffix(path, ".lock")); err != nil {
		return fmt.Errorf("prune the cache: %w", err)
	}
	return nil
}
