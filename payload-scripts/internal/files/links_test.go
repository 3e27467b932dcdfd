package files

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

func TestHostileLinks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("in the window", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		before := m.shot("/opt")
		m.write("/victim/a", "do not touch", 0o600, 0, 0)
		m.write("/victim/deep/x\xff%\n", "nor this", 0o600, 0, 0)
		victim := m.shot("/victim")
		s := m.prepared()
		m.ok(os.RemoveAll(m.at("/opt/app/state/dir")))
		m.ok(os.Symlink(m.at("/victim"), m.at("/opt/app/state/dir")))
		m.ok(os.Remove(m.at("/opt/app/state/a")))
		m.ok(os.Symlink(m.at("/victim/a"), m.at("/opt/app/state/a")))
		m.ok(s.Converge(ctx, manifest.Old))
		compareShots(t, m.shot("/victim"), victim)
		compareShots(t, m.shot("/opt"), before)
	})
	t.Run("the path itself", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		s := m.prepared()
		m.write("/victim/a", "do not touch", 0o600, 0, 0)
		victim := m.shot("/victim")
		m.ok(os.RemoveAll(m.at("/opt/app/state")))
		m.ok(os.Symlink(m.at("/victim"), m.at("/opt/app/state")))
		m.ok(os.Lchown(m.at("/opt/app/state"), 1000, 1000))
		if err := s.Converge(ctx, manifest.Old); !errors.As(err, new(*host.LinkError)) {
			t.Error(err)
		}
		compareShots(t, m.shot("/victim"), victim)
	})
	t.Run("configuration", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		m.ok(os.Rename(m.at("/etc/sysconfig"), m.at("/etc/elsewhere")))
		m.ok(os.Symlink("elsewhere", m.at("/etc/sysconfig")))
		m.ok(os.Lchown(m.at("/etc/sysconfig"), 1000, 1000))
		if err := m.set().Prepare(ctx); !errors.As(err, new(*host.LinkError)) {
			t.Error(err)
		}
		expect(t, m.set().Findings(ctx), "config-link")
	})
}

// TestLinksOfRoot: an admin may have moved things to another disk.
func TestLinksOfRoot(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.mkdir("/data", 0o755)
	m.ok(os.Rename(m.at("/opt/app/state"), m.at("/data/state")))
	m.ok(os.Symlink("/data/state", m.at("/opt/app/state")))
	m.ok(os.Rename(m.at("/etc/app.json"), m.at("/data/app.json")))
	m.ok(os.Symlink("../data/app.json", m.at("/etc/app.json")))
	before := m.shot("/data", "/etc")
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.New))
	if to, err := os.Readlink(m.at("/etc/app.json")); err != nil || to != "../data/app.json" {
		t.Error("the link was replaced", to, err)
	}
	if !strings.Contains(m.read("/data/app.json"), `"port": 2`) {
		t.Error(m.read("/data/app.json"))
	}
	m.ok(os.RemoveAll(m.at("/data/state")))
	m.ok(os.Remove(m.at("/opt/app/state"))) // as rm -rf in a scriptlet does
	m.write("/opt/app/state/x", "put there by a package", 0o644, 0, 0)
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/data", "/etc"), before)
	if to, err := os.Readlink(m.at("/opt/app/state")); err != nil || to != "/data/state" {
		t.Error("the link is not back", to, err)
	}
}
