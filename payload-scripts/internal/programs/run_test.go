package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func sh(script string) Cmd { return Cmd{Name: "sh", Args: []string{"-c", script}} }

func TestRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cmd            Cmd
		stdout, stderr string
		code           int
		err            string // part of the error, "" for none
	}{
		"both outputs":     {sh("echo one; echo two >&2"), "one\n", "two\n", 0, ""},
		"a status":         {sh("echo partly; echo the cause >&2; exit 3"), "partly\n", "the cause\n", 3, "sh exited with status 3: the cause"},
		"only stdout":      {sh("echo the cause; exit 3"), "the cause\n", "", 3, "status 3: the cause"},
		"silence":          {sh("exit 4"), "", "", 4, "status 4: it said nothing"},
		"killed":           {sh("kill -9 $$"), "", "", -1, "status -1"},
		"no input":         {sh("cat; echo end"), "end\n", "", 0, ""},
		"an input":         {Cmd{Name: "cat", Input: strings.NewReader("one")}, "one", "", 0, ""},
		"an input unread":  {Cmd{Name: "true", Input: bytes.NewReader(make([]byte, 1<<20))}, "", "", 0, ""},
		"its folder":       {sh("pwd"), "/\n", "", 0, ""},
		"the language":     {sh("echo $LC_ALL $LANG $HOME $TERM"), "C C /root dumb\n", "", 0, ""},
		"more environment": {Cmd{Name: "sh", Args: []string{"-c", "echo $MINE $LANG"}, Env: []string{"MINE=x", "LANG=de_DE"}}, "x de_DE\n", "", 0, ""},
		"another user":     {Cmd{Name: "id", Args: []string{"-u"}, User: &syscall.Credential{Uid: 991, Gid: 991}}, "991\n", "", 0, ""},
		"not executable":   {Cmd{Name: "/etc/passwd"}, "", "", 0, "run /etc/passwd: "},
		"no such path":     {Cmd{Name: "/no/such/program"}, "", "", 0, "run /no/such/program: "},
		"no such name":     {Cmd{Name: "no-such-program"}, "", "", 0, "run no-such-program: there is no such program in /usr/local/sbin"},
		"discarded":        {Cmd{Name: "sh", Args: []string{"-c", "echo much; echo two >&2"}, Discard: true}, "", "two\n", 0, ""},
		"its own group":    {sh("test $(ps -o pgid= -p $$) = $$ && echo leads"), "leads\n", "", 0, ""},
		"after a timeout":  {Cmd{Name: "sh", Args: []string{"-c", "echo before; sleep 100"}, Timeout: 50 * time.Millisecond}, "before\n", "", -1, "sh was ended after 50ms without an answer"},
		"a child of it":    {Cmd{Name: "sh", Args: []string{"-c", "sleep 100 & sleep 100"}, Timeout: 50 * time.Millisecond}, "", "", -1, "was ended after 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Run(context.Background(), c.cmd)
			if got.Stdout != c.stdout || got.Stderr != c.stderr || got.Code != c.code {
				t.Errorf("%+v", got)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
			if exit := (*ExitError)(nil); errors.As(err, &exit) != (c.code > 0 || name == "killed") {
				t.Errorf("%T", err)
			}
		})
	}
}

