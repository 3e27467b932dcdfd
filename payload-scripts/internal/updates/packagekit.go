package updates

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

// packageKit is the D-Bus name of PackageKit's daemon.
const packageKit = "org.freedesktop.PackageKit"

// packageKitWait bounds how long it may take to answer.
const packageKitWait = 3 * time.Second

// EndPackageKit asks the daemon of PackageKit to end once it has nothing to do. It stays for minutes after it was used, and knows the
// configuration file and the installed packages as they were when it began: an update by it would bring back what is left out now.
// It starts anew when somebody needs it. Where none runs, none is started.
func (h Host) EndPackageKit(ctx context.Context) error {
	if h.Root != "" {
		return nil
	}
	if _, err := os.Stat("/usr/share/dbus-1/system-services/" + packageKit + ".service"); err != nil {
		return nil //nolint:nilerr // it is not installed
	}
	ctx, cancel := context.WithTimeout(ctx, packageKitWait)
	defer cancel()
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err == nil {
		defer bus.Close() //nolint:errcheck // it has answered
		err = suggestQuit(ctx, bus)
	}
	if err != nil {
		return fmt.Errorf("ask PackageKit to end: %w", err)
	}
	return nil
}

// suggestQuit is SuggestDaemonQuit of PackageKit's D-Bus interface, which ends an idle daemon at once, and a busy one after its work.
func suggestQuit(ctx context.Context, bus *dbus.Conn) error {
	err := bus.Object(packageKit, "/org/freedesktop/PackageKit").
		CallWithContext(ctx, packageKit+".SuggestDaemonQuit", dbus.FlagNoAutoStart).Err
	if said := (dbus.Error{}); errors.As(err, &said) && (said.Name == "org.freedesktop.DBus.Error.ServiceUnknown" || said.Name == "org.freedesktop.DBus.Error.NameHasNoOwner") {
		return nil // none runs
	}
	return err
}
