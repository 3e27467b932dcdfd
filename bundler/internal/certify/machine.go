package certify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Limits of what one command on a machine may say, in bytes. Of what goes to its
// standard error the end is kept.
const (
	maxOut = 64 << 20
	maxErr = 64 << 10
)

// killDelay is how long a command on a machine has to end by itself once it is interrupted.
const killDelay = 5 * time.Second

// Machine is reached by a command prefix. What is run there stands behind the prefix as
// plain words, and scripts go over standard input, so nothing is ever quoted for the
// machine's shell: the same prefix works when it runs a shell there (ssh) and when it does not
// (nsenter, podman exec -i).
type Machine struct {
	Via string // as a person writes it on a shell's command line; "" is this machine
	Dir string // where the prefix is run, "" for the current folder
}

// result is how a script ended.
type result struct {
	out  string
	err  string // the end of standard error
	code int
}

// outputTail is the end of all that it wrote, for a message.
func (r result) outputTail() string {
	return lastLines(strings.TrimSpace(r.out+"\n"+r.err), 12)
}

// errFull is returned when a command says more than it may.
var errFull = fmt.Errorf("it wrote more than %d bytes", maxOut)

// sh runs a script by the machine's /bin/sh. The script cannot eat itself: it is read whole
// before it begins, and its standard input is empty. A script that fails is no error.
func (m Machine) sh(ctx context.Context, script string) (result, error) {
	return m.run(ctx, "/bin/sh -s", strings.NewReader("{\n"+script+"\n} </dev/null\n"))
}

// must runs a script that has to succeed, and returns what it printed.
func (m Machine) must(ctx context.Context, what, script string) (string, error) {
	r, err := m.sh(ctx, script)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if r.code != 0 {
		return "", fmt.Errorf("%s: exit code %d: %s", what, r.code, r.outputTail())
	}
	return r.out, nil
}

// send writes what r gives into a file of the machine, compares digests and returns that. The path
// may not have a space or a sign that a shell knows.
func (m Machine) send(ctx context.Context, path string, r io.Reader) (string, error) {
	sum := sha256.New()
	got, err := m.run(ctx, "dd of="+path+" bs=1048576", io.TeeReader(r, sum))
	if err == nil && got.code != 0 {
		err = fmt.Errorf("exit code %d: %s", got.code, got.outputTail())
	}
	if err != nil {
		return "", fmt.Errorf("write %s on the machine: %w", path, err)
	}
	there, err := m.must(ctx, "read "+path+" on the machine", "sha256sum "+path)
	if err != nil {
		return "", err
	}
	want := hex.EncodeToString(sum.Sum(nil))
	if have, _, _ := strings.Cut(there, " "); have != want {
		return "", fmt.Errorf("write %s on the machine: it arrived with sha256 %s, not %s", path, have, want)
	}
	return want, nil
}

// run runs words behind the prefix.
func (m Machine) run(ctx context.Context, words string, in io.Reader) (result, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", strings.TrimSpace(m.Via+" "+words))
	cmd.Dir = m.Dir
	cmd.Stdin = in
	out, errs := &limited{most: maxOut}, &tail{most: maxErr}
	cmd.Stdout, cmd.Stderr = out, errs
	group(cmd)
	err := cmd.Run()
	r := result{out: out.String(), err: errs.String(), code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case out.full:
		return r, errFull
	case err != nil && !errors.As(err, &exit):
		return r, err
	case r.code < 0:
		return r, fmt.Errorf("%s was ended: %w", m.name(), err)
	}
	return r, nil
}

func (m Machine) name() string {
	if m.Via == "" {
		return "the shell"
	}
	return m.Via
}

// group makes a command and what it starts here end together when its context does.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
}

// limited keeps what is written, up to a limit; more is an error.
type limited struct {
	kept bytes.Buffer // not embedded: its ReadFrom would pass the limit by
	most int
	full bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.kept.Len()+len(p) > l.most {
		l.full = true
		return 0, errFull
	}
	return l.kept.Write(p)
}

func (l *limited) String() string { return l.kept.String() }

// tail keeps the end of what is written.
type tail struct {
	kept []byte
	most int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// quote makes s one word for the shell, whatever is in it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quoted makes each of a list one word.
func quoted(list []string) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = quote(s)
	}
	return strings.Join(words, " ")
}
