package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Process is a process of the host.
type Process struct {
	PID  int
	Name string // of its program, at most 15 bytes; what cannot be printed is a question mark
}

// Descendants returns the processes that came of others, by the tree of processes: those that run.
func Descendants(of ...int) []Process {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	children := map[int][]Process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if p, parent, runs := parseStat(string(text)); runs {
			children[parent] = append(children[parent], p)
		}
	}
	var found []Process
	seen := slices.Clone(of)
	for next := seen; len(next) > 0; {
		var below []int
		for _, parent := range next {
			for _, p := range children[parent] {
				if !slices.Contains(seen, p.PID) { // the table is not of one moment
					found, below, seen = append(found, p), append(below, p.PID), append(seen, p.PID)
				}
			}
		}
		next = below
	}
	return found
}

// endTree ends a process and all that came of it, without being above it: whoever has left its tree by now, nobody knows.
// Each is stopped before its children are looked for: one that starts another between the look and its own end leaves it to
// init. It has to be seen stopped, for a signal that comes in the middle of a fork is taken after it (copy_process in the
// kernel, since 4.20).
func endTree(root int) {
	of := []int{root}
	deadline := time.Now().Add(endLimit)
	for next := of; len(next) > 0; {
		for _, pid := range next {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		for !allStopped(next) && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		next = nil
		if time.Now().Before(deadline) {
			for _, p := range Descendants(of...) {
				next = append(next, p.PID)
			}
		}
		of = append(of, next...)
	}
	for _, pid := range of {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// allStopped reports whether no thread of the processes runs.
func allStopped(pids []int) bool {
	for _, pid := range pids {
		threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat") // the pattern is right
		for _, path := range threads {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // it has ended
			}
			if _, fields, is := cutStat(string(text)); is && !strings.ContainsAny(fields[stateField], "TtZXx") {
				return false
			}
		}
	}
	return true
}

// Fields of /proc/PID/stat after the name, see proc_pid_stat(5).
const (
	stateField = iota
	parentField
	threadsField = 17
)

// parseStat reads /proc/PID/stat. One that has ended and is waited for (Z, X) does not run, and has no children, but for one
// whose first thread alone has ended.
func parseStat(text string) (p Process, parent int, runs bool) {
	name, fields, is := cutStat(text)
	if !is {
		return p, 0, false
	}
	first, _, _ := strings.Cut(text, " ")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return p, 0, false
	}
	parent, err = strconv.Atoi(fields[parentField])
	if err != nil {
		return p, 0, false
	}
	threads, err := strconv.Atoi(fields[threadsField])
	ended := strings.ContainsAny(fields[stateField], "ZXx") && threads <= 1
	return Process{PID: pid, Name: printable(name)}, parent, err == nil && !ended
}

// cutStat returns the name, and the fields behind it, of PID (NAME) STATE PARENT... A name may hold blanks, brackets and ends
// of lines.
func cutStat(text string) (name string, fields []string, is bool) {
	_, rest, _ := strings.Cut(text, " (")
	i := strings.LastIndex(rest, ") ")
	if i < 0 {
		return "", nil, false
	}
	fields = strings.Fields(rest[i+2:])
	return rest[:i], fields, len(fields) > threadsField
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
