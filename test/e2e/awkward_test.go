package e2e

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/product/expected"
)

// reach returns an address out here that leads to a port of the machine.
func reach(t *testing.T, m *host.Machine, port string) string {
	t.Helper()
	return forward(t, func(ctx context.Context) (net.Conn, error) { return m.Dial(ctx, "tcp", "127.0.0.1:"+port) })
}

// ofHost is what the rows of 4.0.1 hold that a machine of 3.4.2 says of itself, for package expected.
func ofHost(t *testing.T, m *host.Machine) map[string]any {
	t.Helper()
	var broker map[string]any
	if err := json.Unmarshal([]byte(m.Sh(t, "cat /opt/mgmtworker/work/broker_config.json")), &broker); err != nil {
		t.Fatal(err)
	}
	return map[string]any{"manager_ip": "127.0.0.1", "broker": map[string]any{
		"broker_ip": broker["broker_hostname"], "broker_user": broker["broker_username"], "broker_pass": broker["broker_password"],
		"broker_port": 5672, "broker_ssl_enabled": broker["broker_ssl_enabled"], "broker_ssl_cert": "",
	}}
}

// tablesOf returns the folder with the rows of a machine of 4.0.1.
func tablesOf(t *testing.T, m *host.Machine) string {
	t.Helper()
	folder := t.TempDir()
	if err := expected.FromTables(t.Context(), "postgresql://cloudify:cloudify@"+reach(t, m, "5432")+"/cloudify_db", folder, "json"); err != nil {
		t.Fatal(err)
	}
	return folder
}

// reloads has systemd read its unit files again when a package goes, as file triggers of distributions do: it knows the
// package's units no more then, whose links into the boot are still there.
const reloads = `cat > /root/reloads.spec <<'END'
Name: reloads
Version: 1
Release: 1
Summary: reloads systemd
License: none
BuildArch: noarch
%description
%{summary}
%triggerpostun -- logstash
touch /root/reloaded; systemctl daemon-reload
%files
END
rpmbuild --quiet -bb --define '_topdir /root/build' /root/reloads.spec && rpm -i /root/build/RPMS/noarch/reloads-1-1.noarch.rpm`

// TestFirstJumpAwkward: what years of use leave becomes, by the whole upgrade, what an independent reading in another
// language says, and is there after a reboot.
func TestFirstJumpAwkward(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	if err := m.FillAwkward(t.Context(), "3.4.2", "--seed", "11", "--deployments", "4"); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, administrator)
	m.Sh(t, reloads)
	want := t.TempDir()
	summary, err := expected.FromDocuments(t.Context(), reach(t, m, "9200"), want, ofHost(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if len(summary.NoPlace) < 3 || len(summary.Replaced) == 0 || summary.Rows["events"] < 50 {
		t.Errorf("the documents are not awkward: %+v", summary)
	}
	upgrade(t, m, "4.0.1")
	checkNew(t, m, "4.0.1")
	if left := m.Sh(t, "ls /root/reloaded && find /etc/systemd/system -xtype l"); left != "/root/reloaded" {
		t.Errorf("links of units that are gone are left in the boot:\n%s", left)
	}
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.AwaitProduct(t.Context(), "4.0.1"); err != nil {
		t.Fatal(err)
	}
	got := tablesOf(t, m)
	for _, table := range expected.Tables {
		x, err := os.ReadFile(filepath.Join(want, table+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(got, table+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		a, b := strings.Split(string(x), "\n"), strings.Split(string(y), "\n")
		if len(a) != len(b) {
			t.Errorf("%s: %d rows, want %d", table, len(b)-1, len(a)-1)
		}
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Errorf("%s: the first row that differs is\n%.1500s\nwant\n%.1500s", table, b[i], a[i])
				break
			}
		}
	}
}
