package host_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"onerpm/test/host"
)

// Reboots, clean and by the machine itself, keep files; memory goes.
func TestReboot(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{})
	m.Sh(t, "echo kept > /root/kept; echo gone > /run/gone; echo kept > /tmp/kept")
	boot := m.Sh(t, "cat /proc/sys/kernel/random/boot_id")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, "cat /root/kept; ls /run/gone 2>&1 | grep -c cannot"); got != "kept\n1" {
		t.Errorf("after a reboot: %q", got)
	}
	if again := m.Sh(t, "cat /proc/sys/kernel/random/boot_id"); again == boot {
		t.Errorf("the boot id is still %s", boot)
	}
	m.ShCode(t, "systemctl reboot")
	if err := m.AwaitReboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, "cat /root/kept; systemctl is-active postgresql"); got != "kept\nactive" {
		t.Errorf("after its own reboot: %q", got)
	}
}

// A killed machine keeps what it wrote, synced or not.
func TestKill(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{})
	m.Sh(t, "echo written > /root/written")
	off := m.Off()
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	<-off
	if _, err := m.Run(t.Context(), "true"); err == nil {
		t.Error("a command ran in a machine that is off")
	}
	if got, err := m.ReadFile("/root/written"); err != nil || string(got) != "written\n" {
		t.Errorf("while off: %q, %v", got, err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, "cat /root/written; systemctl is-active postgresql"); got != "written\nactive" {
		t.Errorf("after a kill: %q", got)
	}
}

// A power cut loses what was not synced and nothing else.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{DiskMiB: 1024})
	m.Sh(t, "echo synced > /root/synced; sync /root/synced /root; echo unsynced > /root/unsynced")
	if err := m.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, "cat /root/synced; cat /root/unsynced 2>/dev/null || true; systemctl is-active postgresql"); got != "synced\nactive" {
		t.Errorf("after a power cut: %q", got)
	}
}

// A full disk is full, for root too.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{DiskMiB: 256})
	if code, out := m.ShCode(t, "head -c 400M /dev/zero > /root/big"); code == 0 {
		t.Errorf("400 MB fit into 256: %s", out)
	}
	m.Sh(t, "rm /root/big && echo fine > /root/small")
}

// Machines do not see one another: the same port serves something else in each.
func TestMachinesApart(t *testing.T) {
	t.Parallel()
	for i := range 2 {
		name := fmt.Sprintf("machine %d", i)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := host.Start(t, host.Options{})
			l, err := m.Listen(t.Context(), "tcp", "127.0.0.1:8100")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(
				func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })}
			t.Cleanup(func() { _ = server.Close() })
			go func() { _ = server.Serve(l) }()
			if got := m.Sh(t, "curl -sS http://127.0.0.1:8100/"); got != name {
				t.Errorf("from inside: %q, want %q", got, name)
			}
			resp, err := m.HTTP().Get("http://localhost:8100/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.ContentLength != int64(len(name)) {
				t.Errorf("from outside: %d bytes, want %d", resp.ContentLength, len(name))
			}
		})
	}
}

// Files and folders go in and out with their permissions.
func TestCopy(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{})
	from, back := t.TempDir(), filepath.Join(t.TempDir(), "back")
	if err := os.MkdirAll(filepath.Join(from, "sub"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "sub", "run"), []byte("#!/bin/sh\necho ran\n"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sub/run", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	if err := m.CopyIn(from, "/srv/in"); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, "/srv/in/link; stat -c '%a %U' /srv/in/sub/run"); got != "ran\n750 root" {
		t.Errorf("inside: %q", got)
	}
	if err := m.CopyOut("/srv/in", back); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(back, "link"))
	if err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("outside: %v, %v", info, err)
	}
}
