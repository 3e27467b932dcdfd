package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cmd is a command to run in a machine, as root, with a clean environment.
type Cmd struct {
	Args   []string  // the program, looked up in the machine's PATH, and its arguments
	Env    []string  // "NAME=value", added to the clean environment
	Dir    string    // where it runs; /root if empty
	Stdin  io.Reader // nothing if nil
	Stdout io.Writer // into the Result if nil
	Stderr io.Writer // into the Result if nil

	// Terminal leaves the command in the caller's process group, as one that
	// talks to the caller's terminal has to be.
	Terminal bool
}

// Result is how a command in a machine ended.
type Result struct {
	Stdout string
	Stderr string
	Code   int // exit code; 128 and the signal's number if one ended it
}

// Err is an error with the code and the end of the output, for a command that had to succeed.
func (r Result) Err() error {
	if r.Code == 0 {
		return nil
	}
	return fmt.Errorf("exit %d\n%s", r.Code, lastLines([]byte(r.Stdout+r.Stderr), 30))
}

// Run runs a program in the machine. A program that fails is no error: see the
// Result's Code. An error means that it could not be run, or was ended with ctx.
func (m *Machine) Run(ctx context.Context, args ...string) (Result, error) {
	return m.Exec(ctx, Cmd{Args: args})
}

// Shell runs a script by the machine's bash, as [Machine.Run] does.
func (m *Machine) Shell(ctx context.Context, script string) (Result, error) {
	return m.Exec(ctx, Cmd{Args: []string{"bash", "-c", script}})
}

// Output runs a script, as [Machine.Shell] does, that has to end with 0, and returns what it printed.
func (m *Machine) Output(ctx context.Context, script string) (string, error) {
	r, err := m.Shell(ctx, script)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s: exit %d\n%s%s", script, r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout), err
}

// Do runs a script that has to end with 0.
func (m *Machine) Do(ctx context.Context, script string) error {
	r, err := m.Shell(ctx, script)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s: %w", script, r.Err())
	}
	return err
}

// Exec is [Machine.Run] with everything said. The command is in all of the machine's
// namespaces and its control groups, and dies with it.
func (m *Machine) Exec(ctx context.Context, c Cmd) (Result, error) {
	p := m.current()
	if p == nil {
		return Result{}, errors.New("run a command: the test machine is off")
	}
	return m.run(ctx, p, c)
}

func (m *Machine) run(ctx context.Context, p *power, c Cmd) (Result, error) {
	if len(c.Args) == 0 {
		return Result{}, errors.New("run a command: none given")
	}
	pid, err := p.pid()
	if err != nil {
		return Result{}, fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	args, err := enter(pid, c)
	if err != nil {
		return Result{}, fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(cleanEnv(), c.Env...)
	cmd.Stdin = c.Stdin
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	if c.Stdout == nil {
		cmd.Stdout = &out
	}
	if c.Stderr == nil {
		cmd.Stderr = &errOut
	}
	if !c.Terminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	}
	cmd.WaitDelay = 2 * time.Second // a daemon may have kept the pipes
	err = cmd.Run()
	r := Result{Stdout: out.String(), Stderr: errOut.String()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("run %s: %w", c.Args[0], ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	r.Code = exitCode(cmd)
	return r, nil
}

// exitCode is the code as a shell tells it.
func exitCode(cmd *exec.Cmd) int {
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// enter returns the command line that runs c in the machine whose process 1 is pid.
func enter(pid int, c Cmd) ([]string, error) {
	groups, err := groupsInside(pid)
	if err != nil {
		return nil, err
	}
	dir := c.Dir
	if dir == "" {
		dir = "/root"
	}
	nsenter := []string{"nsenter", "--target", strconv.Itoa(pid), "--all", "--root", "--wdns=" + dir}
	return joinGroups(groups, append(nsenter, c.Args...)...), nil
}

// EnterCommand is what a person types on the host for a shell in the machine.
func (m *Machine) EnterCommand() string {
	p := m.current()
	if p == nil {
		return "(the machine is off)"
	}
	pid, err := p.pid()
	if err != nil {
		return "(the machine is booting)"
	}
	return fmt.Sprintf("nsenter --target %d --all --wdns=/root bash --login", pid)
}

// Prefix is what a shell on the host writes before a command so that it runs in the machine, as
// [Machine.Exec] runs it. It holds over reboots, and fails while the machine has no first process.
func (m *Machine) Prefix() (string, error) {
	p := m.current()
	if p == nil {
		return "", errors.New("reach a test machine that is off")
	}
	pid, err := p.pid()
	if err != nil {
		return "", fmt.Errorf("reach the test machine: %w", err)
	}
	groups, err := groupsInside(pid)
	if err != nil {
		return "", fmt.Errorf("reach the test machine: %w", err)
	}
	args := append([]string{"env", "-i"}, cleanEnv()...)
	args = append(args, "sh", "-c", enterAnew, strings.Join(groups, " "))
	for i, a := range args {
		args[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(args, " "), nil
}

// enterAnew enters the machine whose groups for what the host runs in it are $0. Its first process, which is number 1 of its own process
// namespace, is in the group that systemd makes for itself beside them, with what that is just starting. One line: so is the prefix.
const enterAnew = `pid=; for g in $0; do for p in $(cat "${g%/*}/init.scope/cgroup.procs"); do ` +
	`grep -q "^NSpid:.*[^0-9]1$" "/proc/$p/status" && pid=$p && break 2; done; done 2>/dev/null; ` +
	`[ -n "$pid" ] || { echo "the test machine has no first process now" >&2; exit 125; }; ` +
	`for g in $0; do mkdir -p "$g" && echo $$ >"$g/cgroup.procs" || exit 126; done; ` +
	`exec nsenter --target "$pid" --all --root --wdns=/root "$@"`
