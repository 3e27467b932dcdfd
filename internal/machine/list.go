package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is a process of a machine, as the host numbers it: signals are sent to it from outside.
type Process struct {
	PID    int
	Parent int
	Args   []string // its command line
}

// Is says whether a process runs a program of that name, whatever its folder.
func (p Process) Is(program string) bool {
	return len(p.Args) > 0 && filepath.Base(p.Args[0]) == program
}

// Processes lists the machine's processes that have a command line; none while it is off.
func (m *Machine) Processes() []Process {
	var found []Process
	for _, pid := range processesOf(m.id) {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if args := splitArgs(line); err == nil && len(args) > 0 {
			found = append(found, Process{PID: pid, Parent: parent(pid), Args: args})
		}
	}
	return found
}

// splitArgs takes a command line of /proc apart. A process that has changed its title has it as
// one string, with spaces in it and zero bytes behind it: its first word is the program, without a colon.
func splitArgs(line []byte) []string {
	line = bytes.TrimRight(line, "\x00")
	if len(line) == 0 {
		return nil
	}
	args := strings.Split(string(line), "\x00")
	if len(args) == 1 {
		args = strings.Fields(args[0])
		if len(args) > 0 {
			args[0] = strings.TrimSuffix(args[0], ":")
		}
	}
	return args
}
