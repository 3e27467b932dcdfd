package certify

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"onerpm/internal/manifest"
)

// The limits of a reboot.
const (
	rebootLimit = 10 * time.Minute // until another boot answers
	bootedLimit = 5 * time.Minute  // from then on until systemd says that it is over
	rebootPause = 300 * time.Millisecond
)

// bootID tells one boot of a machine from the next: containers may all have their host's number, but not their first process.
const bootID = `echo "$(cat /proc/sys/kernel/random/boot_id) $(awk '{ print $22 }' /proc/1/stat)"`

// reboot boots the machine anew and waits until it is up.
func (m Machine) reboot(ctx context.Context) error {
	before, err := m.look(ctx, "ask the machine for its boot", bootID)
	if err != nil {
		return err
	}
	m.lost = nil // the connection ends with the machine, and may not be made while it boots
	if err := m.tellReboot(ctx); err != nil {
		return err
	}
	if err := m.until(ctx, rebootLimit, "another boot", bootID, func(now string) bool { return now != "" && now != before }); err != nil {
		return err
	}
	return m.until(ctx, bootedLimit, "systemd to be up", "systemctl is-system-running || true", func(state string) bool {
		state = strings.TrimSpace(state)
		return state == "running" || state == "degraded" || state == "maintenance"
	})
}

// tellReboot tells the machine, or whoever has it, to boot it anew.
func (m Machine) tellReboot(ctx context.Context) error {
	if m.Reboot == "" {
		got, err := m.sh(ctx, "systemctl reboot")
		if err != nil && !got.begun {
			return fmt.Errorf("tell the machine to reboot: %w", err)
		}
		return ctx.Err() // that it has answered to the end is not to be expected
	}
	ctx, cancel := context.WithTimeout(ctx, rebootLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", m.Reboot)
	said := &tail{most: maxErr}
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.Dir, said, said
	if err := runGroup(ctx, cmd); err != nil {
		return notReady(fmt.Errorf("boot the machine anew with %q: %w: %s", m.Reboot, err, lastLines(strings.TrimSpace(said.String()), 8)))
	}
	return nil
}

// until asks the machine until it says what is wanted.
func (m Machine) until(ctx context.Context, limit time.Duration, what, script string, good func(out string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		var last string
		got, err := m.sh(ctx, script)
		switch {
		case err == nil && got.code == 0 && good(got.out):
			return nil
		case err != nil:
			last = err.Error()
		default:
			last = strings.TrimSpace(got.outputTail())
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for %s after the reboot: it takes longer than %s; last: %s", what, limit, last)
		}
		pause(ctx, rebootPause)
	}
}

// isSameAfterReboot boots the new release anew, and says what then is not as it was.
func (r *run) isSameAfterReboot(ctx context.Context, before state) error {
	if err := r.machine.reboot(ctx); err != nil {
		return err
	}
	f := r.healthy(ctx, manifest.New)
	machine, err := r.lookMachine(ctx)
	if err != nil {
		return err
	}
	f.units(r.m, manifest.New, before, state{machine: machine})
	f = append(f, r.comparison(manifest.New, false).Same(before.machine, machine)...)
	return named("after a reboot, the new release", f)
}
