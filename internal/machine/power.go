package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	sigPoweroff   = syscall.Signal(34 + 4) // SIGRTMIN+4: systemd starts poweroff.target
	exitReboot    = 133                    // nspawn's exit code when the machine asked for a reboot
	leaderPoll    = 20 * time.Millisecond
	machinePrefix = "onerpm-"
)

// power is a machine that is on: from Start to off, over reboots of its own.
type power struct {
	off chan struct{} // closed when nspawn ended and will not be started again

	mu     sync.Mutex
	nspawn *os.Process
	leader int // the machine's process 1 as the host numbers it; 0 until found
	boots  int // how often nspawn was started
	seen   int // the boot that was last seen to be up
	killed bool
}

// powerOn starts nspawn, and starts it again whenever the machine reboots itself.
// The thread that started it lives as long as it, so that it dies with this process.
func (m *Machine) powerOn() (*power, error) {
	groups, err := makeGroups(m.id)
	if err != nil {
		return nil, err
	}
	p := &power{off: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for Pdeathsig
		defer runtime.UnlockOSThread()
		defer m.wentOff(p)
		for first := true; ; first = false {
			cmd, err := m.nspawn(groups)
			if err == nil {
				err = cmd.Start()
			}
			p.started(cmd, err)
			if first {
				started <- err
			}
			if err != nil {
				return
			}
			_ = cmd.Wait()
			if cmd.ProcessState.ExitCode() != exitReboot || p.isKilled() {
				return
			}
		}
	}()
	return p, <-started
}

// nspawn is the command that boots the machine.
func (m *Machine) nspawn(groups []string) (*exec.Cmd, error) {
	console, err := os.OpenFile(filepath.Join(m.dir, "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the console log: %w", err)
	}
	args := inGroups(m.id, groups,
		"systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network",
		"--directory="+m.merged(), "--machine="+m.id, "--hostname=manager", "--link-journal=no",
		"--resolv-conf=off", "--timezone=off", "--console=read-only",
		"--system-call-filter=pidfd_getfd") // which root may call on a machine, but not in a container
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(cleanEnv(), "SYSTEMD_LOG_TARGET=console", "SYSTEMD_NSPAWN_TMPFS_TMP=0")
	if m.needsUnified() {
		cmd.Env = append(cmd.Env, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	}
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// wentOff notes that the machine is off.
func (m *Machine) wentOff(p *power) {
	m.mu.Lock()
	if m.power == p {
		m.power = nil
	}
	m.mu.Unlock()
	removeGroups(m.id)
	close(p.off)
}

func (p *power) started(cmd *exec.Cmd, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leader, p.nspawn = 0, nil
	if cmd == nil {
		return
	}
	if f, ok := cmd.Stdout.(*os.File); ok {
		_ = f.Close() // the child has its own
	}
	if err == nil {
		p.nspawn = cmd.Process
		p.boots++
	}
}

// pid returns the machine's process 1, found when first asked for.
func (p *power) pid() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.off:
		return 0, errors.New("the test machine is off")
	default:
	}
	if p.leader == 0 && p.nspawn != nil {
		p.leader = findLeader(p.nspawn.Pid)
	}
	if p.leader == 0 {
		return 0, errors.New("the test machine has no process yet")
	}
	return p.leader, nil
}

// PID returns the machine's process 1 as the host numbers it. It fails while the machine has none.
func (m *Machine) PID() (int, error) {
	p := m.current()
	if p == nil {
		return 0, errors.New("the test machine is off")
	}
	return p.pid()
}

// signal sends sig to the machine's process 1.
func (p *power) signal(sig syscall.Signal) error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, sig)
}

// kill ends all processes of the machine id, its first one first: the kernel ends
// the others with it.
func (p *power) kill(ctx context.Context, id string) error {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	_ = p.signal(syscall.SIGKILL) // it may not have come to that yet
	for {
		if err := endProcesses(id); err != nil {
			return err
		}
		select {
		case <-p.off:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("it is still on: %w", ctx.Err())
		case <-time.After(leaderPoll):
		}
	}
}

func (p *power) isKilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

func (p *power) awaitOff(ctx context.Context) error {
	select {
	case <-p.off:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it is still on: %w", ctx.Err())
	}
}

// awaitNext waits until the machine boots once more than was seen.
func (p *power) awaitNext(ctx context.Context) error {
	for {
		p.mu.Lock()
		next := p.boots > p.seen
		p.mu.Unlock()
		if next {
			return nil
		}
		select {
		case <-p.off:
			if ctx.Err() != nil { // who is ended ends the machine too, and select takes either
				return ctx.Err()
			}
			return errors.New("the test machine went off for good")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(leaderPoll):
		}
	}
}

// awaitUp waits until systemd in the machine says that the boot is over.
func (m *Machine) awaitUp(ctx context.Context, p *power) error {
	last := "nothing yet"
	for {
		if _, err := p.pid(); err == nil {
			r, err := m.run(ctx, p, Cmd{Args: []string{"systemctl", "is-system-running", "--wait"}})
			if err == nil {
				last = strings.TrimSpace(r.Stdout + r.Stderr)
				if last == "running" || last == "degraded" {
					p.mu.Lock()
					p.seen = p.boots
					p.mu.Unlock()
					return nil
				}
			}
		}
		select {
		case <-p.off:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("it went off; its console said\n%s", m.console(20))
		case <-ctx.Done():
			return fmt.Errorf("systemd said %q: %w; its console said\n%s", last, ctx.Err(), m.console(20))
		case <-time.After(leaderPoll):
		}
	}
}

// console returns the last lines of the machine's console.
func (m *Machine) console(lines int) string {
	out, err := os.ReadFile(filepath.Join(m.dir, "console.log"))
	if err != nil {
		return err.Error()
	}
	return lastLines(out, lines)
}
