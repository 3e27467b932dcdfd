package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/sign"
)

// terminal returns the two ends of a terminal: the person's, and the program's.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// writer is a function that takes what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// protected writes a key that asks for a passphrase.
func protected(t *testing.T) string {
	t.Helper()
	f, err := os.Open(filepath.Join("../../..", demoKey))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	key, err := sign.Load(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Private([]byte("sesame"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Who is asked for the passphrase can answer, or end the program instead; the terminal shows
// again what is typed.
func TestPassphraseOnTerminal(t *testing.T) {
	t.Parallel()
	path := protected(t)
	person, program := terminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	var said bytes.Buffer
	s := &streams{in: program, err: writer(func(p []byte) {
		if said.Write(p); bytes.HasPrefix(p, []byte("passphrase of ")) {
			cancel()
		}
	})}
	_, err := signingKey(ctx, s, "", KeyOptions{Key: path})
	if !errors.Is(err, context.Canceled) || exit.Code(err) != exit.Failed {
		t.Errorf("ended at the question: %d, %v", exit.Code(err), err)
	}
	if !bytes.HasSuffix(said.Bytes(), []byte("\n")) {
		t.Errorf("the line of the question is not ended: %q", said.Bytes())
	}
	if mode, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS); err != nil || mode.Lflag&unix.ECHO == 0 {
		t.Errorf("what is typed stays hidden (%v)", err)
	}

	person, program = terminal(t)
	s = &streams{in: program, err: writer(func(p []byte) {
		if bytes.HasPrefix(p, []byte("passphrase of ")) {
			_, _ = person.WriteString("sesame\n")
		}
	})}
	if _, err := signingKey(t.Context(), s, "", KeyOptions{Key: path}); err != nil {
		t.Errorf("answered: %v", err)
	}
}

// A key or a passphrase may come through a pipe, and waiting for one ends with the program.
func TestSecretFromPipe(t *testing.T) {
	t.Parallel()
	path := protected(t)
	pipes := t.TempDir()
	pipe := func(name string) string {
		name = filepath.Join(pipes, name)
		if err := unix.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, o := range []KeyOptions{{Key: pipe("key")}, {Key: path, PassphraseFile: pipe("unwritten")}} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := signingKey(ctx, new(streams), "", o); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, nobody writes: %v", o, err)
		}
	}
	written, answer := make(chan error, 1), pipe("answer")
	go func() { written <- os.WriteFile(answer, []byte("sesame\n"), 0o600) }()
	if _, err := signingKey(t.Context(), new(streams), "", KeyOptions{Key: path, PassphraseFile: answer}); err != nil {
		t.Errorf("through a pipe: %v", err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
