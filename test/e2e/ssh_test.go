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
	"testing"

	"onerpm/test/host"
)

// vm is a machine that is reached by ssh and can be put back, as somebody's virtual machine is.
type vm struct {
	t   *testing.T
	key string // public

	mu  sync.Mutex
	now *host.Machine
}

// reset puts a new machine of the old release, with sshd, in the place of the one there is.
func (v *vm) reset(ctx context.Context) error {
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
	if err := m.WriteFile("/root/.ssh/authorized_keys", []byte(v.key), 0o600); err != nil {
		return err
	}
	r, err := m.Shell(ctx, "mkdir -p /run/sshd && systemd-run --quiet --unit reached -p Type=exec /usr/sbin/sshd -D -o ListenAddress=127.0.0.1 && for i in $(seq 100); do (: </dev/tcp/127.0.0.1/22) 2>/dev/null && exit; sleep 0.1; done; exit 1")
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

// TestCertifyOverSSH certifies as most do: a machine of one's own, reached by ssh, put back by a command.
func TestCertifyOverSSH(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("make a key: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	v := &vm{t: t, key: string(public)}
	t.Cleanup(func() {
		if err := v.stop(); err != nil {
			t.Error(err)
		}
	})
	resets := 0
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		resets++
		if err := v.reset(context.WithoutCancel(t.Context())); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(back.Close)
	_, port, err := net.SplitHostPort(forward(t, v.dial))
	if err != nil {
		t.Fatal(err)
	}
	via := fmt.Sprintf("ssh -i '%s' -p %s -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@127.0.0.1", key, port)
	code, out, told := runs(t, project, bundlerProgram(t), "certify", bundle(t, "4.2.0"), "--via", via, "--reset", "curl -sS --fail-with-body "+back.URL,
		"--platform", platform, "--only", "fresh", "--only", "way-back", "--json")
	var c certified
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, told)
	}
	if code != 0 || len(c.Scenarios) != 2 || resets != 2 {
		t.Fatalf("exit %d, %d scenarios, put back %d times\n%s", code, len(c.Scenarios), resets, told)
	}
	for _, s := range c.Scenarios {
		if s.Outcome != "passed" || s.Window <= 0 {
			t.Errorf("%+v", s)
		}
	}
}
