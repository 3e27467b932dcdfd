package hook

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

// endLimit bounds the wait for ended processes to be gone.
const endLimit = 10 * time.Second

// EndLeftovers ends every process of this attempt's hooks. A killed engine leaves
// its hook running until the hook's keeper has seen that it is gone, and an undo beside the hook would be
// undone by it. The processes are found by their environment, which most children inherit, and
// below those: no record can be late for that, and no process id mistaken. Keepers end last,
// because what is below them could not be found any more.
func (r Room) EndLeftovers(ctx context.Context) error {
	deadline := time.Now().Add(endLimit)
	for {
		found, err := r.leftovers()
		if err != nil || len(found) == 0 {
			return err
		}
		end := slices.DeleteFunc(slices.Clone(found), programs.IsKeeper)
		if len(end) == 0 {
			end = found
		}
		for _, pid := range end {
			slog.Warn("ending what a hook left running", "pid", pid)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("end process %d that a hook left running: %w", pid, err)
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v that a hook left running do not end", found)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// leftovers finds the processes whose environment (proc(5)) has this attempt's mark, and what is below them.
func (r Room) leftovers() ([]int, error) {
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, path := range all {
		environ, err := os.ReadFile(path)
		if err != nil || len(environ) == 0 { // it has ended, or its first thread has, or it is the kernel's
			environ = ofAnyThread(filepath.Dir(path))
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		for v := range bytes.SplitSeq(environ, []byte{0}) {
			if string(v) == r.mark() {
				found = append(found, pid)
				break
			}
		}
	}
	for _, p := range programs.Descendants(found...) {
		found = append(found, p.PID)
	}
	return found, nil
}

// ofAnyThread returns the environment that a thread of a process has; nil when none has any.
func ofAnyThread(process string) []byte {
	threads, _ := filepath.Glob(process + "/task/*/environ") // the pattern is right
	for _, path := range threads {
		if environ, err := os.ReadFile(path); err == nil && len(environ) > 0 {
			return environ
		}
	}
	return nil
}
