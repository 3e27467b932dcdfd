package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cleanEnv is the environment of what runs in a machine and of nspawn: nothing of
// the caller's reaches it.
func cleanEnv() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8",
	}
}

// findLeader returns the process below ancestor that is number 1 of its own process
// namespace, as the host numbers it; 0 if there is none.
func findLeader(ancestor int) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !isFirst(pid) {
			continue
		}
		for up := parent(pid); up > 1; up = parent(up) {
			if up == ancestor {
				return pid
			}
		}
	}
	return 0
}

// isFirst says whether pid is number 1 of a process namespace below ours that runs
// an init: nspawn's own stub in between does not count.
func isFirst(pid int) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("NSpid:")); ok {
			f := bytes.Fields(rest)
			return len(f) >= 2 && string(f[len(f)-1]) == "1" && runsInit(pid)
		}
	}
	return false
}

func runsInit(pid int) bool {
	exe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	return err == nil && strings.HasSuffix(exe, "/systemd")
}

// parent returns the parent of pid, 0 if there is none.
func parent(pid int) int {
	f := statFields(pid)
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(f[1])
	return n
}

// isZombie says whether pid has ended and only waits for its parent to notice.
func isZombie(pid int) bool {
	f := statFields(pid)
	return len(f) == 0 || f[0] == "Z" || f[0] == "X"
}

// statFields returns /proc/PID/stat from the state on: state, parent, ...
func statFields(pid int) []string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	// pid (name) state parent ...; the name may hold anything, ')' too
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}
