package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is a process of the host.
type Process struct {
	PID  int
	Name string // of its program, at most 15 bytes
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

// parseStat reads /proc/PID/stat, see proc(5): PID (NAME) STATE PARENT. A name may hold blanks and brackets. One that has
// ended and is waited for (Z, X) does not run, and has no children.
func parseStat(text string) (p Process, parent int, runs bool) {
	first, rest, _ := strings.Cut(text, " (")
	i := strings.LastIndex(rest, ") ")
	if i < 0 {
		return p, 0, false
	}
	fields := strings.Fields(rest[i+2:])
	if len(fields) < 2 {
		return p, 0, false
	}
	pid, err := strconv.Atoi(first)
	if err != nil {
		return p, 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return Process{PID: pid, Name: rest[:i]}, parent, err == nil && !strings.ContainsAny(fields[0], "ZXx")
}
