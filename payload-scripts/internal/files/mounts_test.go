package files

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
)

func (m *machine) bind(from, at string) {
	m.t.Helper()
	m.ok(unix.Mount(m.at(from), m.at(at), "", unix.MS_BIND, ""))
	m.t.Cleanup(func() { _ = unix.Unmount(m.at(at), unix.MNT_DETACH) })
}

// TestStateOnALateMount: after a boot the file system of the state is not there
// yet. Nothing is written to the folder below, and the way back goes on when it comes.
func TestStateOnALateMount(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.ok(os.MkdirAll(m.at("/data"), 0o755))
	m.ok(os.Rename(m.at("/opt/app/state"), m.at("/data/state")))
	m.write("/opt/app/state/below", "hidden by the mount", 0o600, 0, 0)
	below := m.shot("/opt")
	m.bind("/data/state", "/opt/app/state")
	before := m.shot("/opt", "/data", "/etc", "/usr")
	m.ok(m.prepared().Converge(ctx, manifest.New))
	m.harm()
	m.ok(unix.Unmount(m.at("/opt/app/state"), 0))

	stopped, stop := context.WithCancel(ctx)
	s := m.set()
	s.Progress = func(string, int64) { stop() }
	if err := s.Converge(stopped, manifest.Old); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	compareShots(t, m.shot("/opt"), below)

	s = m.set()
	s.Progress = func(path string, _ int64) {
		if path == "/opt/app/state" {
			m.bind("/data/state", "/opt/app/state")
		}
	}
	m.ok(s.AwaitMounts(ctx))
	s.Progress = nil
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt", "/data", "/etc", "/usr"), before)
	m.ok(unix.Unmount(m.at("/opt/app/state"), 0))
	compareShots(t, m.shot("/opt"), below)
}

// TestPrepareAgainWithoutTheMount: an attempt that a boot interrupted before the
// window does not take the folder below for the state.
func TestPrepareAgainWithoutTheMount(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.write("/data/x", "x", 0o600, 0, 0)
	m.bind("/data", "/opt/app/state")
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.ok(unix.Unmount(m.at("/opt/app/state"), 0))
	stopped, stop := context.WithCancel(ctx)
	again := m.set()
	again.Progress = func(string, int64) { stop() }
	if err := again.Prepare(stopped); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if data, err := os.ReadFile(m.backup + "/state/0/x"); err != nil || string(data) != "x" {
		t.Errorf("what was saved is gone: %q %v", data, err)
	}
}

// TestConfigurationThatIsAMount goes there and back: such a file is written in place.
func TestConfigurationThatIsAMount(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.mkdir("/data", 0o755)
	m.write("/data/app.json", m.read("/etc/app.json"), 0o640, 12, 34)
	m.xattr("/data/app.json", "user.note", "hello")
	m.bind("/data/app.json", "/etc/app.json")
	before := m.shot("/etc", "/data")
	expect(t, m.set().Findings(ctx), "")
	m.ok(m.prepared().Converge(ctx, manifest.New))
	if got := m.read("/data/app.json"); !strings.Contains(got, `"port": 2`) {
		t.Error(got)
	}
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/data"), before)
}

// TestMountsThatCannotBeWritten: check tells of them before anything is changed.
func TestMountsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target string
		change func(*machine)
		want   string
	}{
		"the new release does not have it": {"/etc/old.conf", func(*machine) {}, "config-mount"},
		"rpm replaces it":                  {"/etc/pkg.conf", func(m *machine) { m.packaged = []packaged{{"/etc/pkg.conf", "1\n", "2\n"}} }, "config-mount"},
		"read-only": {"/etc/app.json", func(m *machine) {
			m.ok(unix.Mount("", m.at("/etc/app.json"), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		}, "read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			if c.target == "/etc/pkg.conf" {
				m.write("/etc/pkg.conf", "1\n", 0o644, 0, 0)
			}
			m.write("/data/conf", m.read(c.target), 0o640, 12, 34)
			m.bind("/data/conf", c.target)
			c.change(m)
			expect(t, m.set().Findings(context.Background()), c.want)
		})
	}
}

// TestMountOfAServiceThatIsStopped: what the product itself mounts in its state is
// gone in the window. It is neither waited for nor written below.
func TestMountOfAServiceThatIsStopped(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.write("/data/x", "of a file system that the service mounts", 0o600, 0, 0)
	m.mkdir("/opt/app/state/mounted", 0o755)
	before := m.shot("/opt", "/etc", "/usr", "/data")
	m.bind("/data", "/opt/app/state/mounted")
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.ok(unix.Unmount(m.at("/opt/app/state/mounted"), 0)) // the service is stopped
	m.ok(m.set().AwaitMounts(ctx))
	m.ok(s.SaveState(ctx))
	m.ok(s.Converge(ctx, manifest.New))
	m.harm()
	m.write("/opt/app/state/mounted/x", "below", 0o600, 0, 0)
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt", "/etc", "/usr", "/data"), before)
}
