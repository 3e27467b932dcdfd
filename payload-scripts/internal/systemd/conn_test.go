package systemd

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"onerpm/test/systemdtest"
)

func connect(t *testing.T, m *systemdtest.Manager) *Conn {
	t.Helper()
	c, err := New(t.Context(), m.Dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestLostConnection: each kind of call is made again when its connection ends before the answer.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		call func(context.Context, *Conn) error
	}{
		{"state", func(ctx context.Context, c *Conn) error { _, err := c.Active(ctx, "web"); return err }},
		{"unit", func(ctx context.Context, c *Conn) error { _, err := c.Unit(ctx, "web"); return err }},
		{"start", func(ctx context.Context, c *Conn) error { return c.Start(ctx, "web") }},
		{"stop", func(ctx context.Context, c *Conn) error { return c.Stop(ctx, "web") }},
		{"reload", func(ctx context.Context, c *Conn) error { return c.Reload(ctx) }},
		{"enable", func(ctx context.Context, c *Conn) error { return c.Enable(ctx, "web", false) }},
		{"disable", func(ctx context.Context, c *Conn) error { return c.Disable(ctx, "web", false) }},
		{"instances", func(ctx context.Context, c *Conn) error { _, err := c.Instances(ctx, "web@.service"); return err }},
	} {
		for _, lost := range []int{1, 3} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "web"})
				conn := connect(t, m)
				m.LoseCalls(0, lost)
				if err := c.call(t.Context(), conn); err != nil {
					t.Errorf("after %d lost answers: %v", lost, err)
				}
			})
		}
	}
}

// TestOutOfReach: a systemd that stays away is an error in the end, one that comes back in time is not.
func TestOutOfReach(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "web", Active: "active"})
	c := connect(t, m)
	m.Down(true)
	m.Disconnect()
	time.AfterFunc(300*time.Millisecond, func() { m.Down(false) })
	if state, err := c.Active(t.Context(), "web"); err != nil || state != "active" {
		t.Errorf("after it came back: %q, %v", state, err)
	}
	m.Down(true)
	m.Disconnect()
	c.reach = 200 * time.Millisecond
	_, err := c.Active(t.Context(), "web")
	if err == nil || !strings.Contains(err.Error(), "systemd could not be reached for 200ms") {
		t.Errorf("got %v, want that it could not be reached", err)
	}
	c.reach = reachWait
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := c.Active(ctx, "web"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the wait was canceled", err)
	}
}

func TestNewWithoutSystemd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := New(ctx, func(context.Context) (*dbus.Conn, error) { return nil, errors.New("no such socket") })
	if err == nil || !strings.Contains(err.Error(), "talk to systemd: ") {
		t.Errorf("got %v", err)
	}
}

// TestNobodyAnswers: a systemd that has crashed takes connections and answers none.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "private")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	_, err = New(ctx, func(life context.Context) (*dbus.Conn, error) {
		conn, err := dbus.Dial("unix:path="+socket, dbus.WithContext(life))
		if err != nil {
			return nil, err
		}
		cancel() // while the handshake waits for its first answer
		return conn, conn.Auth([]dbus.Auth{dbus.AuthExternal("0")})
	})
	if err == nil || !strings.Contains(err.Error(), "talk to systemd: ") || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}

// TestAnswersAreNotLosses: an answer that says no is not asked for again.
func TestAnswersAreNotLosses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		lost bool
	}{
		{dbus.Error{Name: "org.freedesktop.systemd1.NoSuchUnit"}, false},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.AccessDenied"}, false},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.NoReply"}, true},
		{&dbus.Error{Name: "org.freedesktop.DBus.Error.Disconnected"}, true},
		{dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown"}, true},
		{dbus.ErrClosed, true},
		{context.DeadlineExceeded, true},
		{&lostError{errors.New("refused")}, true},
		{errors.New("cannot decode"), false},
	} {
		if got := lost(c.err); got != c.lost {
			t.Errorf("lost(%v) = %v", c.err, got)
		}
	}
	m := systemdtest.New(t, t.TempDir())
	c := connect(t, m)
	err := c.Enable(t.Context(), "nowhere", false)
	if err == nil || !strings.Contains(err.Error(), "put nowhere.service into the boot: ") {
		t.Errorf("got %v", err)
	}
	asked := 0
	err = c.do(t.Context(), "test", func(context.Context, *sd.Conn) error {
		asked++
		return dbus.Error{Name: "org.freedesktop.DBus.Error.FileNotFound"}
	})
	if err == nil || asked != 1 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	c := connect(t, systemdtest.New(t, t.TempDir()))
	c.Close()
	if _, err := c.Active(t.Context(), "web"); err == nil {
		t.Error("a closed connection answers")
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "queue@1", Active: "active"}, systemdtest.Unit{Name: "queue@2"},
		systemdtest.Unit{Name: "queue@3.socket"}, systemdtest.Unit{Name: "queues@1"}, systemdtest.Unit{Name: "queue"})
	got, err := connect(t, m).Instances(t.Context(), "queue@.service")
	if err != nil || !slices.Equal(got, []string{"queue@1.service", "queue@2.service"}) {
		t.Errorf("got %v, %v", got, err)
	}
}
