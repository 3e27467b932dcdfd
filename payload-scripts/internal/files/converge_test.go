package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.write("/etc/old.conf.rpmsave", "of an earlier update", 0o644, 0, 0)
	before := m.shot("/etc", "/usr", "/opt")
	s := m.prepared()
	compareShots(t, m.shot("/etc", "/usr", "/opt"), before)

	for range 2 {
		m.ok(m.set().Converge(ctx, manifest.New))
	}
	if got := m.read("/etc/app.json"); !regexp.MustCompile(`^\{"port": 2, "name": "me", "secret": "[0-9a-f]{16}", "mine": true\}\n$`).MatchString(got) {
		t.Error(got)
	}
	for path, want := range map[string]string{
		"/etc/sysconfig/app":                  "# mine\nA=2\n",
		"/usr/lib/systemd/system/app.service": "[Service]\nExecStart=/b\n",
		"/etc/app/new.conf":                   "new y\n",
	} {
		if got := m.read(path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	shot := m.shot("/etc")
	if got := shot["etc/app.json"]; !strings.HasPrefix(got, "-rw-r----- 12:34") || !strings.Contains(got, "user.note") {
		t.Error(got)
	}
	if got := shot["etc/app/new.conf"]; !strings.HasPrefix(got, "-rw-r----- 65534:65534") {
		t.Error(got)
	}
	if _, there := shot["etc/old.conf"]; there {
		t.Error("a file that the new release does not have is there")
	}
	if change, err := s.UnitsChange(); err != nil || !change {
		t.Error("the unit changed", err)
	}
	m.harm()
	if got, err := s.Leftovers(); err != nil || fmt.Sprint(got) != "[/etc/app.json.rpmnew]" {
		t.Error(got, err)
	}
	for range 2 {
		m.ok(m.set().Converge(ctx, manifest.Old))
		compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
	}
	m.ok(m.set().Converge(ctx, manifest.New)) // and any number of times
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/usr", "/opt"), before)
}

// TestNotSealed: before the seal the host's files are the newest there are.
func TestNotSealed(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.write("/opt/app/state/a", "written by a client", 0o600, 7, 8)
	before := m.shot("/etc", "/opt")
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc", "/opt"), before)
	if err := m.set().Converge(ctx, manifest.New); err == nil {
		t.Error("went to the new side with nothing saved")
	}
}

// TestPrepareAgain: what was drawn at random stays for the whole attempt.
func TestPrepareAgain(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	merged := func() string {
		data, err := os.ReadFile(m.backup + "/config/new/etc/app.json")
		m.ok(err)
		return string(data)
	}
	m.ok(m.set().Prepare(ctx))
	first := merged()
	m.ok(m.set().Prepare(ctx))
	if merged() != first {
		t.Error("drawn again")
	}
	for _, file := range []string{"/config/new/etc/app.json", "/index.json"} {
		info, err := os.Stat(m.backup + file)
		m.ok(err)
		if info.Mode().Perm() != 0o600 {
			t.Error(file, info.Mode())
		}
	}
	// Whatever the admin does to the file meanwhile: something may have been made with the value.
	secret := regexp.MustCompile(`"secret": "[0-9a-f]{16}"`).FindString(first)
	m.write("/etc/app.json", "{\"port\": 1, \"name\": \"me\", \"mine\": false, \"more\": 1}\n", 0o640, 12, 34)
	m.ok(m.set().Prepare(ctx))
	if again := merged(); secret == "" || again == first || !strings.Contains(again, secret) {
		t.Errorf("drawn first %q, merged later %s", secret, again)
	}
	s := m.set()
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.write("/etc/app.json", "{\"port\": 1, \"name\": \"me\"}\n", 0o640, 12, 34)
	m.ok(s.SaveState(ctx)) // in the window
	if again := merged(); !strings.Contains(again, secret) {
		t.Errorf("drawn first %q, merged in the window %s", secret, again)
	}
}

// TestCancelled stops the way back at every file, then lets it through.
func TestCancelled(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.shot("/etc", "/opt", "/usr")
	s := m.prepared()
	m.ok(s.Converge(context.Background(), manifest.New))
	m.harm()
	for stop := 1; ; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		s := m.set()
		n := 0
		s.Progress = func(string, int64) {
			if n++; n == stop {
				cancel()
			}
		}
		err := s.Converge(ctx, manifest.Old)
		cancel()
		if err == nil {
			if stop < 10 {
				t.Error("stopped nowhere")
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	compareShots(t, m.shot("/etc", "/opt", "/usr"), before)
}

func TestExtra(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	m.write("/etc/pkg.conf", "edited\n", 0o640, 1, 2)
	m.mkdir("/etc/pkg.d", 0o755)
	before := m.shot("/etc")
	s := m.set()
	s.Extra = []string{"/etc/pkg.conf", "/etc/pkg2.conf", "/etc/pkg.d"}
	m.ok(s.Prepare(ctx))
	m.ok(s.SaveState(ctx))
	m.ok(s.SaveState(ctx))
	m.write("/etc/pkg.conf", "replaced by rpm\n", 0o644, 0, 0)
	m.write("/etc/pkg.conf.rpmsave", "edited\n", 0o644, 0, 0)
	m.write("/etc/pkg2.conf", "came with rpm\n", 0o644, 0, 0)
	m.ok(s.Converge(ctx, manifest.New))
	if got := m.read("/etc/pkg.conf"); got != "replaced by rpm\n" {
		t.Error(got)
	}
	m.ok(m.set().Converge(ctx, manifest.Old))
	compareShots(t, m.shot("/etc"), before)
}

// TestTimesOfFolders: the folders of configuration have their old times after the
// way back, though files were replaced, made and removed in them.
func TestTimesOfFolders(t *testing.T) {
	t.Parallel()
	m, ctx := newMachine(t), context.Background()
	old := time.Unix(1234567890, 0)
	folders := []string{"/etc/sysconfig", "/etc", "/usr/lib/systemd/system", "/opt/app", "/opt"}
	for _, p := range folders {
		m.ok(os.Chtimes(m.at(p), old, old))
	}
	s := m.prepared()
	m.ok(s.Converge(ctx, manifest.New))
	m.harm()
	m.ok(s.Converge(ctx, manifest.Old))
	for _, p := range folders {
		if info, err := os.Stat(m.at(p)); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s has the time %v %v", p, info.ModTime(), err)
		}
	}
}
