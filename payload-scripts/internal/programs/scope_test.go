package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/test/script"
)

// asEngine names the program that this test's program runs in a scope instead of its tests, as an engine that is killed does.
const asEngine = "PROGRAMS_TEST_ENGINE"

func TestMain(m *testing.M) {
	if os.Getenv(withoutLeader) != "" {
		loseLeader()
	}
	if program := os.Getenv(asEngine); program != "" {
		_, err := Run(context.Background(), Cmd{Name: program, Scope: true, Timeout: time.Hour})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// withoutLeader names what has this test's program go on in another thread than its first one.
const withoutLeader = "PROGRAMS_TEST_WITHOUT_LEADER"

func init() { runtime.LockOSThread() } // main has the first thread

// loseLeader ends the first thread, as pthread_exit(3) in main does, once another one sleeps.
func loseLeader() {
	sleeps := make(chan bool)
	go func() {
		runtime.LockOSThread()
		close(sleeps)
		_ = syscall.Nanosleep(&syscall.Timespec{Sec: 3600}, nil)
	}()
	<-sleeps
	_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0) //nolint:dogsled // it never returns
}

// TestScopeOfOneWithoutALeader: of a process whose first thread has ended and others work, the kernel says Z.
func TestScopeOfOneWithoutALeader(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprint("without-leader-", os.Getpid())
	c := sh(fmt.Sprintf(`%s=1 %s %s & until grep -q "^State:.Z" /proc/$!/status; do sleep 0.02; done; echo $!`, withoutLeader, os.Args[0], mark))
	c.Scope, c.Timeout = true, time.Hour
	began := time.Now()
	got, err := Run(t.Context(), c)
	if err != nil || time.Since(began) > endLimit {
		t.Errorf("%v, after %s", err, time.Since(began))
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(got.Stdout)); err == nil || got.Stdout == "" {
		t.Errorf("%q works on", got.Stdout)
	}
}

// long is a time to sleep that no other test has, nor another run of this one.
func long(n int) string { return fmt.Sprintf("%d.%d", 90000+n, os.Getpid()) }

// running finds the processes that sleep for so long.
func running(t *testing.T, seconds string) []int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err == nil && string(text) == "sleep\x00"+seconds+"\x00" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, pid)
		}
	}
	return found
}

// children are the ways in which a program leaves its child: with the command that the shell runs for it.
var children = map[string]string{
	"as it is":                     "%s",
	"in another session":           "setsid %s",
	"without its environment":      "env -i setsid %s",
	"by a parent that has ended":   "(setsid sh -c '%s & exec true' &)",
	"of another user":              "su nobody -s /bin/sh -c 'exec %s'",
	"of another user, logged in":   "su - nobody -s /bin/sh -c 'exec %s'",
	"of another user, by runuser":  "runuser -l nobody -s /bin/sh -c 'exec %s'",
	"with no word on its outputs":  "env -i setsid %s >/dev/null 2>&1 </dev/null",
	"that ignores what it is told": "sh -c 'trap \"\" TERM HUP INT; %s'",
}

// leaving is a shell script that leaves a child, which sleeps for so long, and says when that is there.
func leaving(child, seconds string) string {
	sleep := "sleep " + seconds
	return fmt.Sprintf(child, sleep) + " &\nuntil pgrep -x -f '" + sleep + "' >/dev/null; do command sleep 0.02; done\necho there\n"
}

// TestScope: whatever a program starts ends with it, when it ends and when it is ended.
func TestScope(t *testing.T) {
	t.Parallel()
	n := 0
	for name, child := range children {
		for end, want := range map[string]error{"exit 0": nil, "exit 3": errStatus, "exec sleep " + long(1): context.Canceled} {
			n++
			seconds := long(100 + n)
			t.Run(name+", then "+end, func(t *testing.T) {
				t.Parallel()
				ctx, stop := context.WithCancel(t.Context())
				c := sh(leaving(child, seconds) + end)
				c.Scope, c.Timeout = true, time.Hour
				c.Stdout = writer(func([]byte) {
					if want == context.Canceled { //nolint:errorlint // the table's
						stop()
					}
				})
				got, err := Run(ctx, c)
				if want == errStatus { //nolint:errorlint // the table's
					if exit := (*ExitError)(nil); !errors.As(err, &exit) || got.Code != 3 {
						t.Errorf("%v, %d", err, got.Code)
					}
				} else if !errors.Is(err, want) {
					t.Errorf("%v, %q", err, got.Stderr)
				}
				if got.Stdout != "there\n" {
					t.Errorf("%q, %q", got.Stdout, got.Stderr)
				}
				gone(t, seconds)
			})
		}
	}
}

