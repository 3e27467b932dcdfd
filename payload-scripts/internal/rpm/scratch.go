package rpm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memory are the folders that a copy is made in: of memory, so that nothing is
// written to the host, and nothing is left after a power cut.
var memory = []string{"/run", "/dev/shm"}

// Scratch makes a folder in memory with room for bytes, whose name begins with
// prefix. What killed processes left there with that prefix is removed.
func Scratch(prefix string, bytes int64) (string, error) {
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