// TestRunIsStopped: a program with a timeout ends with its context, rpm does not.
func TestRunIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	c := sh("echo begun; sleep 100")
	c.Timeout, c.Stdout = time.Hour, writer(func([]byte) { stop() })
	if _, err := Run(ctx, c); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "sh was ended") {
		t.Error(err)
	}
	if got, err := Run(ctx, sh("echo to the end")); err != nil || got.Stdout != "to the end\n" {
		t.Errorf("%q %v", got.Stdout, err)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// TestRunOutput: what a program says goes where the caller wants it, and of too
// much the first part is kept.
func TestRunOutput(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	c := sh("echo one; echo two >&2")
	c.Stdout, c.Stderr = &out, &errs
	if got, err := Run(context.Background(), c); err != nil || got.Stdout != "one\n" || out.String() != "one\n" || errs.String() != "two\n" {
		t.Errorf("%+v %q %q %v", got, out.String(), errs.String(), err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c = sh("echo one; echo two >&2")
	c.OutFile, c.ErrFile = file, file
	if got, err := Run(context.Background(), c); err != nil || got.Stdout+got.Stderr != "" {
		t.Errorf("%+v %v", got, err)
	}
	if data, err := os.ReadFile(file.Name()); err != nil || string(data) != "one\ntwo\n" {
		t.Errorf("%q %v", data, err)
	}
	got, err := Run(context.Background(), Cmd{Name: "head", Args: []string{"-c", fmt.Sprint(keepOutput + 1000), "/dev/zero"}})
	if err != nil || len(got.Stdout) != keepOutput {
		t.Errorf("%d bytes are kept: %v", len(got.Stdout), err)
	}
}

// TestAChildHoldsTheOutput of a program that has ended: the program succeeded all the same, and the child is ended.
func TestAChildHoldsTheOutput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n      int
		script string // with the command that sleeps
		code   int
		ended  bool
	}{
		"that is silent":      {11, "%s & echo all of it", 0, true},
		"of one that failed":  {12, "%s & echo all of it; exit 3", 3, true},
		"of another session":  {13, "setsid %s & echo all of it", 0, false}, // it loses its output
		"and so its input":    {14, "%s <&3 & echo all of it", 0, true},
		"and not its outputs": {15, "%s >/dev/null 2>&1 & echo all of it", 0, false}, // nobody waits for it
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seconds := long(c.n)
			cmd := Cmd{Name: "sh", Args: []string{"-c", "exec 3<&0; " + fmt.Sprintf(c.script, "sleep "+seconds)}, Input: bytes.NewReader(make([]byte, 1<<20)), Timeout: time.Hour}
			got, err := Run(t.Context(), cmd)
			if exit := (*ExitError)(nil); (err == nil) != (c.code == 0) || err != nil && !errors.As(err, &exit) {
				t.Error(err)
			}
			if got.Stdout != "all of it\n" || got.Code != c.code {
				t.Errorf("%+v", got)
			}
			if c.ended {
				until(t, func() bool { return len(running(t, seconds)) == 0 })
			}
			for _, pid := range running(t, seconds) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		})
	}
}

// TestASlowReader has all of an output, though the program ended long before.
func TestASlowReader(t *testing.T) {
	t.Parallel()
	const size = 64 << 10 // a pipe has room for it
	var read int
	slow := writer(func(p []byte) {
		if read == 0 {
			time.Sleep(silence + silence/4)
		}
		read += len(p)
	})
	if _, err := Run(t.Context(), Cmd{Name: "head", Args: []string{"-c", fmt.Sprint(size), "/dev/zero"}, Stdout: slow, Discard: true, Timeout: time.Hour}); err != nil || read != size {
		t.Errorf("%d bytes of %d, %v", read, size, err)
	}
}

// TestAReaderThatFails ends the program, which may write without an end.
func TestAReaderThatFails(t *testing.T) {
	t.Parallel()
	from, to := io.Pipe()
	broken := errors.New("full")
	_ = from.CloseWithError(broken)
	if _, err := Run(t.Context(), Cmd{Name: "cat", Args: []string{"/dev/zero"}, Stdout: to, Discard: true, Timeout: time.Hour}); err == nil {
		t.Error("no error")
	}
	if _, err := Run(t.Context(), Cmd{Name: "echo", Args: []string{"short"}, Stdout: to, Discard: true, Timeout: time.Hour}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestWhatAProgramSaidHasBothEnds(t *testing.T) {
	t.Parallel()
	err := &ExitError{Name: "rpm", Result: Result{Code: 7, Stderr: "the cause\n" + strings.Repeat("and so on\n", 1000) + "the verdict\n"}}
	text := err.Error()
	if !strings.Contains(text, ": the cause\n") || !strings.HasSuffix(text, "\nthe verdict") || !strings.Contains(text, "\n...\n") || len(text) > 1300 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	if got := tail(strings.Repeat("a", 10)+"end", 3); got != "...end" {
		t.Error(got)
	}
	if got := ends(strings.Repeat("x", 100), 10); got != strings.Repeat("x", 10)+"\n...\n"+strings.Repeat("x", 10) {
		t.Error(got)
	}
}
