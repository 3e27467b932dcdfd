package platforms

import (
	_ "embed"
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// packageKit is what stands for PackageKit's daemon.
//
//go:embed packagekit.py
var packageKit []byte

// startPackageKit has D-Bus start it, as it starts the real one when somebody calls it.
const startPackageKit = `cat > /etc/dbus-1/system.d/packagekit.conf <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="org.freedesktop.PackageKit"/><allow send_destination="org.freedesktop.PackageKit"/></policy></busconfig>
END
mkdir -p /usr/share/dbus-1/system-services
printf '[D-BUS Service]\nName=org.freedesktop.PackageKit\nExec=/bin/false\nUser=root\nSystemdService=packagekit.service\n' > /usr/share/dbus-1/system-services/org.freedesktop.PackageKit.service
printf '[Service]\nType=dbus\nBusName=org.freedesktop.PackageKit\nExecStart=/usr/libexec/packagekitd\n' > /etc/systemd/system/packagekit.service
systemctl daemon-reload && systemctl reload dbus && busctl call org.freedesktop.PackageKit /org/freedesktop/PackageKit org.freedesktop.DBus.Peer Ping || exit
for i in $(seq 100); do [ -e /run/packagekit-began ] && exit; sleep 0.1; done; systemctl status packagekit; exit 1`

// idleFirst fails where the upgrade went on before PackageKit's transaction had ended.
const idleFirst = `went=$(date -d "$(` + prefix + ` log | sed -n 's/^time=\([^ ]*\) .*name=preflight.*/\1/p' | head -1)" +%s%N); echo "idle at $(cat /run/packagekit-idle), upgrade went on at $went"; [ $went -gt $(cat /run/packagekit-idle) ]`

// passPackageKit upgrades beside a PackageKit. It is waited for from the begin of its transaction on, also before it has rpm's lock, and not
// when it only stays. It knows dnf.conf as it was at its start: it is asked to end after the upgrade has written there what updates leave out.
func passPackageKit(t testing.TB, m *host.Machine, _ *Row) {
	m.Sh(t, manual+" && mkdir -p /usr/libexec")
	if err := m.WriteFile("/usr/libexec/packagekitd", packageKit, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, startPackageKit)
	code, said := m.ShCode(t, prefix+" start && "+prefix+" wait && "+prefix+" log")
	if code != 0 || !strings.Contains(said, "waiting for another package manager") || !strings.Contains(said, "/usr/libexec/packagekitd, process ") {
		t.Fatalf("exit %d\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	m.Sh(t, idleFirst)
	machinecheck.New(t, m, to)
	m.Sh(t, "for i in $(seq 100); do systemctl -q is-active packagekit || exit 0; sleep 0.1; done; echo it was not asked to end; exit 1")
	if starts := m.Sh(t, "cat /root/packagekit-starts"); strings.TrimSpace(starts) != "started" {
		t.Errorf("it was started anew: %s", starts)
	}
}
