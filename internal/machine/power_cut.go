package machine

import (
	"context"
	"errors"
	"fmt"

	"onerpm/internal/machine/disk"
)

// PowerCut takes the power from the machine and its disk in the same moment and
// leaves it off: what was not synced is lost, except what the kernel had happened to
// write by then. [Machine.Start] boots what is left. It needs Options.DiskMiB.
func (m *Machine) PowerCut(ctx context.Context) error {
	if m.disk == nil {
		return errors.New("cut the power: the test machine has no disk of its own; set Options.DiskMiB")
	}
	if err := m.disk.Cut(); err != nil {
		return err
	}
	if err := m.Kill(); err != nil {
		return err
	}
	if err := disk.Unmount(m.merged()); err != nil {
		return fmt.Errorf("cut the power: %w", err)
	}
	if err := m.disk.Restore(ctx); err != nil {
		return fmt.Errorf("cut the power: %w", err)
	}
	return m.mount()
}
