package host_test

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// The plain machine has what the product and its upgrade need of a host.
func TestPlainMachine(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{})
	for _, c := range []struct{ script, want string }{
		{"systemctl is-system-running", "running"},
		{"systemctl --failed --no-legend", ""},
		{"cat /proc/1/comm", "systemd"},
		{"findmnt -n -o FSTYPE /run", "tmpfs"},
		{"stat -c '%a %U' /", "755 root"},
		{"rpm -qa", "host-base-12-1.noarch"},
		{"rpm -q --whatprovides /bin/sh", "host-base-12-1.noarch"},
		{"dnf -q repolist --all", ""},
		{"readlink -f $(command -v yum)", "/usr/bin/dnf-3"},
		{"systemctl is-active postgresql nginx dbus", "active\nactive\nactive"},
		{"runuser -u postgres -- psql -Atc 'select 1'", "1"},
		{"ip -br link | cut -d' ' -f1", "lo"},
		{"grep -c . /proc/self/cgroup | grep -q . && grep -o from-host /proc/self/cgroup | sort -u", "from-host"},
		{"env | cut -d= -f1 | sort | tr '\\n' ' '", "HOME LANG LOGNAME PATH PWD SHLVL USER _"},
	} {
		if got := m.Sh(t, c.script); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.script, got, c.want)
		}
	}
	r, err := m.Run(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 7")
	if err != nil || r.Code != 7 || strings.TrimSpace(r.Stdout) != "out" || strings.TrimSpace(r.Stderr) != "err" {
		t.Errorf("a command's end: %+v, %v", r, err)
	}
}

// Mistakes in options are told before anything is made.
func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    host.Options
		want string
	}{
		{host.Options{Data: true}, "say which release's data"},
		{host.Options{DiskMiB: 10}, "at least 64"},
		{host.Options{Release: "0.0.0"}, "make components"},
		{host.Options{Platform: "debian10"}, "there are debian11, debian12"},
		{host.Options{Platform: "debian13", Release: "3.4.2"}, "no Java"},
	} {
		if _, err := host.Boot(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}
