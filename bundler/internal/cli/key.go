package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/sign"
)

const demoKey = "test/keys/demo.key.asc"

// KeyOptions say what is signed with.
type KeyOptions struct {
	Key            string // file of the private key; "" is $BUNDLER_KEY, and then the demo's
	PassphraseFile string // "" is $BUNDLER_PASSPHRASE_FILE, and then a question on the terminal
}

func keyFlags(o *KeyOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "key", Usage: "sign with the armored private key in `FILE`", DefaultText: "$BUNDLER_KEY; only the demo project has a key of its own", Destination: &o.Key},
		&cli.StringFlag{Name: "passphrase-file", Usage: "the key's passphrase is the first line of `FILE`", DefaultText: "$BUNDLER_PASSPHRASE_FILE, or a question", Destination: &o.PassphraseFile},
	}
}

// signingKey loads the key to sign with. Nothing is signed with a key that was not
// named but the demo's, and that is said.
func signingKey(ctx context.Context, s *streams, project string, o KeyOptions) (*sign.Key, error) {
	path := o.Key
	if path == "" {
		path = s.getenv("BUNDLER_KEY")
	}
	if path == "" {
		path = filepath.Join(project, demoKey)
		if _, err := os.Stat(path); err != nil {
			return nil, exit.Errorf(exit.Usage, "name an armored private key of OpenPGP: --key FILE, or BUNDLER_KEY=FILE; gpg --quick-generate-key makes one, gpg --armor --export-secret-keys writes it into a file", "there is no key to sign with")
		}
	}
	text, err := readSecret(ctx, path)
	if err != nil && ctx.Err() == nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the key: %w", err), "name an armored private key: --key FILE")
	}
	var key *sign.Key
	if err == nil {
		key, err = sign.Load(bytes.NewReader(text), func() ([]byte, error) { return passphrase(ctx, s, path, o.PassphraseFile) })
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("read the key %s: %w", path, context.Cause(ctx))
	}
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the key %s: %w", path, err), "")
	}
	return key, nil
}

// passphrase reads the passphrase of a key from a file, or asks for it. It is never an argument, which others could see.
func passphrase(ctx context.Context, s *streams, key, file string) ([]byte, error) {
	if file == "" {
		file = s.getenv("BUNDLER_PASSPHRASE_FILE")
	}
	if file != "" {
		b, err := readSecret(ctx, file)
		if err != nil {
			return nil, err
		}
		line, _, _ := bytes.Cut(b, []byte("\n"))
		return bytes.TrimSuffix(line, []byte("\r")), nil
	}
	in, ok := s.in.(*os.File)
	if !ok || !isTerminalFile(in) {
		return nil, errors.New("it is protected, and there is no terminal to ask on; name a file: --passphrase-file FILE")
	}
	_, _ = fmt.Fprintf(s.err, "passphrase of %s: ", key)
	defer fmt.Fprintln(s.err) // the newline that was not shown
	return readHidden(ctx, in)
}

// maxSecret bounds the file of a key or a passphrase, in bytes; more is no key.
const maxSecret = 2 << 20

// readSecret reads the file of a key or a passphrase, which may be a pipe from another program.
func readSecret(ctx context.Context, path string) ([]byte, error) {
	return unlessEnded(ctx, func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		return io.ReadAll(io.LimitReader(f, maxSecret))
	})
}

// unlessEnded returns what read does, which may wait for a person or another program, but not
// longer than ctx. Then read goes on to wait, until the program ends.
func unlessEnded(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	var b []byte
	var err error
	done := make(chan struct{})
	go func() {
		b, err = read()
		close(done)
	}()
	select {
	case <-done:
		return b, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func isTerminalFile(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// readHidden reads a line without showing it. However it ends, the terminal is as it was.
func readHidden(ctx context.Context, in *os.File) ([]byte, error) {
	fd := int(in.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &silent); err != nil {
		return nil, err
	}
	defer unix.IoctlSetTermios(fd, unix.TCSETS, before) //nolint:errcheck // nothing can be done about it
	line, err := unlessEnded(ctx, func() ([]byte, error) { return bufio.NewReader(in).ReadBytes('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
