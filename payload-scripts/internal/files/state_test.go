package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/tree"
)

// TestHardLinks looks at nothing but names: all contents and attributes are right.
func TestHardLinks(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	before := m.shot("/opt")
	if is := before["opt/app/state/zz"]; !strings.Contains(is, "3 names") {
		t.Fatal(is)
	}
	s := m.prepared()
	for _, name := range []string{"/names/one", "/names/below/two", "/zz"} {
		info, err := os.Stat(m.backup + "/state/0" + name)
		m.ok(err)
		if st := info.Sys().(*syscall.Stat_t); st.Nlink != 3 {
			t.Errorf("%s has %d names in the backup", name, st.Nlink)
		}
	}
	m.relink()
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt"), before)
	m.relink()
	saved, err := tree.Copy{Dir: m.backup + "/state", Name: "0"}.Load()
	m.ok(err)
	wrong, err := saved.Differences(ctx, m.at("/opt/app/state"))
	m.ok(err)
	for _, path := range []string{"names/one", "twin2", "zz"} {
		if !slices.Contains(wrong, path) {
			t.Errorf("%s passes the proof, which finds %v", path, wrong)
		}
	}
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt"), before)
}

func TestStateGone(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*machine){
		"all":    func(m *machine) { m.ok(os.RemoveAll(m.at("/opt"))) },
		"a file": func(m *machine) { m.ok(os.RemoveAll(m.at("/opt/app"))); m.write("/opt/app", "x", 0o644, 0, 0) },
		"a state": func(m *machine) {
			m.ok(os.RemoveAll(m.at("/opt/app/state")))
			m.write("/opt/app/state", "x", 0o644, 0, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.ok(os.Chmod(m.at("/opt/app"), 0o711))
			before := m.shot("/opt")
			s := m.prepared()
			harm(m)
			err := s.Converge(context.Background(), manifest.Old)
			if name == "a file" { // in the place of a folder above: nobody knows whose
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			m.ok(err)
			compareShots(t, m.shot("/opt"), before)
		})
	}
}

func TestStateAppears(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.m.State = append(m.m.State, "/srv/not/there")
	before := m.shot("/srv", "/opt")
	s := m.prepared()
	m.write("/srv/not/there/x", "x", 0o644, 0, 0)
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/srv", "/opt"), before)
}

// TestSecondPass: what changes while the product serves is in the sealed copy.
func TestSecondPass(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.harm()
	m.write("/etc/sysconfig/app", "# edited meanwhile\nA=1\nB=2\n", 0o600, 1, 1)
	before := m.shot("/etc", "/opt")
	m.ok(s.SaveState(ctx))
	m.ok(os.RemoveAll(m.at("/opt/app")))
	m.ok(s.Converge(ctx, manifest.New))
	if got := m.read("/etc/sysconfig/app"); got != "# edited meanwhile\nA=2\nB=2\n" {
		t.Error(got)
	}
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/opt"), before)
	if err := s.SaveState(ctx); !errors.Is(err, ErrChanged) {
		t.Error("saved again:", err)
	}
	if err := m.set().Prepare(ctx); !errors.Is(err, ErrChanged) {
		t.Error("prepared again:", err)
	}
}

func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.New))
	m.ok(os.RemoveAll(m.at("/opt/app/state/a")))
	m.ok(os.WriteFile(m.backup+"/state/0/a", []byte("CONTENT OF A"), 0o600))
	info := time.Unix(15e8, 123456789)
	m.ok(os.Chtimes(m.backup+"/state/0/a", info, info))
	var differ *DifferError
	if err := s.Converge(ctx, manifest.Old); !errors.As(err, &differ) || fmt.Sprint(differ.Paths) != "[/opt/app/state/a]" {
		t.Errorf("%v %q", err, differ.Paths)
	}
	m.ok(s.Converge(ctx, manifest.New))
	m.ok(os.WriteFile(m.backup+"/config/old/etc/sysconfig/app", []byte("x"), 0o600))
	if err := s.Converge(ctx, manifest.Old); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
	m.ok(os.Remove(m.backup + "/index.json"))
	if err := s.Converge(ctx, manifest.Old); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestBusy saves while files come, go and change, then stops: what is there then
// is what the way back restores.
func TestBusy(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			dir := m.at(fmt.Sprintf("/opt/app/state/busy/%d", i%7))
			switch i % 5 {
			case 0, 1, 2:
				if err = os.MkdirAll(dir, 0o755); err == nil {
					err = os.WriteFile(fmt.Sprintf("%s/%d", dir, i%11), []byte(strings.Repeat("x", i%5000)), 0o644)
				}
				if err == nil && i%3 == 0 {
					_ = os.Link(fmt.Sprintf("%s/%d", dir, i%11), fmt.Sprintf("%s/link%d", m.at("/opt/app/state"), i%5))
					_ = os.Remove(fmt.Sprintf("%s/link%d", m.at("/opt/app/state"), (i+1)%5))
				}
			case 3:
				err = os.RemoveAll(dir)
			default:
				_ = os.Remove(m.at("/opt/app/state/turn"))
				if i%2 == 0 {
					err = os.Symlink("/", m.at("/opt/app/state/turn"))
				} else {
					err = os.Mkdir(m.at("/opt/app/state/turn"), 0o755)
				}
			}
		}
		<-stop
		stopped <- err
	}()
	s := m.set()
	for range 10 {
		m.ok(s.Prepare(ctx))
		m.ok(s.SaveState(ctx))
	}
	close(stop)
	m.ok(<-stopped)
	before := m.shot("/opt")
	m.ok(s.SaveState(ctx))
	m.harm()
	m.ok(os.RemoveAll(m.at("/opt/app/state/busy")))
	m.ok(s.Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/opt"), before)
}

func TestSockets(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	m.ok(err)
	defer unix.Close(fd)
	dir, err := os.Open(m.at("/opt/app/state"))
	m.ok(err)
	defer dir.Close()
	m.ok(unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/sock", dir.Fd())}))
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.Old))
	if _, err := os.Lstat(m.at("/opt/app/state/sock")); err != nil {
		t.Error("a socket that was there went", err)
	}
	m.ok(os.Remove(m.at("/opt/app/state/sock")))
	m.ok(s.Converge(ctx, manifest.Old))
}

// TestFull runs the way there and back on a file system that is too small.
func TestFull(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.ok(os.MkdirAll(m.backup, 0o700))
	m.ok(unix.Mount("tmpfs", m.backup, "tmpfs", 0, "size=512k"))
	defer unix.Unmount(m.backup, unix.MNT_DETACH)
	before := m.shot("/")
	expect(t, m.set().Findings(ctx), "no-room")
	s := m.set()
	m.ok(s.Prepare(ctx))
	err := s.SaveState(ctx)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "/opt/app/state") || !strings.Contains(err.Error(), "; free space on that file system") {
		t.Error(err)
	}
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/"), before)
}
