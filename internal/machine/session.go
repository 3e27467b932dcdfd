package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// UntilEnd returns a context that ends with ctx, and once in has come to its end.
func UntilEnd(ctx context.Context, in io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in) // what cannot be read has ended too
		cancel()
	}()
	return ctx
}

// Stay prints the machine's prefix ([Machine.Prefix]) and waits for the end of ctx. A machine that goes off meanwhile is an error.
func (m *Machine) Stay(ctx context.Context, out io.Writer) error {
	prefix, err := m.Prefix()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, prefix); err != nil {
		return fmt.Errorf("print the prefix: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-m.Off():
		if ctx.Err() != nil { // who is ended ends the machine too, and select takes either
			return nil
		}
		return errors.New("the machine went off")
	}
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

// Bring copies the packages in a folder of the host into the machine's /root and returns their names there.
func (m *Machine) Bring(folder string) ([]string, error) {
	packages, err := filepath.Glob(filepath.Join(folder, "*.rpm"))
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	for i, path := range packages {
		packages[i] = filepath.Base(path)
		if err := m.CopyIn(path, "/root/"+packages[i]); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

// Describe tells a person what the machine is, that took so long to come up, and how to use it; packages are what [Machine.Bring] brought.
func (m *Machine) Describe(out io.Writer, what string, took time.Duration, packages []string) {
	fmt.Fprintf(out, "a machine of %s, up in %.1f s\n", what, took.Seconds())
	fmt.Fprintf(out, "  its files, from here   %s\n", m.Path("/"))
	fmt.Fprintf(out, "  another shell          %s\n", m.EnterCommand())
	if len(packages) > 0 {
		fmt.Fprintf(out, "  in its /root           %s\n", strings.Join(packages, " "))
		fmt.Fprintf(out, "  to install one         dnf install ./%s\n", packages[len(packages)-1])
	}
	fmt.Fprintln(out, "leaving the shell removes the machine")
}
