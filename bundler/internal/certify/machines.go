package certify

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The limits of what is done with machines beside the scenarios.
const (
	resetLimit  = 30 * time.Minute // putting a machine back, or making one
	answerLimit = 10 * time.Minute // until a machine that was put back answers
	endLimit    = time.Minute      // ending one
	answerPause = time.Second
)

// Remote is one machine that somebody else keeps, and the command that puts it back.
type Remote struct {
	Machine Machine
	Reset   string // run by the shell, here; "" for a machine that is the old release already and is used once

	Tell func(format string, a ...any) // what one waits for, for people; nil for nobody
}

// AtOnce is 1: there is one machine.
func (Remote) AtOnce() int { return 1 }

// Ready puts the machine back and waits until it answers. An interrupted scenario puts it back too.
func (m Remote) Ready(ctx context.Context) (Machine, func(bool) error, error) {
	reset := func(ctx context.Context) error {
		if m.Reset == "" {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, resetLimit)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", m.Reset)
		said := &tail{most: maxErr}
		cmd.Dir, cmd.Stdout, cmd.Stderr = m.Machine.Dir, said, said
		if err := runGroup(ctx, cmd); err != nil {
			return fmt.Errorf("put the machine back with %q: %w: %s", m.Reset, err, lastLines(strings.TrimSpace(said.String()), 8))
		}
		return nil
	}
	giveBack := func(interrupted bool) error {
		if !interrupted {
			return nil
		}
		return reset(context.WithoutCancel(ctx))
	}
	machine := m.Machine
	machine.once = m.Reset == ""
	err := reset(ctx)
	if err == nil {
		err = m.answers(ctx)
	}
	return machine, giveBack, err
}

// The codes by which a shell says that there is no such program, or that it is none.
const (
	codeNoProgram = 126
	codeNotFound  = 127
)

// answers waits until a script can be run. What nobody has put back does not begin to answer by itself, and a prefix that is no program
// never does.
func (m Remote) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("it has not answered for %s", answerLimit))
	defer cancel()
	var last error
	for {
		_, err := m.Machine.must(ctx, "reach the machine", "true")
		var broken *brokenError
		if err == nil || m.Reset == "" || errors.As(err, &broken) && (broken.code == codeNoProgram || broken.code == codeNotFound) {
			return err
		}
		if m.Tell != nil && ctx.Err() == nil && (last == nil || last.Error() != err.Error()) {
			m.Tell("waiting for the machine: %v", err)
		}
		if ctx.Err() != nil {
			return firstOf(last, err)
		}
		last = err
		pause(ctx, answerPause)
	}
}

// Local makes machines with a program: the project's own, or bundler machine. That is one which, with --stay,
// the release and the platform without its architecture, boots a machine, prints the command prefix that reaches it as one line, and
// removes the machine when its standard input ends. What it writes on standard error is for people.
type Local struct {
	Tell func(format string, a ...any) // what the program says, a line at a time, for people; may be called from several goroutines; nil for nobody

	dir     string // the project
	program string
	args    []string
	temp    string // folder of the program that was built, "" for none
}

// atOnce machines of a Local run at a time.
const atOnce = 2

// AtOnce is how many machines run at a time.
func (*Local) AtOnce() int { return atOnce }

// NewLocal builds the project's program for machines of a release on a platform, with data. Close removes it.
func NewLocal(ctx context.Context, project, source, release, platform string) (*Local, error) {
	system, _, _ := strings.Cut(platform, ".")
	if _, err := os.Stat(filepath.Join(project, source)); err != nil {
		return nil, fmt.Errorf("the project has no test machine: %w", err)
	}
	temp, err := os.MkdirTemp("", "bundler-certify-")
	if err != nil {
		return nil, err
	}
	l := &Local{dir: project, temp: temp, program: filepath.Join(temp, "machine"), args: []string{"--stay", "--data", "--release", release, "--platform", system}}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", l.program, "./"+filepath.ToSlash(source))
	cmd.Dir = project
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("build the test machine: %w: %s", err, lastLines(strings.TrimSpace(string(said)), 8)), l.Close())
	}
	return l, nil
}

// LocalOf makes machines with a program that is there, such as this one with the word machine in front of the arguments. data is
// whether the machines are to have data.
func LocalOf(program string, words []string, project, release, platform string, data bool) *Local {
	system, _, _ := strings.Cut(platform, ".")
	args := slices.Concat(words, []string{"--stay", "--release", release, "--platform", system})
	if data {
		args = append(args, "--data")
	}
	return &Local{dir: project, program: program, args: args}
}

// Close removes the program, if it was built.
func (l *Local) Close() error {
	if l.temp == "" {
		return nil
	}
	return os.RemoveAll(l.temp)
}

// Ready boots a machine.
func (l *Local) Ready(ctx context.Context) (Machine, func(bool) error, error) {
	cmd := exec.Command(l.program, l.args...)
	cmd.Dir = l.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is ended in order, not by the terminal
	said := &tail{most: maxErr}
	lines := &liner{tell: l.Tell}
	cmd.Stderr = io.MultiWriter(said, lines)
	in, err := cmd.StdinPipe()
	if err != nil {
		return Machine{}, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Machine{}, nil, err
	}
	if err := cmd.Start(); err != nil {
		return Machine{}, nil, err
	}
	prefix := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(out, maxErr)).ReadString('\n')
		prefix <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, out)
		err := cmd.Wait()
		lines.end()
		ended <- err
	}()
	end := func(bool) error { return endProgram(in, cmd.Process, ended, said) }
	ctx, cancel := context.WithTimeout(ctx, resetLimit)
	defer cancel()
	select {
	case via := <-prefix:
		if via == "" {
			return Machine{}, nil, errors.Join(errors.New("the test machine did not come up"), end(true))
		}
		return Machine{Via: via, Dir: l.dir}, end, nil
	case <-ctx.Done():
		return Machine{}, nil, errors.Join(context.Cause(ctx), end(true))
	}
}

// liner tells what is written to it, a line at a time.
type liner struct {
	tell func(format string, a ...any)
	rest []byte
}

func (l *liner) Write(p []byte) (int, error) {
	if l.tell == nil {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			break
		}
		l.tell("%s", line)
		l.rest = rest
	}
	if len(l.rest) > maxErr { // not to be held until it ends
		l.end()
	}
	return len(p), nil
}

// end tells a last line that has no end.
func (l *liner) end() {
	if len(l.rest) > 0 {
		l.tell("%s", l.rest)
		l.rest = nil
	}
}

// endProgram lets the program remove its machine, and kills it when it does not.
func endProgram(in io.Closer, p *os.Process, ended <-chan error, said *tail) error {
	_ = in.Close() // that is how it learns it
	var err error
	select {
	case err = <-ended:
	case <-time.After(endLimit):
		_ = p.Signal(syscall.SIGTERM)
		select {
		case err = <-ended:
		case <-time.After(endLimit):
			_ = p.Kill()
			err = <-ended
		}
	}
	if err != nil {
		return fmt.Errorf("the test machine's program: %w: %s", err, lastLines(strings.TrimSpace(said.String()), 12))
	}
	return nil
}
