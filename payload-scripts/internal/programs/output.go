package programs

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

// silence is how long an output of a program that has ended may be held without a word, by a child that it left.
const silence = 2 * time.Second

// output is what a child writes into a pipe, on its way to a writer. It is not left to package exec, which takes an output that
// is held after the program's end for a failure, and what its reader is slow to take for lost.
type output struct {
	from   *os.File
	theirs *os.File // the child's end
	to     io.Writer
	done   chan struct{}

	err  error // of the writer; valid when done
	held bool  // it was given up; valid when done
}

// outputs gives cmd what c says for its outputs.
func (c Cmd) outputs(cmd *exec.Cmd, out, errs io.Writer) (all []*output, err error) {
	pipe := func(to ...io.Writer) *os.File {
		if err != nil {
			return nil
		}
		o := &output{to: io.MultiWriter(to...), done: make(chan struct{})}
		if o.from, o.theirs, err = os.Pipe(); err == nil {
			all = append(all, o)
		}
		return o.theirs
	}
	with := func(kept, more io.Writer) []io.Writer {
		if more == nil {
			return []io.Writer{kept}
		}
		return []io.Writer{kept, more}
	}
	switch {
	case c.OutFile != nil:
		cmd.Stdout = c.OutFile
	case !c.Discard:
		cmd.Stdout = pipe(with(out, c.Stdout)...)
	case c.Stdout != nil:
		cmd.Stdout = pipe(c.Stdout)
	}
	if c.ErrFile != nil {
		cmd.Stderr = c.ErrFile
	} else {
		cmd.Stderr = pipe(with(errs, c.Stderr)...)
	}
	if err != nil {
		for _, o := range all {
			o.started(false)
		}
	}
	return all, err
}

// started begins to copy once the child has its end, or gives the pipe back when there is none.
func (o *output) started(there bool) {
	_ = o.theirs.Close()
	if there {
		go o.copy()
		return
	}
	_ = o.from.Close()
	close(o.done)
}

// copy copies until all that have the child's end are gone, or, when the program is, until they are silent.
func (o *output) copy() {
	defer close(o.done)
	defer o.from.Close() //nolint:errcheck // read only; who writes on then is told
	quiet := false
	for part := make([]byte, 32<<10); ; {
		n, err := o.from.Read(part)
		if n > 0 {
			quiet = false
			if _, o.err = o.to.Write(part[:n]); o.err != nil {
				return
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && quiet:
			o.held = true
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			quiet = true
			_ = o.from.SetReadDeadline(time.Now().Add(silence))
		case err != nil: // io.EOF, or given up
			return
		}
	}
}

// finish waits for the rest when the program has ended.
func (o *output) finish(ctx context.Context) error {
	_ = o.from.SetReadDeadline(time.Now())
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
	}
	select {
	case <-o.done:
	case <-time.After(silence):
		_ = o.from.Close() // who holds it may write without an end
		<-o.done
	}
	return o.err
}
