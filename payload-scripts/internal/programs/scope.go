package programs

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scope is the engine's side of a program that a keeper runs.
type scope struct {
	control *os.File // closed, it has the keeper end everything
	report  *os.File
	theirs  []*os.File // the keeper's ends of both
	told    chan struct{}

	pid   int      // of the program; 0 when it is not known
	last  []string // the last line of the report
	stuck []string // processes that cannot be ended
}

// keptBy has cmd run by a keeper.
func keptBy(cmd *exec.Cmd) (*scope, error) {
	controlled, control, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	report, reported, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, controlled.Close(), control.Close())
	}
	s := &scope{control: control, report: report, theirs: []*os.File{controlled, reported}, told: make(chan struct{})}
	cmd.Args = append([]string{keeperName, cmd.Path}, cmd.Args...)
	cmd.Path = "/proc/self/exe" // also when the file was removed meanwhile
	cmd.ExtraFiles = s.theirs   // from 3 on: controlFile, reportFile
	cmd.Cancel = s.control.Close
	cmd.WaitDelay = endLimit + 5*time.Second
	return s, nil
}

// started reads the report once the keeper has its ends.
func (s *scope) started(program string) {
	s.closeTheirs()
	go func() {
		defer close(s.told)
		for lines := bufio.NewScanner(s.report); lines.Scan(); {
			words := strings.SplitN(lines.Text(), " ", 3)
			switch words[0] {
			case saysBegan:
				s.pid, _ = strconv.Atoi(strings.Join(words[1:], ""))
			case saysLeft:
				slog.Warn("ending what a program left running", "program", program, "process", strings.Join(words[1:], " "))
			case saysStuck:
				s.stuck = append(s.stuck, strings.Join(words[1:], " "))
			default:
				s.last = words
			}
		}
	}()
}

func (s *scope) closeTheirs() {
	for _, f := range s.theirs {
		_ = f.Close()
	}
	s.theirs = nil
}

func (s *scope) close() {
	s.closeTheirs()
	_ = s.control.Close()
	_ = s.report.Close()
}

// result is how the program ended, once the keeper has: its status, -1 when it has none, and why that is, as exec has it.
func (s *scope) result() (code int, err error) {
	<-s.told
	if len(s.stuck) > 0 {
		return -1, fmt.Errorf("processes that it started cannot be ended: %s", strings.Join(s.stuck, ", "))
	}
	word, value := "", 0
	if len(s.last) > 0 {
		word = s.last[0]
	}
	if len(s.last) > 1 {
		value, _ = strconv.Atoi(s.last[1])
	}
	switch word {
	case saysExit:
		if value == 0 {
			return 0, nil
		}
		return value, errStatus
	case saysSignal:
		return -1, errStatus
	case saysEnded:
		return -1, errEnded
	case saysNot:
		return -1, syscall.Errno(value)
	}
	if s.pid > 0 {
		endTree(s.pid)
	}
	return -1, errors.New("its keeper was ended by somebody else")
}
