package systemd

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// inhibitWait bounds how long systemd-logind may take to answer.
const inhibitWait = 3 * time.Second

// Inhibit asks systemd-logind to hold off a shutdown until the returned file is
// closed. It is a courtesy to whoever types "reboot": nothing depends on it,
// and a host without logind is not asked (nil, nil).
func Inhibit(ctx context.Context, who, why string) (*os.File, error) {
	if _, err := os.Stat("/run/systemd/inhibit"); err != nil {
		return nil, nil //nolint:nilerr // logind makes it; without logind there is nobody to ask
	}
	ctx, cancel := context.WithTimeout(ctx, inhibitWait)
	defer cancel()
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("hold off a shutdown: %w", err)
	}
	defer bus.Close() //nolint:errcheck // the file lives on without it
	var fd dbus.UnixFD
	err = bus.Object("org.freedesktop.login1", "/org/freedesktop/login1").
		CallWithContext(ctx, "org.freedesktop.login1.Manager.Inhibit", 0, "shutdown", who, why, "block").Store(&fd)
	if err != nil {
		return nil, fmt.Errorf("hold off a shutdown: %w", err)
	}
	unix.CloseOnExec(int(fd)) // rpm may outlive this program
	return os.NewFile(uintptr(fd), "inhibitor"), nil
}
