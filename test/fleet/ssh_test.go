package fleet

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/need"
)

// link forwards a port of this machine to the sshd of a test machine, until it is cut: then nothing passes any more, and
// nobody is told.
type link struct {
	machine *host.Machine
	mu      sync.Mutex
	mended  *sync.Cond
	cut     bool
}

func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	l.mended.Broadcast()
}

// pass copies what comes, and waits while the link is cut.
func (l *link) pass(to io.Writer, from io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		l.mu.Lock()
		for l.cut {
			l.mended.Wait()
		}
		l.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// forward begins to forward, and returns the port.
func (l *link) forward(t *testing.T) int {
	t.Helper()
	l.mended = sync.NewCond(&l.mu)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close(); l.set(false) })
	go func() {
		for {
			out, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = out.Close() }()
				in, err := l.machine.Dial(context.WithoutCancel(t.Context()), "tcp", "127.0.0.1:22")
				if err != nil {
					return
				}
				defer func() { _ = in.Close() }()
				go func() {
					l.pass(in, out)
					_ = in.(interface{ CloseWrite() error }).CloseWrite()
				}()
				l.pass(out, in)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
}

const (
	sshd = `printf '[Service]\nRuntimeDirectory=sshd\nRestart=always\nExecStart=/usr/sbin/sshd -D -o ListenAddress=127.0.0.1\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/reached.service
systemctl enable --quiet --now reached && for i in $(seq 100); do (: </dev/tcp/127.0.0.1/22) 2>/dev/null && exit; sleep 0.1; done; exit 1`
	prefix   = "cloudify-upgrade"
	state    = "/var/lib/" + prefix + "/state"
	settings = "/etc/" + prefix + "/upgrade.conf"
)

// TestOverSSH upgrades three machines of the demo product over real sshd: a finding on one keeps all from being touched;
// one goes back, and the next wave does not begin; the cause removed, the same play goes on, though a machine's sshd is
// killed and its link cut in the middle; a third time there is nothing to do.
func TestOverSSH(t *testing.T) {
	t.Parallel()
	need.Root(t)
	f := &fleet{t: t, core: "newest", dir: t.TempDir()}
	f.bundle = f.project("dist/" + prefix + "-4.2.0.rpm")
	key := filepath.Join(f.dir, "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("make a key: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	names, links := []string{"m1", "m2", "m3"}, map[string]*link{}
	inventory := "[managers]\n"
	for _, name := range names {
		m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
		if err := m.WriteFile("/root/.ssh/authorized_keys", public, 0o600); err != nil {
			t.Fatal(err)
		}
		m.Sh(t, sshd)
		links[name] = &link{machine: m}
		inventory += fmt.Sprintf("%s ansible_host=127.0.0.1 ansible_port=%d ansible_user=root\n", name, links[name].forward(t))
	}
	f.write("inventory", inventory+"[managers:vars]\nansible_ssh_private_key_file="+key+
		"\nansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null\n")
	f.write("collections/ansible_collections/onerpm/x", "")
	if err := os.Symlink(f.project(collection), filepath.Join(f.dir, "collections/ansible_collections/onerpm/fleet")); err != nil {
		t.Fatal(err)
	}
	on := func(name, script string) string {
		t.Helper()
		return strings.TrimSpace(links[name].machine.Sh(t, script))
	}

	// a finding
	on("m2", "mkdir -p /etc/"+prefix+" && echo 'conflict = perhaps' > "+settings)
	out := f.play(2, upgrade)
	if !strings.Contains(row(out, "m2"), "refused") {
		t.Errorf("%s", out)
	}
	for _, name := range names {
		if got := on(name, "rpm -qa '"+prefix+"*'; ls -d /opt/"+prefix+" "+state+" 2>/dev/null; true"); got != "" {
			t.Errorf("%s was touched: %s", name, got)
		}
	}

	// one goes back
	on("m2", "rm "+settings+"; chmod a-x /usr/bin/gzip")
	out = f.play(2, upgrade, "-e", `{"upgrade_waves": [1, 1, 1]}`)
	t.Log(out)
	for name, want := range map[string]string{"m1": "upgraded", "m2": "rolled-back", "m3": "not upgraded yet"} {
		if !strings.Contains(row(out, name), "4.1.1 4.2.0 "+want) {
			t.Errorf("%s is not %s\n%s", name, want, out)
		}
	}
	if got := on("m3", "rpm -qa '"+prefix+"*'"); got != "" {
		t.Errorf("on the machine of the next wave is %s", got)
	}

	// the same play again, and a bad line
	on("m2", "chmod a+x /usr/bin/gzip")
	cut := make(chan error, 1)
	go func() { cut <- links["m3"].trouble(t.Context()) }()
	out = f.play(0, upgrade, "-vv", "-e", "upgrade_rehearse=false")
	if err := <-cut; err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"m1": "changed=0", "m2": "changed=1", "m3": "changed=1"} {
		if !strings.Contains(recap(out, name), want) {
			t.Errorf("%s: not %s\n%s", name, want, out)
		}
	}
	if !strings.Contains(out, "m3 is out of reach, and asked again") {
		t.Errorf("the link was cut and nobody noticed\n%s", out)
	}
	for _, name := range names {
		if got := on(name, "rpm -q --qf '%{VERSION}' cloudify-rest-service; ls /etc/"+prefix+"/manual /var/lib/onerpm-fleet/*/bundle.rpm 2>/dev/null; true"); got != "4.2.0" {
			t.Errorf("%s: %s", name, got)
		}
	}

	// a third time
	out = f.play(0, upgrade)
	for _, name := range names {
		if !strings.Contains(recap(out, name), "changed=0") || !strings.Contains(row(out, name), "upgraded before") {
			t.Errorf("%s\n%s", name, out)
		}
	}
	t.Log(out)
}

// trouble kills a machine's sshd while it is upgraded, with all that it has started, and then cuts the link for a while.
func (l *link) trouble(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		r, err := l.machine.Shell(ctx, "grep -q running "+state)
		if err != nil {
			return err
		}
		if r.Code == 0 {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	if r, err := l.machine.Shell(ctx, "systemctl kill -s KILL reached"); err != nil || r.Code != 0 {
		return fmt.Errorf("kill sshd: exit %d, %w", r.Code, err)
	}
	time.Sleep(3 * time.Second)
	l.set(true)
	time.Sleep(30 * time.Second)
	l.set(false)
	return nil
}
