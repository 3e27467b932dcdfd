package packages

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// calls are the system calls by which rpm changes the host: files put in
// place, removed, given owners, its database written and synced, scriptlets started.
var calls = []string{"renameat", "unlink", "unlinkat", "fchown", "pwrite64", "fdatasync", "vfork"}

// points is at how many places, evenly spread, rpm is killed for each call and
// way. ONERPM_KILL_POINTS=20 asks for more, as many as there are at most.
const points = 2

// countCalls runs the transaction to side to its end and returns how often each call came.
func countCalls(t *testing.T, w *rpmtest.World, s *Set, side manifest.Side) map[string]int {
	t.Helper()
	args, err := s.UpgradeArgs(t.Context(), side)
	if err != nil {
		t.Fatal(err)
	}
	return countRPM(t, w, args)
}

// countRPM is countCalls for rpm with any arguments.
func countRPM(t *testing.T, w *rpmtest.World, args []string) map[string]int {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	straceRPM(t, w, args, "-o", trace, "-e", "trace="+strings.Join(calls, ","))
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, call := range calls {
		count[call] = bytes.Count(data, []byte("\n"+call+"("))
	}
	return count
}

// strace runs the transaction to side as Converge would.
func strace(t *testing.T, w *rpmtest.World, s *Set, side manifest.Side, with ...string) {
	t.Helper()
	args, err := s.UpgradeArgs(t.Context(), side)
	if err != nil {
		t.Fatal(err)
	}
	straceRPM(t, w, args, with...)
}

// straceRPM runs rpm under strace, which may kill it.
func straceRPM(t *testing.T, w *rpmtest.World, args []string, with ...string) {
	t.Helper()
	with = append(append(with, "rpm", "--root", w.Root), args...)
	out, err := exec.Command("strace", with...).CombinedOutput()
	t.Logf("strace: %v\n%s", err, out)
}

func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, way := range []manifest.Side{manifest.New, manifest.Old} {
		w := rpmtest.Product(t)
		w.Install(t)
		s := setOf(t, w)
		if way == manifest.Old {
			if err := s.Converge(context.Background(), manifest.New, Options{}); err != nil {
				t.Fatal(err)
			}
		}
		count := countCalls(t, w, s, way)
		t.Logf("to %s: %v", way, count)
		if count["renameat"] == 0 || count["pwrite64"] == 0 {
			t.Errorf("rpm's calls on the way to %s were not seen: %v", way, count)
		}
		for _, call := range calls {
			for _, nth := range spread(count[call]) {
				t.Run(fmt.Sprintf("to-%s-%s-%d", way, call, nth), func(t *testing.T) {
					t.Parallel()
					killedAt(t, way, call, nth)
				})
			}
		}
	}
}

// spread returns up to points numbers from 1 to n.
func spread(n int) []int {
	k := points
	if more, err := strconv.Atoi(os.Getenv("ONERPM_KILL_POINTS")); err == nil {
		k = more
	}
	k = min(k, n)
	var at []int
	for i := 1; i <= k; i++ {
		at = append(at, (2*i-1)*n/(2*k)+1)
	}
	return at
}

