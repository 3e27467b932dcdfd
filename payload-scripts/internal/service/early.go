package service

import (
	"context"
	"log/slog"

	"onerpm/payload-scripts/internal/host"
)

// StartEarly puts a unit into the boot and starts it, while the old release serves. It is well
// when systemd says that it is active and it stays so.
func (s *Services) StartEarly(ctx context.Context, name string) error {
	if err := s.Reload(ctx); err != nil { // its file came with a package
		return err
	}
	state, err := s.systemd.FileState(ctx, name)
	if err != nil {
		return err
	}
	if !inBoot(state) {
		host.Point("enable "+name, "")
		if err := s.systemd.Enable(ctx, name, false); err != nil {
			return err
		}
	}
	slog.Info("starting", "unit", name)
	if err := s.startNow(ctx, name); err != nil {
		return err
	}
	return s.awaitStable(ctx, []string{name})
}

// StopEarly stops a unit that StartEarly has started, or began to, and takes it out of the boot.
// A unit that is not there has stopped. One that is down may be about to start again, when systemd does that with a server
// that was killed: what it works on would be removed below it.
func (s *Services) StopEarly(ctx context.Context, name string) error {
	if err := s.stopAnyway(ctx, name, 0); err != nil {
		return err
	}
	if err := s.Reload(ctx); err != nil { // rpm may have removed its file already, and systemd keeps what it has read
		return err
	}
	state, err := s.systemd.FileState(ctx, name)
	if err != nil || !inBoot(state) {
		return err
	}
	host.Point("disable "+name, "")
	return s.systemd.Disable(ctx, name, isRuntime(state))
}
