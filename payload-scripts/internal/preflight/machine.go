package preflight

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"onerpm/payload-scripts/internal/finding"
)

func sorted(s []string) []string {
	sort.Strings(s)
	return s
}

// notRoot is all that can be told to anybody else: what he may not read would look
// as if it lacked.
func notRoot() []finding.Finding {
	return []finding.Finding{{
		ID: "not-root", Level: finding.Refuse,
		What: "this program does not run as root", Do: "run it with sudo or as root",
	}}
}

// machine checks what the engine itself needs of the host.
func (r *run) machine(context.Context) []finding.Finding {
	var found []finding.Finding
	if !systemdRuns() {
		found = append(found, finding.Finding{
			ID: "no-systemd", Level: finding.Refuse,
			What: "systemd does not run this host, so nothing could carry the upgrade over a reboot",
			Do:   "run the upgrade on the host itself, not in a chroot or a container without systemd",
		})
	}
	if !r.EarlyCame { // which has a part of it already
		found = append(found, lowMemory(meminfo, int64(r.Manifest.Limits.MemoryMiB)<<20)...)
	}
	return found
}

// meminfo is where the kernel tells how much memory there is; see proc(5).
const meminfo = "/proc/meminfo"

// lowMemory checks that programs can get so many bytes of memory.
func lowMemory(meminfo string, bytes int64) []finding.Finding {
	if bytes == 0 {
		return nil
	}
	text, err := os.ReadFile(meminfo)
	if err != nil {
		return failed("find out how much memory is available", err)
	}
	_, line, _ := strings.Cut(string(text), "\nMemAvailable:")
	line, _, _ = strings.Cut(line, "kB\n")
	kib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return failed("find out how much memory is available", fmt.Errorf("%s has no MemAvailable", meminfo))
	}
	if kib<<10 >= bytes {
		return nil
	}
	return []finding.Finding{{
		ID: "low-memory", Level: finding.Refuse,
		What: fmt.Sprintf("%s of memory are available, %s are needed while both releases have their parts running", megabytes(kib<<10), megabytes(bytes)),
		Do:   "stop what is not needed on this machine, or give it more memory",
	}}
}

// systemdRuns reports whether process 1 is systemd.
func systemdRuns() bool {
	name, err := os.ReadFile("/proc/1/comm")
	if err != nil || strings.TrimSpace(string(name)) != "systemd" {
		return false
	}
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// busy tells of another package manager at work. The one that installs this
// very bundle, in whose scriptlet the check runs, is none.
func (r *run) busy(ctx context.Context) []finding.Finding {
	who, err := r.set.RPM.Busy(ctx)
	if err != nil {
		return failed("find out whether another package manager is at work", err)
	}
	if who == nil || isAncestor(who.PID) {
		return nil
	}
	return []finding.Finding{{
		ID: "package-manager-busy", Level: finding.Warn,
		What: "another package manager is at work: " + who.String(),
		Do:   "let it end; the upgrade waits for it, but not for ever",
	}}
}

// isAncestor reports whether this process was started by pid, or by what that started.
func isAncestor(pid int) bool {
	for p := os.Getppid(); p > 1; p = parent(p) {
		if p == pid {
			return true
		}
	}
	return false
}

// parent returns a process's parent out of /proc/PID/stat (proc(5)), 0 when it has ended.
func parent(pid int) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The second field is the program's name in parentheses and may hold anything.
	_, rest, _ := strings.Cut(string(data[strings.LastIndexByte(string(data), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	ppid, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return ppid
}
