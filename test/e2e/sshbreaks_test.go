package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/test/host"
)

// slowConn is a connection that takes its time for each piece that goes through it.
type slowConn struct {
	net.Conn
	tcp *net.TCPConn
}

const slowPause = 5 * time.Millisecond // for 32 KiB: 6 MB/s, and so much later

func (c slowConn) Read(p []byte) (int, error) {
	time.Sleep(slowPause)
	return c.Conn.Read(p)
}

func (c slowConn) Write(p []byte) (int, error) {
	time.Sleep(slowPause)
	return c.Conn.Write(p)
}

func (c slowConn) CloseWrite() error { return c.tcp.CloseWrite() }

// A connection that is slow and a login that greets are of no matter.
func TestCertifyOverSlowSSH(t *testing.T) {
	t.Parallel()
	s := overSSH(t, func(ctx context.Context, v *vm) (net.Conn, error) {
		conn, err := v.dial(ctx)
		if err != nil {
			return nil, err
		}
		return slowConn{conn, conn.(*net.TCPConn)}, nil
	})
	s.greets = `@@ end\nnothing to do\nid=none\nWelcome`
	code, out, told := runs(t, project, bundlerProgram(t), "certify", bundle(t, "4.2.0"), "--via", s.via, "--reset", s.reset, "--platform", platform, "--only", "fresh", "--json")
	var c certified
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 || len(c.Scenarios) != 1 || c.Scenarios[0].Outcome != "passed" {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, told)
	}
	greeting, err := exec.CommandContext(t.Context(), "sh", "-c", s.via+" true").CombinedOutput()
	if err != nil || strings.Count(string(greeting), "Welcome") != 2 {
		t.Errorf("the login did not greet: %q, %v", greeting, err)
	}
}

// cable is connections that can be cut.
type cable struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (c *cable) dial(ctx context.Context, v *vm) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, errors.New("the cable is cut")
	}
	conn, err := v.dial(ctx)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

// cutNow cuts what there is, and what will be when it is for good.
func (c *cable) cutNow(good bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = good
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	return nil
}

// TestCertifySSHBreaks: what happens to the machine or on the way to it is not the bundle's fault, and leaves nothing.
func TestCertifySSHBreaks(t *testing.T) {
	t.Parallel()
	bundler := bundlerProgram(t)
	for _, c := range []struct {
		name  string
		once  bool // nobody puts the machine back
		only  string
		does  func(*cable, *host.Machine) error
		words string
	}{
		{"the connection is cut", false, "", func(c *cable, _ *host.Machine) error { return c.cutNow(true) }, "onnection"},
		{"the machine dies", false, "", func(_ *cable, m *host.Machine) error { return m.Kill() }, "onnection"},
		{"sshd stands still", false, "", func(_ *cable, m *host.Machine) error {
			_, err := m.Shell(context.Background(), "pkill -STOP sshd")
			return err
		}, "not responding"},
		{"the connection is cut once", true, "load", func(c *cable, _ *host.Machine) error { return c.cutNow(false) }, "onnection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			copied := filepath.Join(dir, filepath.Base(bundle(t, "4.2.0")))
			copyTo(t, bundle(t, "4.2.0"), copied)
			wire := &cable{}
			s := overSSH(t, wire.dial)
			args := []string{"TMPDIR=" + t.TempDir(), bundler, "certify", copied, "--via", s.via, "--platform", platform}
			resets := 2 // before and after
			if c.only != "" {
				args = append(args, "--only", c.only)
			}
			if c.once {
				resets = 0
				if err := s.putBack(context.WithoutCancel(t.Context())); err != nil {
					t.Fatal(err)
				}
			} else {
				args = append(args, "--reset", s.reset)
			}
			ctx, cancel := context.WithCancel(t.Context())
			broken := make(chan error)
			go func() {
				m, err := s.underWay(ctx)
				if err == nil {
					err = c.does(wire, m)
				}
				broken <- err
			}()
			code, _, told := runs(t, project, "env", args...)
			cancel()
			if err := <-broken; err != nil {
				t.Errorf("nothing broke: %v", err)
			}
			if code != 10 || !strings.Contains(told, "there is no certificate of this run") || !strings.Contains(told, c.words) {
				t.Errorf("exit %d, want 10 and %q\n%s", code, c.words, told)
			}
			if n := int(s.resets.Load()); n != resets {
				t.Errorf("it was put back %d times, want %d", n, resets)
			}
			for folder, want := range map[string]int{dir: 1, strings.TrimPrefix(args[0], "TMPDIR="): 0} {
				if left, err := os.ReadDir(folder); err != nil || len(left) != want {
					t.Errorf("in %s is %v, %v", folder, left, err)
				}
			}
			if left := commandsWith(t, s.key); len(left) > 0 {
				t.Errorf("still at work: %q", left)
			}
			if c.once {
				s.now.Sh(t, "! ls -d /var/tmp/*-certify && for i in $(seq 100); do pgrep -f 'upgrade-certif[y]/' || exit 0; sleep 0.1; done; exit 1")
			}
			t.Log(told)
		})
	}
}

// underWay waits until an upgrade works on the machine, which it returns.
func (s *sshMachine) underWay(ctx context.Context) (*host.Machine, error) {
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		s.mu.Lock()
		m := s.now
		s.mu.Unlock()
		if m == nil {
			continue
		}
		if r, err := m.Shell(ctx, `[ "$(cat /var/lib/cloudify-upgrade/state)" = running ]`); err == nil && r.Code == 0 {
			return m, nil
		}
	}
	return nil, ctx.Err()
}

// commandsWith are the processes here that have a text in their command line.
func commandsWith(t *testing.T, text string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, path := range all {
		if command, err := os.ReadFile(path); err == nil && strings.Contains(string(command), text) {
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}
