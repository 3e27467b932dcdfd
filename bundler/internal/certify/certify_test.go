package certify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
)

// stuck is a machine whose second script never ends, and the folder in which its calls and resets are counted.
func stuck(t *testing.T) (Remote, string) {
	t.Helper()
	dir := t.TempDir()
	return Remote{
		Machine: Machine{Via: `f() { echo x >>calls; [ $(wc -l <calls) -ne 2 ] || sleep 1000; "$@"; }; f`, Dir: dir},
		Reset:   "echo x >>resets",
	}, dir
}

func count(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

func options(m Machines) Options {
	return Options{Manifest: demo(), Platform: "el7.x86_64", Machines: m, Only: []string{Fresh}, Limit: time.Hour,
		Tell: func(string, string, ...any) {}}
}

// An interrupted run says nothing of the bundle, and puts the machine back.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	m, dir := stuck(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if b, _ := os.ReadFile(filepath.Join(dir, "calls")); bytes.Count(b, []byte("\n")) >= 2 {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := Run(ctx, options(m)); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if n := count(t, filepath.Join(dir, "resets")); n != 2 {
		t.Errorf("the machine was put back %d times, want before and after", n)
	}
}

// A certificate speaks of bytes that every scenario was given: with others there is none.
func TestBundleChangesMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.write("another", "another", 0o600) // is built while the first scenario upgrades
	s.o.Only = []string{Fresh, SecondRun}
	if c, err := Run(t.Context(), s.o.on(s.remote())); exit.Code(err) != exit.BadBundle || !strings.Contains(err.Error(), "second-run: ") || !strings.Contains(err.Error(), "changed while it was certified") {
		t.Errorf("the second got others: %+v, %v", c.Scenarios, err)
	}
	if n := count(t, filepath.Join(s.dir, "resets")); n != 3 {
		t.Errorf("the machine was put back %d times, want before each scenario and after the one that was given up", n)
	}
}

// A machine that cannot be had is no fault of the bundle.
func TestNoMachine(t *testing.T) {
	t.Parallel()
	c, err := Run(t.Context(), options(Remote{Machine: here, Reset: "echo it is gone; exit 3"}))
	if exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "exit status 3: it is gone") || c.Ended != (time.Time{}) {
		t.Errorf("%+v, %v", c.Scenarios, err)
	}
	// The program of local machines says nothing and fails.
	project := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module machine\n\ngo 1.26\n", "machine/main.go": "package main\n\nimport \"os\"\n\nfunc main() { os.Stderr.WriteString(\"no room\"); os.Exit(4) }\n"} {
		path := filepath.Join(project, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := NewLocal(t.Context(), project, "machine", "1.0", "el9.x86_64")
	if err != nil {
		t.Fatal(err)
	}
	var told said
	l.Tell = told.printf
	if _, err := Run(t.Context(), options(l)); exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "the test machine did not come up") || !strings.Contains(err.Error(), "no room") {
		t.Errorf("a machine that does not come up: %v", err)
	}
	if lines := told.lines(); !slices.Contains(lines, "no room") {
		t.Errorf("its words were not told: %q", lines)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.temp); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
}

// said keeps what is told.
type said struct {
	mu  sync.Mutex
	all []string
}

func (s *said) printf(format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, fmt.Sprintf(format, a...))
}

func (s *said) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Machines are made by a program that is there too, which stays; what it says is told as it says it, a line at a time.
func TestLocalOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "bundler")
	text := "#!/bin/sh\nprintf 'making\\nbooting' >&2\nprintf ' it\\nlast' >&2\necho \"env 'ARGS=$*'\"\ncat >/dev/null\n: >ended\n"
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	var told said
	for data, want := range map[bool]string{
		true:  "machine --project p --stay --release 1.0 --platform debian12 --data\n",
		false: "machine --project p --stay --release 1.0 --platform debian12\n",
	} {
		l := LocalOf(program, []string{"machine", "--project", "p"}, dir, "1.0", "debian12.x86_64", data)
		if !data {
			l.Tell = told.printf
		}
		m, giveBack, err := l.Ready(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if out, err := m.must(t.Context(), "ask", `echo "$ARGS"`); err != nil || out != want {
			t.Errorf("%q, want %q: %v", out, want, err)
		}
		if err := errors.Join(giveBack(false), l.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(program); err != nil {
		t.Errorf("the program is not ours to remove: %v", err)
	}
	if got := told.lines(); !slices.Equal(got, []string{"making", "booting it", "last"}) {
		t.Errorf("told %q", got)
	}
}

// machine is a program as Local wants one: it prints its prefix and notes that its input ended.
const machineProgram = `package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	fmt.Println("env 'ARGS=" + fmt.Sprint(os.Args[1:]) + "'")
	io.Copy(io.Discard, os.Stdin)
	os.WriteFile("ended", nil, 0o600)
}
`

func TestLocal(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module machine\n\ngo 1.26\n", "machine/main.go": machineProgram} {
		path := filepath.Join(project, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := NewLocal(t.Context(), project, "machine", "1.0", "el9.x86_64")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, giveBack, err := l.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := m.must(t.Context(), "ask", `echo "$ARGS"`); err != nil || out != "[--stay --data --release 1.0 --platform el9]\n" {
		t.Errorf("%q, %v", out, err)
	}
	if err := giveBack(false); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(project, "ended")); err != nil {
		t.Errorf("its end was not awaited: %v", err)
	}
}

// A machine that was put back is waited for until it answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := Remote{Machine: Machine{Via: `f() { echo x >>calls; [ $(wc -l <calls) -gt 2 ] || return 255; "$@"; }; f`, Dir: dir}, Reset: "true"}
	if _, _, err := r.Ready(t.Context()); err != nil || count(t, filepath.Join(dir, "calls")) != 3 {
		t.Errorf("%d calls, %v", count(t, filepath.Join(dir, "calls")), err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if err := CheckOnly(Names()); err != nil {
		t.Error(err)
	}
	doc, err := os.ReadFile("../../../docs/certification.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		if !strings.Contains(string(doc), fmt.Sprintf("| `%s` | ", name)) {
			t.Errorf("docs/certification.md lacks the scenario %s", name)
		}
	}
}
