package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"onerpm/test/host"
)

// vm is a machine that is reached by ssh and can be put back, as somebody's virtual machine is.
type vm struct {
	t      *testing.T
	public string // key
	greets string // what a login prints, "" for nothing

	mu  sync.Mutex
	now *host.Machine
}

// putBack puts a new machine of the old release, with an sshd that starts at boot, in the place of the one there is.
func (v *vm) putBack(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.stop(); err != nil {
		return err
	}
	m, err := host.Boot(ctx, host.Options{Release: "4.1.1", Data: true})
	if err != nil {
		return err
	}
	v.now = m
	if err := m.WriteFile("/root/.ssh/authorized_keys", []byte(v.public), 0o600); err != nil {
		return err
	}
	if v.greets != "" {
		if err := m.WriteFile("/root/.bashrc", []byte("printf '"+v.greets+"'; printf '"+v.greets+"' >&2\n"), 0o600); err != nil {
			return err
		}
	}
	r, err := m.Shell(ctx, `printf '[Service]\nRuntimeDirectory=sshd\nExecStart=/usr/sbin/sshd -D -o ListenAddress=127.0.0.1\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/reached.service
systemctl enable --quiet --now reached && for i in $(seq 100); do (: </dev/tcp/127.0.0.1/22) 2>/dev/null && exit; sleep 0.1; done; exit 1`)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("start sshd: exit %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	return err
}

func (v *vm) stop() error {
	if v.now == nil {
		return nil
	}
	return v.now.Stop()
}

// dial connects to the sshd of the machine there is.
func (v *vm) dial(ctx context.Context) (net.Conn, error) {
	v.mu.Lock()
	m := v.now
	v.mu.Unlock()
	if m == nil {
		return nil, errors.New("there is no machine")
	}
	return m.Dial(ctx, "tcp", "127.0.0.1:22")
}

// sshMachine is a machine of one's own: the command that reaches it, and the one that puts it back.
type sshMachine struct {
	*vm
	key, via, reset string
	resets          atomic.Int32
}

// overSSH makes what reaches a machine that is not there before it was put back the first time, over connections that dial makes from those of the machine.
func overSSH(t *testing.T, dial func(context.Context, *vm) (net.Conn, error)) *sshMachine {
	t.Helper()
	s := &sshMachine{vm: &vm{t: t}, key: filepath.Join(t.TempDir(), "key")}
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.key).CombinedOutput(); err != nil {
		t.Fatalf("make a key: %v\n%s", err, out)
	}
	public, err := os.ReadFile(s.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	s.public = string(public)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.resets.Add(1)
		if err := s.putBack(context.WithoutCancel(t.Context())); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(back.Close)
	_, port, err := net.SplitHostPort(forward(t, func(ctx context.Context) (net.Conn, error) { return dial(ctx, s.vm) }))
	if err != nil {
		t.Fatal(err)
	}
	s.via = fmt.Sprintf("ssh -i '%s' -p %s -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ServerAliveInterval=2 root@127.0.0.1", s.key, port)
	s.reset = "curl -sS --fail-with-body " + back.URL
	return s
}

// TestCertifyOverSSH certifies as most do: a machine of one's own, reached by ssh, put back by a command.
func TestCertifyOverSSH(t *testing.T) {
	t.Parallel()
	s := overSSH(t, func(ctx context.Context, v *vm) (net.Conn, error) { return v.dial(ctx) })
	code, out, told := runs(t, project, bundlerProgram(t), "certify", bundle(t, "4.2.0"), "--via", s.via, "--reset", s.reset,
		"--platform", platform, "--only", "fresh", "--only", "way-back", "--json")
	var c certified
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, told)
	}
	if n := s.resets.Load(); code != 0 || len(c.Scenarios) != 2 || n != 2 {
		t.Fatalf("exit %d, %d scenarios, put back %d times\n%s", code, len(c.Scenarios), n, told)
	}
	for _, sc := range c.Scenarios {
		if sc.Outcome != "passed" || sc.Window <= 0 {
			t.Errorf("%+v", sc)
		}
	}
}
