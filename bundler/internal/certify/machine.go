package certify

import (
	"cmp"
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

	"onerpm/bundler/internal/exit"
)

// Limits of what one command on a machine may say, in bytes, but for a picture of the machine (maxPicture). Of what goes
// to its standard error the end is kept.
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

	Reboot string // boots it anew, run by the shell, here; "" when it does so itself and is reached by the same prefix then

	lost    func(error)   // is told why the machine or the connection to it broke; nil for nobody
	once    bool          // nobody puts it back
	silence time.Duration // maxSilence, but for tests
	most    int           // bytes of an answer; maxOut when 0
	picture string        // the script of a picture; picture.Script, but for tests
}

// A machine on which a script runs may say nothing at all for maxSilence; it says so often in that time that it works.
// While a file is sent it may be longer: what is under way on a slow connection is not seen.
const (
	maxSilence = 2 * time.Minute
	signsOf    = 10
	sendFactor = 5
)

// sshCode is how ssh ends when it fails itself.
const sshCode = 255

// result is how a script ended.
type result struct {
	out  string
	err  string // the end of standard error
	code int
	pid  int // of the prefix here, which led a group

	begun bool // the machine had the script, of which the rest may not have come back
}

// outputTail is the end of all that it wrote, for a message.
func (r result) outputTail() string {
	end := func(s string) string { return s[max(0, len(s)-maxErr):] }
	return lastLines(strings.TrimSpace(end(r.out)+"\n"+end(r.err)), 12)
}

// errFull is returned when a command says more than it may.
var errFull = errors.New("its answer is too long")

// sh runs a script by the machine's /bin/sh. A script that fails is no error; an answer that is not whole is one, of the
// machine or the connection (brokenError), unless the context ended or the script said too much.
func (m Machine) sh(ctx context.Context, script string) (result, error) {
	mark, silence := newMark(), m.maxSilence()
	got, err := m.run(ctx, "/bin/sh -s", strings.NewReader(mark.ask(script, silence/signsOf)), silence)
	answer, code, unread := mark.read(got.out)
	silent := errors.Is(unread, errNoAnswer)
	r := result{out: answer, err: mark.said(got.err), code: code, begun: !silent}
	switch {
	case unread == nil && ctx.Err() == nil && (got.code != sshCode || code == sshCode):
		return r, nil
	case errors.Is(ctx.Err(), context.Canceled), !silent && (ctx.Err() != nil || errors.Is(err, errFull)):
		return r, err
	case silent: // what came is not the script's, and may say why
		r.out = got.out
	default:
		r.out = ""
	}
	if err == nil {
		err = unread
	}
	return r, m.broke(err, got, r.outputTail())
}

// brokenError says that a machine, or the connection to it, broke: nothing that was to be certified is the cause.
type brokenError struct {
	why  error  // nil when the prefix ended as if it had failed, after the whole answer
	code int    // of the prefix, below 0 when it was killed
	said string // its own words, or the machine's
}

func (e *brokenError) Error() string {
	text := "the connection to the machine broke"
	if e.why != nil {
		text = e.why.Error()
	}
	if e.code >= 0 {
		text += fmt.Sprintf(" (exit code %d)", e.code)
	}
	if e.said != "" {
		text += ": " + e.said
	}
	return text
}

func (e *brokenError) Unwrap() error { return e.why }

// maxSaid bounds the words of a broken machine, in bytes.
const maxSaid = 2 << 10

// broke makes the error of a machine that broke, tells of it, and ends what is left of the prefix here.
func (m Machine) broke(why error, got result, said string) error {
	endGroup(got.pid)
	err := exit.With(exit.Machine, &brokenError{why, got.code, strings.ToValidUTF8(said[max(0, len(said)-maxSaid):], "")},
		"run "+m.Via+" true to see whether it is reached, and certify again")
	if m.lost != nil {
		m.lost(err)
	}
	return err
}

// notReady is for what keeps a machine from being certified on, whatever the bundle is.
func notReady(err error) error {
	return exit.With(exit.Machine, err, "put the machine right, and certify again")
}

