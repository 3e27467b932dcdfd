package systemd

import (
	"context"
	"testing"
	"time"

	"onerpm/test/systemdtest"
)

// TestAwaitBoot: a boot is waited for, one that is stuck not for ever, and the caller may end it.
func TestAwaitBoot(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir())
	c := connect(t, m)
	m.Booting(3)
	if err := c.awaitBoot(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if left := m.Booting(0); left != 0 {
		t.Errorf("systemd would have said %d times more that it boots", left)
	}
	m.Booting(1000)
	if err := c.awaitBoot(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
	if left := m.Booting(1000); left < 900 {
		t.Errorf("a boot that is stuck was waited for: %d", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.awaitBoot(ctx, time.Minute); err == nil {
		t.Error("it was not ended")
	}
}
