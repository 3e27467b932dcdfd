package files

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
)

// child is the work of a process that is killed on the way.
type child struct {
	Root, Bundle, Backup string
	Manifest             *manifest.Manifest
	Packaged             []packaged
	Step                 string
	Kill                 int // the file at which it dies, counted from 1
}

func TestMain(m *testing.M) {
	path := os.Getenv("FILES_TEST_CHILD")
	if path == "" {
		os.Exit(m.Run())
	}
	if err := work(path); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

func work(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c child
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	s := (&machine{root: c.Root, bundle: c.Bundle, backup: c.Backup, m: c.Manifest, packaged: c.Packaged}).set()
	n := 0
	s.Progress = func(string, int64) {
		if n++; n == c.Kill {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
	}
	switch c.Step {
	case "save":
		if err := s.Prepare(context.Background()); err != nil {
			return err
		}
		return s.SaveState(context.Background())
	case "seal":
		return s.SaveState(context.Background())
	}
	return s.Converge(context.Background(), manifest.Side(c.Step))
}

// killed runs a step in a process of its own and reports whether it died at the n-th file.
func (m *machine) killed(step string, n int) bool {
	m.t.Helper()
	data, err := json.Marshal(child{m.root, m.bundle, m.backup, m.m, m.packaged, step, n})
	m.ok(err)
	path := filepath.Join(filepath.Dir(m.root), "child.json")
	m.ok(os.WriteFile(path, data, 0o600))
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), "FILES_TEST_CHILD="+path)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		m.t.Fatalf("%s, %d: %v\n%s", step, n, err, out)
	}
	return true
}

// TestKilled kills every step at every file, and runs it again from there.
func TestKilled(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.packaged = []packaged{{"/etc/pkg.conf", "1\na\nb\n", "2\na\nb\n"}, {"/etc/pkg-gone.conf", "x\n", ""}, {"/etc/pkg-new.conf", "", "new\n"}}
	m.write("/etc/pkg.conf", "1\na\nmine\n", 0o640, 3, 4)
	m.write("/etc/pkg.conf.rpmsave", "of an earlier update", 0o600, 0, 0)
	m.write("/etc/pkg-gone.conf", "x\n", 0o644, 0, 0)
	before := m.shot("/etc", "/usr", "/opt")
	for _, step := range []string{"save", "seal", "new", "old"} {
		n := 1
		if step == "new" { // what rpm does before
			m.write("/etc/pkg.conf", "2\na\nb\n", 0o644, 0, 0)
			m.write("/etc/pkg.conf.rpmsave", "1\na\nmine\n", 0o640, 3, 4)
			m.write("/etc/pkg-new.conf", "new\n", 0o644, 0, 0)
			m.write("/etc/pkg-gone.conf.rpmsave", "x\n", 0o644, 0, 0)
			m.ok(os.Remove(m.at("/etc/pkg-gone.conf")))
		}
		for ; m.killed(step, n); n++ {
			if step == "old" {
				m.harm2(n)
			}
		}
		if n < 4 {
			t.Errorf("%s was killed %d times only", step, n-1)
		}
		if step == "new" {
			if got := m.read("/etc/sysconfig/app"); got != "# mine\nA=2\n" {
				t.Error(got)
			}
			m.checkPackaged()
			m.harm()
			m.write("/etc/.app.json.123456789~", "half", 0o600, 0, 0) // killed within a write
			m.write("/opt/app/.state.upgrade~", "half", 0o600, 0, 0)
			m.ok(os.Link(m.at("/opt/app/state/names/one"), m.at("/opt/app/state/.zz.upgrade~"))) // between the link and its name
		}
		if step == "save" || step == "seal" {
			compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
		}
	}
	m.ok(m.set().Converge(context.Background(), manifest.Old))
	compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
	if left, err := filepath.Glob(m.at("/etc/.*~")); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

// checkPackaged holds the %config files of TestKilled to the new side.
func (m *machine) checkPackaged() {
	m.t.Helper()
	shot := m.shot("/etc")
	if got := m.read("/etc/pkg.conf"); got != "2\na\nmine\n" || !strings.HasPrefix(shot["etc/pkg.conf"], "-rw-r----- 3:4") {
		m.t.Errorf("%q %s", got, shot["etc/pkg.conf"])
	}
	if got := m.read("/etc/pkg.conf.rpmsave"); got != "of an earlier update" {
		m.t.Error(got)
	}
	if got := shot["etc/pkg-gone.conf"] + shot["etc/pkg-gone.conf.rpmsave"]; got != "" {
		m.t.Error(got)
	}
	if got := m.read("/etc/pkg-new.conf"); got != "new\n" {
		m.t.Error(got)
	}
}

// harm2 spoils what may be restored already, so that each run has work to do.
func (m *machine) harm2(n int) {
	m.write("/opt/app/state/junk"+strconv.Itoa(n), "junk", 0o600, 0, 0)
	m.ok(os.RemoveAll(m.at("/opt/app/state/big")))
	m.ok(os.RemoveAll(m.at("/etc/sysconfig/app")))
	m.ok(os.RemoveAll(m.at("/opt/app/state/names/below/two")))
	if _, err := os.Lstat(m.at("/opt/app/state/twin1")); err == nil {
		m.ok(os.RemoveAll(m.at("/opt/app/state/zz")))
		m.ok(os.Link(m.at("/opt/app/state/twin1"), m.at("/opt/app/state/zz")))
	}
}
