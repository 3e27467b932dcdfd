package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// Fields of /proc/PID/stat after the name, see proc_pid_stat(5).
const (
	stateField = iota
	parentField
	threadsField = 17
)

// parseStat reads /proc/PID/stat: PID (NAME) STATE PARENT. A name may hold blanks, brackets and ends of lines. One that has
// ended and is waited for (Z, X) does not run, and has no children, but for one whose first thread alone has ended.
func parseStat(text string) (p Process, parent int, runs bool) {
	first, rest, _ := strings.Cut(text, " (")
	i := strings.LastIndex(rest, ") ")
	if i < 0 {
		return p, 0, false
	}
	fields := strings.Fields(rest[i+2:])
	if len(fields) <= threadsField {
		return p, 0, false
	}
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
	return Process{PID: pid, Name: printable(rest[:i])}, parent, err == nil && !ended
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
