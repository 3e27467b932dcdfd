// Package programs is the only place of the engine that runs programs. It promises that no
// child waits for input, speaks another language than C, or (but for rpm) runs for ever; that a
// program which succeeded is told to have, whatever it left behind, with all that it said; that nothing
// is left of one that is run in a scope; and that no secret is passed in an argument list.
package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"onerpm/payload-scripts/internal/host"
)

// Cmd is a program to run.
type Cmd struct {
	Name    string              // a path, or a name that is found in Folders and then in the system's own
	Folders []string            // further folders of programs: where the spec says that they lie
	Args    []string            // never a secret: every user of the host can read them
	Env     []string            // added to the fixed environment; never a secret either
	Input   io.Reader           // what the program may read, a secret too; nil is /dev/null
	Timeout time.Duration       // 0 means none, for rpm only: a killed rpm leaves the host half changed
	Stdout  io.Writer           // besides Result.Stdout; nil for none
	Stderr  io.Writer           // besides Result.Stderr; nil for none
	User    *syscall.Credential // nil: root, as the engine
	Discard bool                // do not keep stdout in the result: for large output
	Scope   bool                // all that it starts ends with it, and with the engine: for what is not a program of the system. Not with User

	// OutFile and ErrFile, when set, are the child's stdout and stderr themselves,
	// and the result holds nothing of them. A child with pipes is ended by them
	// when the engine dies; rpm must go on.
	OutFile, ErrFile *os.File
}

// Result is what a program said.
type Result struct {
	Stdout string
	Stderr string
	Code   int // exit status; -1 when it was ended by a signal
}

// keepOutput bounds what is kept of a child's output, in bytes.
const keepOutput = 8 << 20

// Run runs c and waits for its end. It is an error
// when c cannot be found or started, is ended by the timeout or by ctx, or exits with
// another status than 0 (then the error is an *ExitError). The result is valid
// in every case.
func Run(ctx context.Context, c Cmd) (Result, error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	} else {
		ctx = context.WithoutCancel(ctx)
	}
	path, err := Find(c.Name, c.Folders...)
	if err != nil {
		return Result{}, err
	}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Args[0] = c.Name
	cmd.Env = append(environment(c.Folders), c.Env...)
	cmd.Dir = "/"
	cmd.Stdin = c.Input
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.User}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = silence
	var kept *scope
	if c.Scope {
		if kept, err = keptBy(cmd); err != nil {
			return Result{}, fmt.Errorf("run %s: %w", c.Name, err)
		}
		defer kept.close()
	}
	var out, errs limited
	outputs, err := c.outputs(cmd, &out, &errs)
	if err != nil {
		return Result{}, fmt.Errorf("run %s: %w", c.Name, err)
	}
	slog.Debug("run", "program", c.Name, "args", c.Args)
	start := time.Now()
	program := filepath.Base(c.Name)
	host.Point("exec "+program, strings.Join(c.Args, " "))
	err = cmd.Start()
	for _, o := range outputs {
		o.started(err == nil)
	}
	var res Result
	if err == nil {
		host.Point("started "+program, strings.Join(c.Args, " "))
		res.Code, err = await(ctx, cmd, kept, outputs)
		host.Point("ended "+program, strings.Join(c.Args, " "))
	}
	res.Stdout, res.Stderr = out.String(), errs.String()
	slog.Debug("ran", "program", c.Name, "code", res.Code, "took", time.Since(start).Round(time.Millisecond), "stderr", tail(res.Stderr, 2000))
	return res, describe(ctx, c, res, err)
}

// await waits for the end of a program that was started, and for all that it said.
func await(ctx context.Context, cmd *exec.Cmd, kept *scope, outputs []*output) (code int, err error) {
	if kept != nil {
		kept.started(filepath.Base(cmd.Args[2]))
	}
	err = cmd.Wait()
	code = cmd.ProcessState.ExitCode()
	if errors.Is(err, exec.ErrWaitDelay) { // what it left has its input, which nobody reads any more
		err = nil
	}
	if kept != nil {
		var own error
		if code, own = kept.result(); own != nil || ctx.Err() != nil {
			err = own
		}
	}
	held := false
	for _, o := range outputs {
		if copied := o.finish(ctx); err == nil {
			err = copied
		}
		held = held || o.held
	}
	if held && kept == nil && ctx.Err() == nil {
		slog.Warn("ending what a program left running, as it holds its output", "program", filepath.Base(cmd.Args[0]))
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what has left the group too stays, and goes on without a reader
	}
	return code, err
}

// errStatus is a program's end with another status than 0, as its keeper tells it; errEnded that it was ended.
var (
	errStatus = errors.New("it exited with another status than 0")
	errEnded  = errors.New("it was ended")
)

func describe(ctx context.Context, c Cmd, res Result, err error) error {
	exit := (*exec.ExitError)(nil)
	switch exited := errors.Is(err, errStatus); {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && !exited:
		return fmt.Errorf("%s was ended after %s without an answer: %w", c.Name, c.Timeout, context.DeadlineExceeded)
	case ctx.Err() != nil && !exited:
		return fmt.Errorf("%s was ended: %w", c.Name, ctx.Err())
	case exited, errors.As(err, &exit):
		return &ExitError{Name: c.Name, Args: c.Args, Result: res}
	default:
		return fmt.Errorf("run %s: %w", c.Name, err)
	}
}

// ExitError is a program that ended with another status than 0.
type ExitError struct {
	Name   string
	Args   []string
	Result Result
}

func (e *ExitError) Error() string {
	said := ends(strings.TrimSpace(e.Result.Stderr), 600)
	if said == "" {
		said = ends(strings.TrimSpace(e.Result.Stdout), 600)
	}
	if said == "" {
		said = "it said nothing"
	}
	return fmt.Sprintf("%s exited with status %d: %s", e.Name, e.Result.Code, said)
}

// ends returns about the first and last n bytes of s, in whole lines where it can: what
// came first is often the cause, what came last the verdict.
func ends(s string, n int) string {
	if len(s) <= 2*n {
		return s
	}
	first, last := s[:n], s[len(s)-n:]
	if i := strings.LastIndexByte(first, '\n'); i > 0 {
		first = first[:i]
	}
	if i := strings.IndexByte(last, '\n'); i >= 0 && i < n-1 {
		last = last[i+1:]
	}
	return first + "\n...\n" + last
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}

// limited keeps the first keepOutput bytes and drops the rest. The buffer is not
// embedded: its ReadFrom, which io.Copy prefers, knows no limit.
type limited struct{ kept bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := keepOutput - l.kept.Len(); room > 0 {
		l.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (l *limited) String() string { return l.kept.String() }
