package memory

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFolder(t *testing.T) {
	t.Parallel()
	prefix := fmt.Sprintf("rpm-test-%d-", os.Getpid())
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	left := fmt.Sprintf("/dev/shm/%s%d-x", prefix, ended.Process.Pid)
	mine := fmt.Sprintf("/dev/shm/%s%d-x", prefix, os.Getpid())
	for _, dir := range []string{left, mine} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	dir, err := Folder(prefix, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
		t.Errorf("%s is not in memory: %v", dir, err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process left is still there: %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("what a process at work has was taken away: %v", err)
	}
	if _, err := Folder(prefix, 1<<60); err == nil || !strings.Contains(err.Error(), "MB are needed") {
		t.Errorf("without room: %v", err)
	}
}
