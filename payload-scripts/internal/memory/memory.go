// Package memory makes folders in memory for what is tried before an upgrade: nothing is written to
// the host, and nothing is left after a power cut.
package memory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// places are file systems in memory.
var places = []string{"/run", "/dev/shm"}

// Folder makes a folder in memory with room for bytes, whose name begins with
// prefix. What killed processes left there with that prefix is removed.
func Folder(prefix string, bytes int64) (string, error) {
	sweep(prefix)
	var tight error
	for _, dir := range places {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
			continue
		}
		if free := int64(st.Bavail) * st.Bsize; free < bytes {
			tight = errors.Join(tight, fmt.Errorf("%s has %d MB free, %d MB are needed to try the upgrade on copies", dir, free>>20, bytes>>20+1))
			continue
		}
		return os.MkdirTemp(dir, prefix+strconv.Itoa(os.Getpid())+"-")
	}
	if tight != nil {
		return "", tight
	}
	return "", fmt.Errorf("none of %s is a tmpfs: there is no place to try the upgrade on copies", strings.Join(places, ", "))
}

// sweep removes what killed processes left in memory.
func sweep(prefix string) {
	for _, dir := range places {
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
