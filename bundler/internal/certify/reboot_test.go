package certify

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
)

// A machine that is told to reboot is gone for a while, then starting, and then up.
func TestReboot(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	boots := func() int { return count(t, filepath.Join(s.dir, "boots")) }
	s.write("breaks", "3 4 refused\n", 0o600)
	s.write("starting", "", 0o600)
	m := s.machine()
	if err := m.reboot(t.Context()); err != nil || boots() != 1 || s.calls() != 7 {
		t.Errorf("it was told %d times to reboot, and reached %d times, want 1 and 7: %v", boots(), s.calls(), err)
	}
	// The connection ends with the machine: before all is answered, and after that.
	for i, how := range []string{"answer", "end", "other"} {
		s.putBack()
		s.write("breaks", "2 2 "+how+"\n", 0o600)
		m.lost = func(err error) { t.Errorf("%s: it told that the machine broke: %v", how, err) }
		if err := m.reboot(t.Context()); err != nil || boots() != 2+i {
			t.Errorf("%s: %d boots, %v", how, boots(), err)
		}
	}
	s.putBack()
	s.write("breaks", "0 0 none\n", 0o600)
	m.Reboot = "echo x >>" + s.dir + "/boots" // whoever has the machine boots it anew
	if err := m.reboot(t.Context()); err != nil || boots() != 5 {
		t.Errorf("%d boots, %v", boots(), err)
	}
}

// That a machine cannot be told to reboot is no fault of the bundle.
func TestCannotTellReboot(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	m := s.machine()
	s.write("breaks", "2 2 refused\n", 0o600)
	if err := m.reboot(t.Context()); exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "tell the machine to reboot: ") || !strings.Contains(err.Error(), "Connection refused") {
		t.Errorf("it ends with %v", err)
	}
	s.putBack()
	s.write("breaks", "0 0 none\n", 0o600)
	m.Reboot = "echo it is broken; exit 3"
	if err := m.reboot(t.Context()); exit.Code(err) != exit.Machine || !strings.Contains(err.Error(), "exit status 3: it is broken") {
		t.Errorf("a command that fails: %v", err)
	}
}

// A machine that does not come back is told, with the last that was heard of it.
func TestNoReboot(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	m := s.machine()
	m.Reboot = "true"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := m.reboot(ctx); err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "wait for another boot after the reboot: it takes longer than") {
		t.Errorf("it ends with %v", err)
	}
}