// gone fails when somebody sleeps for so long.
func gone(t *testing.T, seconds string) {
	t.Helper()
	for _, pid := range running(t, seconds) {
		t.Errorf("%d works on", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// TestScopeOfRespawning: who is followed by a child of his before he is ended gets nowhere.
func TestScopeOfRespawning(t *testing.T) {
	t.Parallel()
	again := filepath.Join(t.TempDir(), "again")
	if err := script.Write(again, "#!/bin/sh\nsleep 0.01\nenv -i setsid "+again+" &\n"); err != nil {
		t.Fatal(err)
	}
	c := sh(again + "; echo begun")
	c.Scope, c.Timeout = true, time.Hour
	if got, err := Run(t.Context(), c); err != nil || got.Stdout != "begun\n" {
		t.Errorf("%v, %+v", err, got)
	}
	if out, err := exec.Command("pgrep", "-f", again).CombinedOutput(); err == nil {
		t.Errorf("works on: %s", out)
	}
}

// TestScopeTellsTheEnd of a program as it is without a scope.
func TestScopeTellsTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cmd    Cmd
		stdout string
		code   int
		err    string
	}{
		"success":        {sh("echo one; ps -o pgid= -p $$ | grep -qw $$ && echo leads"), "one\nleads\n", 0, ""},
		"a status":       {sh("echo the cause >&2; exit 3"), "", 3, "sh exited with status 3: the cause"},
		"a signal":       {sh("kill -SEGV $$"), "", -1, "sh exited with status -1"},
		"no path":        {Cmd{Name: "/no/such/program"}, "", -1, "run /no/such/program: no such file"},
		"not executable": {Cmd{Name: "/etc/passwd"}, "", -1, "run /etc/passwd: permission denied"},
		"an input":       {Cmd{Name: "cat", Input: strings.NewReader("one")}, "one", 0, ""},
		"no input":       {sh("cat; echo end"), "end\n", 0, ""},
		"its arguments":  {Cmd{Name: "printf", Args: []string{"%s.", "a b", "", "c"}}, "a b..c.", 0, ""},
		"much":           {sh("head -c 9000000 /dev/zero"), string(make([]byte, keepOutput)), 0, ""},
		"its keeper":     {sh("sleep 1; kill -9 $PPID; sleep " + long(2)), "", -1, "its keeper was ended by somebody else"},
		"its keeper, while it starts others": {sh("sleep 1; kill -9 $PPID; for i in $(seq 300); do sleep " + long(5) + " & done; wait"), "", -1,
			"its keeper was ended by somebody else"},
		"told to end": {sh("kill $PPID; sleep " + long(3)), "", -1, "run sh: it was ended"},
		"a group":     {sh("kill -9 0"), "", -1, "sh exited with status -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.cmd.Scope, c.cmd.Timeout = true, time.Hour
			got, err := Run(t.Context(), c.cmd)
			if got.Stdout != c.stdout || got.Code != c.code {
				t.Errorf("code %d, %d bytes: %.99q", got.Code, len(got.Stdout), got.Stdout)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
			until(t, func() bool {
				return len(running(t, long(2)))+len(running(t, long(3)))+len(running(t, long(5))) == 0 || !strings.Contains(c.err, "ended")
			})
		})
	}
}

// TestScopeOfAKilledEngine ends, though nobody is there to end it.
func TestScopeOfAKilledEngine(t *testing.T) {
	t.Parallel()
	seconds := long(4)
	program := filepath.Join(t.TempDir(), "program")
	if err := script.Write(program, "#!/bin/sh\nsu - nobody -s /bin/sh -c 'exec sleep "+seconds+"'\n"); err != nil {
		t.Fatal(err)
	}
	engine := exec.Command("/proc/self/exe")
	engine.Env = append(os.Environ(), asEngine+"="+program)
	var said bytes.Buffer
	engine.Stdout, engine.Stderr = &said, &said
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return len(running(t, seconds)) > 0 })
	kept := slices.ContainsFunc(Descendants(engine.Process.Pid), func(p Process) bool { return IsKeeper(p.PID) })
	if !kept || IsKeeper(os.Getpid()) {
		t.Error("it has no keeper, or everybody is one")
	}
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := engine.Wait(); err == nil {
		t.Errorf("the engine ended: %s", said.String())
	}
	until(t, func() bool { return len(running(t, seconds)) == 0 })
}

// until waits until something is so, for far longer than it can take on a busy machine.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("it is not so after a minute")
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	more := strings.Repeat(" 0", threadsField-parentField-1) + " "
	for text, want := range map[string]struct {
		pid, parent int
		name        string
		runs        bool
	}{
		"12 (sh) S 1" + more + "1":             {12, 1, "sh", true},
		"12 (a) b (c) d) R 345" + more + "1":   {12, 345, "a) b (c) d", true},
		"12 (ended) Z 1" + more + "1":          {12, 1, "ended", false},
		"12 (gone) X 0" + more + "0":           {12, 0, "gone", false},
		"12 (first thread) Z 1" + more + "3":   {12, 1, "first thread", true},
		"":                                     {},
		"12 (sh) S 1 2 3":                      {},
		"x (sh) S 1" + more + "1":              {},
		"12 (sh) S 1" + more + "x":             {12, 1, "sh", false},
		"12 (with ) Z in it) S 1" + more + "1": {12, 1, "with ) Z in it", true},
		"12 (a\nbegan) S 1" + more + "1":       {12, 1, "a?began", true},
	} {
		p, parent, runs := parseStat(text)
		if p.PID != want.pid || parent != want.parent || p.Name != want.name || runs != want.runs {
			t.Errorf("%q: %+v %d %v", text, p, parent, runs)
		}
	}
}
