package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Stay prints the machine's prefix ([Machine.Prefix]) and waits for the end of in, or of ctx. A machine that goes off meanwhile is an error.
func (m *Machine) Stay(ctx context.Context, in io.Reader, out io.Writer) error {
	prefix, err := m.Prefix()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, prefix); err != nil {
		return fmt.Errorf("print the prefix: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, in)
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
	case <-m.Off():
		err = errors.New("the machine went off")
	}
	return err
}

// Session runs a command in the machine with the caller's streams and returns its exit code. Without one it is a login shell, of which the
// last exit code is no error; it has a terminal of its own in the machine if in is one out here.
func (m *Machine) Session(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) (int, error) {
	c := Cmd{Args: args, Stdin: in, Stdout: out, Stderr: errs}
	if len(args) > 0 {
		r, err := m.Exec(ctx, c)
		return r.Code, err
	}
	c.Args = []string{"bash", "--login"}
	if f, is := in.(*os.File); is {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			c.Args = []string{"script", "--quiet", "--return", "--command", "bash --login", "/dev/null"}
			c.Env = []string{"TERM=" + os.Getenv("TERM")}
			c.Terminal = true
		}
	}
	_, err := m.Exec(ctx, c)
	return 0, err
}
