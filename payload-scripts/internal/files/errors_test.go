package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host/hosttest"
)

// TestPrepareRefuses: what cannot be merged or recorded is an error that names the
// file, and the host stays as it is.
func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(m *machine)
		want string
	}{
		"a conflict":          {func(m *machine) { m.write("/etc/app.json", `{"port": 3, "name": "x"}`, 0o600, 0, 0) }, "/etc/app.json: 1 values were changed both"},
		"mode not octal":      {func(m *machine) { m.m.Config[3].Mode = "0689" }, `/etc/app/new.conf: mode "0689" is not octal`},
		"mode too large":      {func(m *machine) { m.m.Config[3].Mode = "100000" }, "is not octal"},
		"damaged bundle":      {func(m *machine) { m.ok(os.WriteFile(m.bundle+"/config/new/etc/sysconfig/app", []byte("A=3\n"), 0o600)) }, "/etc/sysconfig/app: the bundle is damaged: config/new/etc/sysconfig/app is not as"},
		"not in the list":     {func(m *machine) { m.m.Files = m.m.Files[1:] }, "its manifest does not list"},
		"lacks in the bundle": {func(m *machine) { m.ok(os.Remove(m.bundle + "/config/old/etc/sysconfig/app")) }, "/etc/sysconfig/app: read the bundle: "},
		"a folder":            {func(m *machine) { m.ok(os.Remove(m.at("/etc/old.conf"))); m.mkdir("/etc/old.conf", 0o755) }, "/etc/old.conf: it is no regular file"},
		"a FIFO": {func(m *machine) {
			m.ok(os.Remove(m.at("/etc/old.conf")))
			m.ok(unix.Mkfifo(m.at("/etc/old.conf"), 0o600))
		}, "/etc/old.conf: it is no regular file"},
		"too large": {func(m *machine) { m.ok(os.Truncate(m.at("/etc/old.conf"), maxConfig+1)) }, "more than 16777216 bytes"},
		"a loop of links": {func(m *machine) {
			m.ok(os.Remove(m.at("/etc/old.conf")))
			m.ok(os.Symlink("old.conf", m.at("/etc/old.conf")))
		}, "/etc/old.conf"},
		"damaged index": {func(m *machine) {
			m.ok(os.MkdirAll(m.backup, 0o700))
			m.ok(os.WriteFile(m.backup+"/index.json", []byte("{"), 0o600))
		}, "index.json"},
		"no place to save": {func(m *machine) {
			m.ok(os.MkdirAll(filepath.Dir(m.backup), 0o700))
			m.ok(os.WriteFile(m.backup, nil, 0o600))
		}, "backup"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			c.harm(m)
			before := m.shot("/etc", "/usr", "/opt")
			err := m.set().Prepare(context.Background())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "back up configuration: ") {
				t.Errorf("%v, want %s", err, c.want)
			}
			compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
		})
	}
}

// TestSaveStateRefuses an attempt of which nothing is recorded.
func TestSaveStateRefuses(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	for name, err := range map[string]error{
		"SaveState": m.set().SaveState(ctx),
		"Converge":  m.set().Converge(ctx, manifest.Old),
		"Changes":   func() error { _, err := m.set().Changes(); return err }(),
		"Leftovers": func() error { _, err := m.set().Leftovers(); return err }(),
		"Units":     func() error { _, err := m.set().UnitsChange(); return err }(),
	} {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.ok(m.set().AwaitMounts(ctx)) // there is nothing to wait for
}

// TestReadOnlyHost: each side's error says what to do, and with a writable disk
// again everything goes on.
func TestReadOnlyHost(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.ok(unix.Mount(m.root, m.root, "", unix.MS_BIND|unix.MS_REC, ""))
	defer unix.Unmount(m.root, unix.MNT_DETACH)
	before := m.shot("/etc", "/usr", "/opt")
	s := m.prepared()
	remount := func(flags uintptr) { m.ok(unix.Mount("", m.root, "", unix.MS_REMOUNT|unix.MS_BIND|flags, "")) }
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		remount(unix.MS_RDONLY)
		if err := s.Converge(ctx, side); !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), "files to "+string(side)) || !strings.Contains(err.Error(), "make that file system writable") {
			t.Error(side, err)
		}
		remount(0)
		m.ok(s.Converge(ctx, side))
	}
	compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
	remount(unix.MS_RDONLY)
	m.ok(s.Converge(ctx, manifest.Old)) // all is as it was: nothing is to be written
}

