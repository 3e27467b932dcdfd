package rpm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/programs"
)

func runnerFor(t *testing.T, h *Host) Runner { return Runner{Host: h, Folder: t.TempDir()} }

func interrupted(t *testing.T, r Runner, want string) {
	t.Helper()
	got, err := r.Interrupted()
	if err != nil || got != want {
		t.Errorf("interrupted is %q, want %q: %v", got, want, err)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil)
	r := runnerFor(t, h)
	if began, err := r.Began("new"); began || err != nil {
		t.Errorf("begun before it began: %v", err)
	}
	var seen []string
	install := Transaction{Name: "new", Args: []string{"-U", "-v", "--percent", rpmFile(t, rpmtest.Package{Name: "a", Version: "1"})}, Progress: func(p Progress) { seen = append(seen, p.Package) }}
	if err := r.Run(t.Context(), install); err != nil {
		t.Fatal(err)
	}
	interrupted(t, r, "")
	if began, err := r.Began("new"); !began || err != nil {
		t.Errorf("not begun: %v", err)
	}
	if !strings.Contains(strings.Join(seen, " "), "a-1-1.noarch") {
		t.Errorf("progress named %v", seen)
	}
	// The same again is refused; what rpm said the time before is kept.
	install.Progress = nil
	err := r.Run(t.Context(), install)
	if exit := (*programs.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(err.Error(), "already installed") {
		t.Errorf("got %v", err)
	}
	interrupted(t, r, "")
	for _, name := range []string{"rpm-new.out", "rpm-new.err", "rpm-new.out.before", "rpm-new.err.before"} {
		if _, err := os.Stat(filepath.Join(r.Folder, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestAKilledRPMIsKnown kills rpm in a scriptlet: the mark stays until somebody has done
// its work again, and a transaction that only erases does not take it away.
func TestAKilledRPMIsKnown(t *testing.T) {
	t.Parallel()
	w, h := hostWith(t, nil, rpmtest.Package{Name: "helper", Version: "1"})
	r := runnerFor(t, h)
	path := rpmFile(t, rpmtest.Package{Name: "a", Version: "1", Post: "echo >/inside; while [ -e /inside ] && [ ! -e /go-on ]; do sleep 0.05; done\n"})
	done := make(chan error)
	go func() { done <- r.Run(context.Background(), Transaction{Name: "new", Args: []string{"-U", path}}) }()
	for w.Read("/inside") == "" {
		time.Sleep(5 * time.Millisecond)
	}
	interrupted(t, r, "new")
	dir, err := h.DBPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pid, held, err := lockHolder(filepath.Join(dir, ".rpm.lock"))
	if err != nil || !held {
		t.Fatalf("nobody holds rpm's lock: %v", err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "rpm was killed") {
		t.Errorf("got %v", err)
	}
	w.Write(t, "/go-on", "")
	interrupted(t, r, "new")
	if err := r.Run(t.Context(), Transaction{Name: Erase, Args: []string{"-e", "--", "helper"}}); err != nil {
		t.Fatal(err)
	}
	interrupted(t, r, "new")
	if err := errors.Join(r.Forget(), r.Forget()); err != nil {
		t.Fatal(err)
	}
	interrupted(t, r, "")
}

func TestRunIsCancelledBeforeItBegins(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil)
	r := runnerFor(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx, Transaction{Name: "new", Args: []string{"-U", "x"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(r.Folder + "/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNoFolderForWhatRPMSays(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil)
	r := Runner{Host: h, Folder: filepath.Join(t.TempDir(), "gone")}
	if err := r.Run(t.Context(), Transaction{Name: "new"}); err == nil || !strings.Contains(err.Error(), "make a file for what rpm says") {
		t.Errorf("got %v", err)
	}
}

// TestScriptletsThatFailAreErrors is about what rpm says when it exits with 0.
func TestScriptletsThatFailAreErrors(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"warning: %post(a-1-1.noarch) scriptlet failed, exit status 3":                  "%post(a-1-1.noarch) scriptlet failed, exit status 3",
		"error: %prein(a-1-1.noarch) scriptlet failed, exit status 1\nerror: a: failed": "%prein(a-1-1.noarch)",
		"warning: %transfiletriggerin(glibc-2-1.x86_64) scriptlet failed, signal 9":     "%transfiletriggerin(glibc-2-1.x86_64)",
		"error: Lua script failed: [string \"%pretrans(a-1-1.noarch)\"]:1: boom":        "Lua script failed",
		"error: lua script failed: boom":                                                "lua script failed",
		"warning: /etc/a.conf created as /etc/a.conf.rpmnew":                            "",
		"a program says %post(x) scriptlet failed":                                      "",
	} {
		err := judge(nil, said)
		if scriptlet := (*ScriptletError)(nil); errors.As(err, &scriptlet) != (want != "") || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", said, err)
		}
	}
}
