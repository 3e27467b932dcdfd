package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/programs"
	"onerpm/test/script"
)

// asEngine has this test's program run the hook of the bundle in a folder instead of its tests, as an engine that is killed does.
const asEngine = "HOOK_TEST_ENGINE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asEngine); dir != "" {
		fmt.Println(roomIn(dir, os.Args[1]).Run(context.Background(), Switch, hookOf(time.Hour)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func roomIn(dir, attempt string) Room {
	return Room{
		Manifest: &manifest.Manifest{From: "1.0", To: "2.0", Prefix: "p"},
		Bundle:   dir, Attempt: attempt, Var: filepath.Join(dir, "var"), Merged: filepath.Join(dir, "merged"),
	}
}

// room makes a bundle with scripts, each by its name.
func room(t *testing.T, scripts map[string]string) Room {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range scripts {
		if err := script.Write(filepath.Join(dir, "hooks", name), text); err != nil {
			t.Fatal(err)
		}
	}
	return roomIn(dir, fmt.Sprintf("2.0-%s-%d", t.Name(), time.Now().UnixNano()))
}

func hookOf(timeout time.Duration) manifest.Hook {
	return manifest.Hook{Run: "hooks/x", Undo: "hooks/x-undo", Timeout: manifest.Duration(timeout)}
}

// TestContract holds what a hook is given against docs/hooks.md.
func TestContract(t *testing.T) {
	t.Setenv("ONERPM_SECRET", "hidden")
	r := room(t, map[string]string{
		"x":      "#!/bin/sh\nenv | sort > \"$ONERPM_NOTES/env\"; readlink /proc/self/fd/0 > \"$ONERPM_NOTES/input\"; pwd > \"$ONERPM_NOTES/pwd\"\n",
		"x-undo": "#!/bin/sh\necho $ONERPM_PHASE $ONERPM_SIDE > \"$ONERPM_NOTES/undo\"\n",
	})
	if err := r.Run(t.Context(), Switch, hookOf(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := r.Undo(t.Context(), Switch, hookOf(time.Minute)); err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(r.Var, "hooks/x")
	got := map[string]string{}
	for line := range strings.Lines(read(t, filepath.Join(notes, "env"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name != "_" && name != "PWD" && name != "SHLVL" { // the shell's own
			got[name] = value
		}
	}
	page, err := os.ReadFile("../../../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range got {
		if !bytes.Contains(page, []byte("`"+name+"`")) {
			t.Errorf("docs/hooks.md does not name %s", name)
		}
	}
	want := map[string]string{
		"ONERPM_FROM": "1.0", "ONERPM_TO": "2.0", "ONERPM_PREFIX": "p", "ONERPM_PHASE": "switch", "ONERPM_SIDE": "new",
		"ONERPM_BUNDLE": r.Bundle, "ONERPM_NOTES": notes, "ONERPM_MERGED": r.Merged, "ONERPM_ATTEMPT": r.Attempt, "LC_ALL": "C",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	if _, has := got["ONERPM_SECRET"]; has {
		t.Error("the engine's own environment came through")
	}
	for file, want := range map[string]string{"input": "/dev/null", "pwd": "/", "undo": "switch old"} {
		if got := read(t, filepath.Join(notes, file)); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

// TestInput: a hook is given the files that it reads as the old release has them, though the new one's are in their place.
func TestInput(t *testing.T) {
	t.Parallel()
	r := room(t, map[string]string{"x": "#!/bin/sh\ncat > \"$ONERPM_NOTES/input\"\n", "x-undo": "#!/bin/sh\nreadlink /proc/self/fd/0 > \"$ONERPM_NOTES/input\"\n"})
	host := t.TempDir()
	r.Saved = filepath.Join(r.Bundle, "saved")
	merged, added, own, none := host+"/merged", host+"/added", host+"/own", host+"/none"
	r.Manifest.Config = []manifest.Config{{Target: added}, {Target: merged}}
	for path, text := range map[string]string{merged: `{"is": "new"}`, r.Saved + merged: `{"is": "old"}`, added: `{"is": "new"}`, own: "is: [mine, 1.0]\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := hookOf(time.Minute)
	h.Reads = []manifest.HostFile{{File: merged, Format: "json"}, {File: added, Format: "json"}, {File: own, Format: "yaml"}, {File: none, Format: "env"}}
	if err := r.Run(t.Context(), Switch, h); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"%s":null,"%s":{"is":"old"},"%s":null,"%s":{"is":["mine",1.0]}}`, added, merged, none, own)
	if got := read(t, filepath.Join(r.Var, "hooks/x/input")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := r.Undo(t.Context(), Switch, h); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(r.Var, "hooks/x/input")); got != "/dev/null" {
		t.Errorf("the undo is given %s", got)
	}
	if err := os.WriteFile(own, []byte("is: [s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), Switch, h); err == nil || !strings.Contains(err.Error(), own) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a file that is none of its format: %v", err)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	const soon = 500 * time.Millisecond
	for name, c := range map[string]struct {
		script  string
		timeout time.Duration
		want    string
	}{
		"exits with 3":        {"#!/bin/sh\necho it is broken >&2; exit 3\n", time.Minute, "status 3: it is broken"},
		"hangs":               {"#!/bin/sh\nsleep 1000\n", soon, "without an answer"},
		"hangs and ignores":   {"#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do sleep 1; done\n", soon, "without an answer"},
		"leaves its group":    {"#!/bin/sh\nsetsid sleep 1000 &\nsleep 1000\n", soon, "without an answer"},
		"no such interpreter": {"#!/nowhere/sh\n", time.Minute, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := room(t, map[string]string{"x": c.script})
			err := r.Run(t.Context(), Switch, hookOf(c.timeout))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			if left, err := r.leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left running: %v, %v", left, err)
			}
		})
	}
}

// TestKilledEngine leaves a hook running as a killed engine does; the undo must find it gone.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	r := room(t, map[string]string{
		"x":      "#!/bin/sh\ntouch \"$ONERPM_NOTES/begun\"\nsleep 1000\n",
		"x-undo": "#!/bin/sh\nrm \"$ONERPM_NOTES/begun\"\n",
	})
	h := hookOf(time.Minute)
	orphan := exec.Command(filepath.Join(r.Bundle, h.Run))
	orphan.Env = r.environment(Switch, manifest.New, filepath.Join(r.Var, "hooks/x"))
	if err := os.MkdirAll(filepath.Join(r.Var, "hooks/x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	for {
		if _, err := os.Stat(filepath.Join(r.Var, "hooks/x/begun")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := r.Undo(t.Context(), Switch, h); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the orphan ended by itself")
	}
}

// long is a time to sleep that no other test has, nor another run of this one.
func long(n int) string { return fmt.Sprintf("%d.%d", 80000+n, os.Getpid()) }

// works reports whether somebody sleeps for so long.
func works(seconds string) bool {
	return exec.Command("pgrep", "-x", "-f", "sleep "+seconds).Run() == nil
}

// TestSucceedsAndLeavesAChild: it succeeded, once what it left is ended.
func TestSucceedsAndLeavesAChild(t *testing.T) {
	t.Parallel()
	r := room(t, map[string]string{"x": fmt.Sprintf("#!/bin/sh\nsleep %[1]s &\nenv -i setsid sleep %[2]s &\nsu - nobody -s /bin/sh -c 'exec sleep %[3]s' &\nuntil pgrep -x -f 'sleep %[3]s'; do sleep 0.02; done\n",
		long(1), long(2), long(3))})
	if err := r.Run(t.Context(), Open, hookOf(time.Hour)); err != nil {
		t.Error(err)
	}
	for _, seconds := range []string{long(1), long(2), long(3)} {
		if works(seconds) {
			t.Errorf("sleep %s works on", seconds)
		}
	}
}

// TestSuccessor of an engine that was killed while a hook of another user's session ran: the undo runs when that is gone,
// by the hook's keeper, or without it when it cannot, or with nothing of it but the mark.
func TestSuccessor(t *testing.T) {
	t.Parallel()
	for seconds, keeper := range map[string]syscall.Signal{long(4): 0, long(5): syscall.SIGSTOP, long(6): syscall.SIGKILL} {
		t.Run(fmt.Sprintf("keeper and signal %d", keeper), func(t *testing.T) {
			t.Parallel()
			r := room(t, map[string]string{
				"x":      "#!/bin/sh\nsu - nobody -s /bin/sh -c 'exec sleep " + seconds + "'\n",
				"x-undo": "#!/bin/sh\nif pgrep -x -f 'sleep " + seconds + "'; then exit 1; fi\n",
			})
			engine := exec.Command("/proc/self/exe", r.Attempt)
			engine.Env = append(os.Environ(), asEngine+"="+r.Bundle)
			if err := engine.Start(); err != nil {
				t.Fatal(err)
			}
			for !works(seconds) {
				time.Sleep(5 * time.Millisecond)
			}
			for _, p := range programs.Descendants(engine.Process.Pid) {
				if programs.IsKeeper(p.PID) {
					_ = syscall.Kill(p.PID, keeper)
				}
			}
			_ = engine.Process.Kill()
			_ = engine.Wait()
			if err := r.Undo(t.Context(), Switch, hookOf(time.Hour)); err != nil {
				t.Error(err)
			}
			if left, err := r.leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left running: %v, %v", left, err)
			}
		})
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	r := room(t, map[string]string{"x": "#!/bin/sh\nsleep 1000\n"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if err := r.Run(ctx, Prepare, hookOf(time.Minute)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestLog wants what a hook says in the log, within bounds.
func TestLog(t *testing.T) {
	var b safe
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	defer slog.SetDefault(old)
	r := room(t, map[string]string{"x": "#!/bin/sh\necho first; printf 'no end' >&2; seq 100000\n"})
	if err := r.Run(t.Context(), Open, hookOf(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"line=first", `line="no end"`, "stream=stderr", "the rest is left out"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if n := strings.Count(b.String(), "\n"); n > maxLines+10 {
		t.Errorf("the log has %d lines", n)
	}
}

type safe struct {
	sync.Mutex
	bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.Lock()
	defer s.Unlock()
	return s.Buffer.Write(p)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