// look is must for what only looks: when that is not possible, nothing is known of the bundle.
func (m Machine) look(ctx context.Context, what, script string) (string, error) {
	out, err := m.must(ctx, what, script)
	return out, notReady(err)
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
// may not have a space or a sign that a shell knows. An error of it is the machine's or the connection's.
func (m Machine) send(ctx context.Context, path string, r io.Reader) (string, error) {
	doing, sum := "write "+path+" on the machine", sha256.New()
	got, err := m.run(ctx, "dd of="+path+" bs=1048576", io.TeeReader(r, sum), sendFactor*m.maxSilence())
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", doing, notReady(err))
	case err != nil || got.code == sshCode:
		return "", fmt.Errorf("%s: %w", doing, m.broke(err, got, got.outputTail()))
	case got.code != 0:
		endGroup(got.pid) // the prefix may have been killed
		return "", notReady(fmt.Errorf("%s: exit code %d: %s", doing, got.code, got.outputTail()))
	}
	there, err := m.look(ctx, "read "+path+" on the machine", "sha256sum "+path)
	if err != nil {
		return "", err
	}
	want := hex.EncodeToString(sum.Sum(nil))
	if have, _, _ := strings.Cut(there, " "); have != want {
		return "", notReady(fmt.Errorf("%s: it arrived with sha256 %s, not %s", doing, have, want))
	}
	return want, nil
}

// errSilent is why a command on a machine was ended that nothing came from.
var errSilent = errors.New("it has said nothing")

// run runs words behind the prefix. An error says why that was ended or did not end in order.
func (m Machine) run(ctx context.Context, words string, in io.Reader, silence time.Duration) (result, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	silent := time.AfterFunc(silence, func() { end(fmt.Errorf("%w for %s", errSilent, silence)) })
	defer silent.Stop()
	alive := func() { silent.Reset(silence) }
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", strings.TrimSpace(m.Via+" "+words))
	cmd.Dir = m.Dir
	cmd.Stdin = watchedReader{in, alive}
	most := cmp.Or(m.most, maxOut)
	out, errs := &limited{most: most, full: func() { end(fmt.Errorf("%w: more than %d bytes", errFull, most)) }}, &tail{most: maxErr}
	cmd.Stdout, cmd.Stderr = watchedWriter{out, alive}, watchedWriter{errs, alive}
	err := runGroup(ctx, cmd)
	r := result{out: out.String(), err: errs.String(), code: cmd.ProcessState.ExitCode()}
	if cmd.Process != nil {
		r.pid = cmd.Process.Pid
	}
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case err != nil && (r.code < 0 || !errors.As(err, &failed)):
		return r, fmt.Errorf("%s was ended: %w", m.name(), err)
	}
	return r, nil
}

func (m Machine) maxSilence() time.Duration {
	if m.silence > 0 {
		return m.silence
	}
	return maxSilence
}

func (m Machine) name() string {
	if m.Via == "" {
		return "the shell"
	}
	return m.Via
}

// runGroup runs a command here. It and what it started end together when its context does.
func runGroup(ctx context.Context, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	if cmd.Process != nil && ctx.Err() != nil {
		endGroup(cmd.Process.Pid)
	}
	return err
}

// endGroup kills what is left of a group whose leader has ended: what did not heed a first signal, or what its leader left. 0 is none.
func endGroup(pid int) {
	if pid > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}

// watchedReader and watchedWriter tell of everything that goes through.
type watchedReader struct {
	io.Reader
	alive func()
}

func (w watchedReader) Read(p []byte) (int, error) {
	w.alive()
	return w.Reader.Read(p)
}

type watchedWriter struct {
	io.Writer
	alive func()
}

func (w watchedWriter) Write(p []byte) (int, error) {
	w.alive()
	return w.Writer.Write(p)
}

// limited keeps what is written, up to a limit; more is an error, which it tells too: whoever writes may not mind it.
type limited struct {
	kept strings.Builder // which gives what it kept without a copy
	most int
	full func()
}

func (l *limited) Write(p []byte) (int, error) {
	if l.kept.Len()+len(p) > l.most {
		l.full()
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
