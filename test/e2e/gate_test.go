package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// gates are machines where the 4.2.0 bundle does not belong. Its gate refuses, and so
// does the check out of an unpacked bundle, with a finding.
var gates = []struct {
	name    string
	release string
	newer   bool // a repository has the components of later releases
	want    []string
	finding string
}{
	{"older release", "4.0.1", false, []string{"4.0.1", "cloudify-upgrade-4.1.1"}, "wrong-release"},
	{"older release with a repository of newer components", "4.0.1", true, []string{"4.0.1", "cloudify-upgrade-4.1.1"}, "wrong-release"},
	{"no product", "", false, []string{"not installed"}, "not-installed"},
	{"already there", "4.2.0", false, []string{"nothing to do"}, "already-there"},
}

// TestGate installs the 4.2.0 bundle where it does not belong.
func TestGate(t *testing.T) {
	t.Parallel()
	for _, c := range gates {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := host.Start(t, host.Options{Release: c.release, Data: c.release != ""})
			rpm := give(t, m, "4.2.0")
			if c.newer {
				machinecheck.AddComponents(t, m)
			}
			before := sides(t, m, c.release)
			code, out := m.ShCode(t, "dnf install -y "+rpm)
			if code == 0 {
				t.Errorf("dnf exits 0:\n%s", out)
			}
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("dnf does not say %q:\n%s", w, out)
				}
			}
			m.Sh(t, "mkdir /root/c && cd /root/c && rpm2cpio "+rpm+" | cpio -idm --quiet")
			if _, out := m.ShCode(t, "/root/c/opt/"+prefix+"/4.2.0/bin/engine check --json"); !strings.Contains(out, `"id": "`+c.finding+`"`) {
				t.Errorf("the check does not tell of %s:\n%s", c.finding, out)
			}
			same(t, "before and after the refusal", before, sides(t, m, c.release))
			if code, out := m.ShCode(t, "rpm -q "+prefix+"-4.2.0; ls /opt/"+prefix+"/4.2.0"); code == 0 {
				t.Errorf("the bundle is installed: %s", out)
			}
		})
	}
}

func sides(t *testing.T, m *host.Machine, release string) map[string]string {
	t.Helper()
	if release != "" {
		return whole(t, m)
	}
	found := files(t, m, "/etc", "/usr", "/opt")
	found["packages"] = m.Sh(t, "rpm -qa | sort")
	return found
}

// TestNightlyUpdate runs dnf -y update with repositories of both bundles enabled.
func TestNightlyUpdate(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	for _, to := range []string{"4.1.1", "4.2.0"} {
		rpm := give(t, m, to)
		m.Sh(t, `mkdir -p /srv/`+to+` && mv `+rpm+` /srv/`+to+`/ && createrepo_c -q /srv/`+to+
			` && printf '[b`+to+`]\nname=b\nbaseurl=file:///srv/`+to+`\ngpgcheck=0\n' > /etc/yum.repos.d/b`+to+`.repo`)
	}
	before := whole(t, m)
	m.Sh(t, "dnf -y update")
	same(t, "before and after dnf -y update", before, whole(t, m))
	m.Sh(t, "dnf -y install "+prefix+"-4.2.0 && "+prefix+" wait")
	checkNew(t, m, "4.2.0")
	machinecheck.AddComponents(t, m) // one of them with a version that went backwards
	before = whole(t, m)
	m.Sh(t, "dnf -y update")
	same(t, "before and after dnf -y update of an upgraded machine", before, whole(t, m))
	if out := m.Sh(t, prefix+" report"); !strings.Contains(out, "cloudify-amqp-influx-0:17.6.30-community.*") {
		t.Errorf("the report does not tell of it:\n%s", out)
	}
	out := m.Sh(t, "dnf -y update --disableexcludes=main --assumeno 2>&1 || true")
	if !strings.Contains(out, "cloudify-amqp-influx") {
		t.Errorf("the repository has nothing that an update would take, so that nothing was tried:\n%s", out)
	}
}

// TestRemove removes the bundle before, during and after the upgrade.
func TestRemove(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
		before := whole(t, m)
		m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
		if code, out := m.ShCode(t, prefix+" wait"); code != 8 || !strings.Contains(out, "/manual is there") {
			t.Errorf("wait where nothing was started: exit %d, want 8 and why\n%s", code, out)
		}
		m.Sh(t, "dnf remove -y "+prefix+"-4.2.0 && rm /etc/"+prefix+"/manual")
		same(t, "before the install and after the removal", before, whole(t, m))
		if code, out := m.ShCode(t, "ls /opt/"+prefix+"/4.2.0 /usr/bin/"+prefix); code == 0 {
			t.Errorf("left behind: %s", out)
		}
	})
	t.Run("during", func(t *testing.T) {
		t.Parallel()
		m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
		m.Sh(t, "dnf install -y "+give(t, m, "4.2.0"))
		mf := manifestOf(t, m, "4.2.0")
		// dnf gives up when rpm's lock is held, by the upgrade here; a person types it again.
		m.Sh(t, "until dnf remove -y "+prefix+"-4.2.0 >/root/said 2>&1; do grep -q 'transaction lock' /root/said || { cat /root/said; exit 1; }; sleep 0.2; done")
		code, out := m.ShCode(t, "/opt/"+prefix+"/run/current/bin/engine wait")
		if code != 0 {
			_, log := m.ShCode(t, "/opt/"+prefix+"/run/current/bin/engine report")
			t.Fatalf("the upgrade did not go on: exit %d\n%s\n%s", code, out, log)
		}
		if got, want := productPackages(t, m), wantPackages(mf.New); got != want {
			t.Errorf("packages:\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("after", func(t *testing.T) {
		t.Parallel()
		m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
		upgrade(t, m, "4.2.0")
		before := whole(t, m)
		m.Sh(t, "dnf remove -y "+prefix+"-4.2.0")
		same(t, "before and after the removal", before, whole(t, m))
	})
}

// TestCheckWithoutInstalling runs the check out of an unpacked bundle.
func TestCheckWithoutInstalling(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	rpm := give(t, m, "4.2.0")
	m.Sh(t, "mkdir /root/c && cd /root/c && rpm2cpio "+rpm+" | cpio -idm --quiet")
	before := whole(t, m)
	listing := m.Sh(t, "find /root /var/lib/rpm /run /tmp /var/tmp -not -path '/run/systemd/*' -not -path '/run/user*' | sort")
	out := m.Sh(t, "/root/c/opt/"+prefix+"/4.2.0/bin/engine check")
	if !strings.Contains(out, "ready:") {
		t.Errorf("check says:\n%s", out)
	}
	same(t, "before and after the check", before, whole(t, m))
	if got := m.Sh(t, "find /root /var/lib/rpm /run /tmp /var/tmp -not -path '/run/systemd/*' -not -path '/run/user*' | sort"); got != listing {
		t.Errorf("the check left files:\n%s\nwere\n%s", got, listing)
	}
	if code, out := m.ShCode(t, "ls -d /var/lib/"+prefix); code == 0 {
		t.Errorf("the check made %s", out)
	}
}