// killedAt kills rpm on the way and lets Converge finish both ways, the nearer one first.
func killedAt(t *testing.T, way manifest.Side, call string, nth int) {
	ctx := context.Background()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	if _, err := s.Record(ctx); err != nil {
		t.Fatal(err)
	}
	if way == manifest.Old {
		if err := s.Converge(ctx, manifest.New, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.Var, "rpm-running"), []byte(way+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	strace(t, w, s, way, "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, nth))
	t.Logf("rpmdb after the kill: %v", w.Set(t))

	first, second := manifest.Old, manifest.New
	if nth%2 == 0 {
		first, second = second, first
	}
	for _, side := range []manifest.Side{first, second} {
		if err := s.Converge(ctx, side, Options{}); err != nil {
			t.Fatalf("to %s: %v", side, err)
		}
		want := oldSet
		if side == manifest.New {
			want = newSet
			if got := w.Read("/opt/manager/env"); got != "4.2.0\n" {
				t.Errorf("the %%post did not run: %q", got)
			}
		}
		mustBe(t, w, s, side, want)
	}
}

// TestRPMOutlivesTheEngine kills the engine while a scriptlet runs: rpm ends its
// work, and the next engine waits for it.
func TestRPMOutlivesTheEngine(t *testing.T) {
	t.Parallel()
	old, new := rpmtest.OldRelease(), rpmtest.NewRelease()
	new[0].Post = "echo began > /began; while [ -e /began ] && [ ! -e /go-on ]; do sleep 0.1; done; sleep 1; echo much is said here; echo ended > /opt/manager/env\n"
	w := rpmtest.New(t, old, new)
	w.Manifest.Skip = rpmtest.Product(t).Manifest.Skip
	w.Manifest.State = []string{"/opt/manager/resources", "/opt/manager/env"}
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	engine := exec.Command(os.Args[0], "-test.run=^TestEngine$")
	engine.Env = append(os.Environ(), "ONERPM_TEST_ENGINE="+encode(t, s))
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	for w.Read("/began") == "" {
		time.Sleep(10 * time.Millisecond)
	}
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = engine.Wait()
	if busy, err := s.RPM.Busy(context.Background()); err != nil || busy == nil || !strings.Contains(busy.String(), "rpm") {
		t.Errorf("rpm does not go on: %v %v", busy, err)
	}
	if err := os.WriteFile(filepath.Join(w.Root, "go-on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Converge(context.Background(), manifest.Old, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := w.Read("/opt/manager/env"); got != "ended\n" {
		t.Errorf("the scriptlet did not end: %q", got)
	}
	mustBe(t, w, s, manifest.Old, oldSet)
}

// TestEngine is the engine that TestRPMOutlivesTheEngine kills; it does nothing by itself.
func TestEngine(t *testing.T) {
	text := os.Getenv("ONERPM_TEST_ENGINE")
	if text == "" {
		return
	}
	if err := decode(t, text).Converge(context.Background(), manifest.New, Options{}); err != nil {
		t.Fatal(err)
	}
}

func TestScriptletFailureIsAnError(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(p *rpmtest.Package){
		"%prein": func(p *rpmtest.Package) { p.Pre = "exit 3" },
		"%post":  func(p *rpmtest.Package) { p.Post = "exit 3" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			old, new := rpmtest.OldRelease(), rpmtest.NewRelease()
			set(&new[1])
			w := rpmtest.New(t, old, new)
			w.Manifest.Skip = rpmtest.Product(t).Manifest.Skip
			w.Install(t)
			customize(t, w)
			s := setOf(t, w)
			err := s.Converge(ctx, manifest.New, Options{})
			if err == nil || !strings.Contains(err.Error(), name+"(influx-4.2.0-1.noarch) scriptlet failed, exit status 3") {
				t.Fatalf("the error is: %v", err)
			}
			if err := s.Converge(ctx, manifest.Old, Options{}); err != nil {
				t.Fatal(err)
			}
			mustBe(t, w, s, manifest.Old, oldSet)
		})
	}
}

// TestFilesLostToAPowerCut empties files that rpm's database says are there.
func TestFilesLostToAPowerCut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	if _, err := s.Record(ctx); err != nil {
		t.Fatal(err)
	}
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		if err := s.Converge(ctx, side, Options{}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/opt/manager/rest.py", "/opt/influx/bin", "/opt/manager/rest.py;5a0b1c2d"} {
			w.Write(t, path, "")
		}
		differs, err := s.Check(ctx, side)
		if err != nil || len(differs) != 3 {
			t.Errorf("%d differences: %v %v", len(differs), differs, err)
		}
		if err := s.Converge(ctx, side, Options{}); err != nil {
			t.Fatal(err)
		}
		want := oldSet
		if side == manifest.New {
			want = newSet
		}
		mustBe(t, w, s, side, want)
	}
}

func TestDamagedBundleIsNotUsed(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	s := setOf(t, w)
	path := filepath.Join(w.Dir, "packages", "influx-4.2.0-1.noarch.rpm")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-20] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	err = s.Converge(context.Background(), manifest.New, Options{})
	if err == nil || !strings.Contains(err.Error(), "influx-4.2.0-1.noarch.rpm is damaged") {
		t.Errorf("the error is: %v", err)
	}
	if got := strings.Join(w.Set(t), " "); got != strings.Join(oldSet, " ") {
		t.Errorf("installed: %s", got)
	}
}
