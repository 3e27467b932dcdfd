package certify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
)

// here is this machine behind a prefix that ends in a shell's word, as a person would write it.
var here = Machine{Via: "env 'SAID=it is here'"}

func TestScriptsGoOverStandardInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script, out, err string
		code                   int
	}{
		{"quotes of both kinds", `printf '%s\n' "$SAID" 'a "b" $c'`, "it is here\na \"b\" $c\n", "", 0},
		{"a command that reads its input does not eat the script", "cat; read -r line; echo still here", "still here\n", "", 0},
		{"a here-document", "cat <<'END'\n$x `y`\nEND", "$x `y`\n", "", 0},
		{"exit code and standard error", "echo no >&2; exit 7", "", "no\n", 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := here.sh(t.Context(), c.script)
			if err != nil {
				t.Fatal(err)
			}
			if got.out != c.out || got.err != c.err || got.code != c.code {
				t.Errorf("got %q, %q, %d", got.out, got.err, got.code)
			}
		})
	}
}

func TestMachineErrors(t *testing.T) {
	t.Parallel()
	if _, err := here.sh(t.Context(), "head -c 70000000 /dev/zero"); !errors.Is(err, errFull) {
		t.Errorf("too much output: %v", err)
	}
	if got, err := (Machine{Via: "/nowhere/ssh root@vm"}).sh(t.Context(), "true"); exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "/nowhere/ssh: not found") {
		t.Errorf("a prefix that is no program: %+v, %v", got, err)
	}
	if _, err := here.must(t.Context(), "do it", "echo why >&2; exit 3"); err == nil || err.Error() != "do it: exit code 3: why" {
		t.Errorf("a script that had to succeed: %v", err)
	}
}

// A command ends with its context, and what it started too, also what does not heed the first signal.
func TestMachineIsLetGo(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"heeds": "", "does not": "trap '' TERM; "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			letGo(t, first)
		})
	}
}

func letGo(t *testing.T, first string) {
	t.Helper()
	mark := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if b, err := os.ReadFile(mark); err == nil && bytes.HasSuffix(b, []byte("\n")) {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := here.sh(ctx, first+"sleep 1000 & echo $! >"+mark+"; wait"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %s goes on", pid)
}

func TestSend(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bundle")
	content := bytes.Repeat([]byte("0123456789\x00\n"), 1<<18)
	sum, err := here.send(t.Context(), path, bytes.NewReader(content))
	if want := fmt.Sprintf("%x", sha256.Sum256(content)); err != nil || sum != want {
		t.Fatalf("%s, want %s: %v", sum, want, err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("it arrived otherwise: %d bytes, %v", len(got), err)
	}
	if _, err := here.send(t.Context(), t.TempDir(), strings.NewReader("x")); err == nil {
		t.Error("a file that cannot be written is no error")
	}
	if _, err := (Machine{Via: "echo full >&2; exit 1;"}).send(t.Context(), path, strings.NewReader("x")); exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "exit code 1: full") {
		t.Errorf("a full disk: %v", err)
	}
	silent := Machine{Via: "sleep 1000;", silence: 50 * time.Millisecond}
	if _, err := silent.send(t.Context(), path, strings.NewReader("x")); exit.Code(err) != exit.Machine || !errors.Is(err, errSilent) {
		t.Errorf("a machine that stands still: %v", err)
	}
	// A prefix that loses a byte on the way.
	lossy := Machine{Via: "f() { if [ \"$1\" = dd ]; then tail -c +2 | \"$@\"; else \"$@\"; fi; }; f"}
	if _, err := lossy.send(t.Context(), path, bytes.NewReader(content)); err == nil || !strings.Contains(err.Error(), "it arrived with sha256") {
		t.Errorf("a lost byte: %v", err)
	}
}