// TestInTheWay puts what rpm or an admin may have left into a file's place.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put   func(m *machine, at string) error
		fails bool
	}{
		"a FIFO":          {func(_ *machine, at string) error { return unix.Mkfifo(at, 0o600) }, false},
		"an empty folder": {func(_ *machine, at string) error { return os.Mkdir(at, 0o755) }, false},
		"a dangling link": {func(_ *machine, at string) error { return os.Symlink("nowhere", at) }, true}, // it leads elsewhere now
		"a full folder":   {func(_ *machine, at string) error { return os.MkdirAll(at+"/x/y", 0o755) }, true},
		"another's link": {func(m *machine, at string) error {
			return errors.Join(os.Symlink(m.at("/opt"), at), os.Lchown(at, 9, 9))
		}, true},
		"nothing at all": {func(m *machine, _ string) error { return os.RemoveAll(m.at("/etc/sysconfig")) }, false},
		"a file above it": {func(m *machine, _ string) error {
			return errors.Join(os.RemoveAll(m.at("/etc/sysconfig")), os.WriteFile(m.at("/etc/sysconfig"), nil, 0o600))
		}, true},
		"a name of others": {func(m *machine, at string) error { return os.Link(m.at("/opt/app/state/a"), at) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ctx := newMachine(t), context.Background()
			before := m.shot("/etc", "/usr", "/opt")
			s := m.prepared()
			for _, side := range []manifest.Side{manifest.New, manifest.Old} {
				m.ok(os.RemoveAll(m.at("/etc/sysconfig/app")))
				m.ok(c.put(m, m.at("/etc/sysconfig/app")))
				err := s.Converge(ctx, side)
				if !c.fails {
					m.ok(err)
					continue
				}
				if err == nil || !strings.Contains(err.Error(), "/etc/sysconfig") {
					t.Error(side, err)
				}
				m.ok(os.RemoveAll(m.at("/etc/sysconfig")))
				m.ok(s.Converge(ctx, side))
			}
			compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
		})
	}
}

// TestTheOwnerOfAFolderLeadsNobodyOut: configuration lies in a folder of the
// product's user, who swaps it for links while root works. Nothing outside is
// read into the backup or written.
func TestTheOwnerOfAFolderLeadsNobodyOut(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	folder := hosttest.Folder(t)
	m.root = folder + "/host"
	m.m.Config, m.m.State = nil, []string{"/opt/app/state"}
	m.config("/opt/app/conf/app.conf", "text", "old\n", "new\n")
	m.write("/opt/app/conf/app.conf", "old\n", 0o640, 0, 0)
	m.write("/opt/app/state/x", "x", 0o640, 0, 0)
	m.write("/victim/app.conf", "outside\n", 0o600, 0, 0)
	m.write("/victim/app.conf.rpmnew", "outside\n", 0o600, 0, 0)
	m.write("/victim/x", "outside", 0o600, 0, 0)
	before := hosttest.Shot(t, m.at("/victim"))
	for _, p := range []string{"/opt/app", "/opt/app/conf", "/opt/app/conf/app.conf", "/opt/app/state", "/opt/app/state/x"} {
		m.ok(os.Chown(m.at(p), hosttest.User, hosttest.User))
	}
	conf, state := m.at("/opt/app/conf"), m.at("/opt/app/state")
	swap := func(path, to string) { // and back at once
		_ = os.Rename(path, path+".away")
		_ = os.Symlink(to, path)
		_ = os.Remove(path)
		_ = os.Rename(path+".away", path)
	}
	stop := hosttest.AsUser(t, func(n int) {
		switch n % 4 {
		case 0:
			swap(conf, m.at("/victim"))
		case 1:
			swap(state, m.at("/victim"))
		case 2:
			swap(conf+"/app.conf", "../../../victim/app.conf")
		case 3:
			time.Sleep(time.Duration(n%7) * 100 * time.Microsecond) // or root would never come to an end
		}
	})
	did := map[string]int{}
	for n := 0; n < 3000 && (did["sealed"] < 15 || did["old"] < 15 || did["new"] < 15); n++ {
		m.ok(os.RemoveAll(m.backup))
		s := m.set()
		if s.Prepare(ctx) != nil || s.SaveState(ctx) != nil || s.SaveState(ctx) != nil {
			continue
		}
		did["sealed"]++
		for _, side := range []manifest.Side{manifest.New, manifest.Old, manifest.New, manifest.Old} {
			if s.Converge(ctx, side) == nil {
				did[string(side)]++
			}
		}
		m.ok(filepath.WalkDir(m.backup, func(p string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(p)
			if strings.Contains(string(data), "outside") {
				t.Errorf("%s was saved from outside", p)
			}
			return err
		}))
	}
	moves := stop()
	t.Logf("%d moves of the attacker; root did %v", moves, did)
	if did["sealed"] < 15 || did["old"] < 15 || did["new"] < 15 {
		t.Errorf("hardly attacked: root did %v", did)
	}
	if after := hosttest.Shot(t, m.at("/victim")); after != before {
		t.Errorf("what is not the user's was changed:\n%s\nbefore:\n%s", after, before)
	}
}
