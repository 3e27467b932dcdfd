package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// lateFolders is a unit that mounts the product's state, and one of its configuration
// files, a while after the boot, as a network file system may. The product waits for it,
// as an admin would have it.
const lateFolders = `mkdir -p /srv/shared && cp -a /opt/manager/resources /opt/manager/rest-security.conf /srv/shared/
rm -rf /opt/manager/resources/*; echo 'hidden by the mount' > /opt/manager/resources/below; echo '{}' > /opt/manager/rest-security.conf
cat > /etc/systemd/system/shared.service <<'END'
[Unit]
Description=Shared folders that come late
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'test -e /run/early || sleep 5; for f in resources rest-security.conf; do mount --bind /srv/shared/$f /opt/manager/$f || exit; done'
[Install]
WantedBy=multi-user.target
END
for u in cloudify-restservice cloudify-mgmtworker nginx; do
	mkdir -p /etc/systemd/system/$u.service.d; printf '[Unit]\nAfter=shared.service\nRequires=shared.service\n' > /etc/systemd/system/$u.service.d/shared.conf
done
systemctl stop nginx cloudify-mgmtworker cloudify-restservice; systemctl daemon-reload; touch /run/early; systemctl enable --now shared
systemctl start cloudify-restservice cloudify-mgmtworker nginx`

// spoil has the new release's REST service destroy the state and hang.
const spoil = `mkdir -p /usr/local/lib/odd && cat > /usr/local/lib/odd/spoil <<'END'
#!/bin/sh
grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service || exit 0
rm -rf /opt/manager/resources/*; echo spoiled > /opt/manager/resources/spoiled; sync; touch /run/spoiled
exec sleep 60
END
chmod +x /usr/local/lib/odd/spoil; `

// TestMountsComeLate loses the power while the new release has the state in its hands,
// which lies on a file system that comes late at the boot; a configuration file is a mount
// of its own. The engine waits, then brings both back, and never writes below a mount. Once
// the cause is gone the same machine is upgraded.
func TestMountsComeLate(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	m.Sh(t, lateFolders)
	shared := func() map[string]string {
		return linesOf(m.Sh(t, `cd /srv/shared && find . -printf '%p %y %m %u:%g %s %T@ %l\n' | sort; find . -type f | sort | xargs md5sum`))
	}
	below := func() map[string]string {
		return linesOf(m.Sh(t, `mkdir -p /run/below && mount --bind / /run/below && cd /run/below/opt/manager && ls -lA --time-style=full-iso resources rest-security.conf && md5sum resources/* rest-security.conf; cd / && umount /run/below`))
	}
	before, hidden := shared(), below()
	m.Sh(t, spoil+restDropIn("ExecStartPre=+/usr/local/lib/odd/spoil"))
	if code, out := m.ShCode(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0")+" && "+prefix+" check"); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	m.Sh(t, prefix+" start; for i in $(seq 1200); do [ -e /run/spoiled ] && exit; sleep 0.1; done; exit 1")
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	code, out := m.ShCode(t, "timeout 300 "+prefix+" wait")
	if code != 4 {
		t.Errorf("exit %d, want 4\n%s", code, out)
	}
	if _, log := m.ShCode(t, prefix+" log"); !strings.Contains(log, "waiting for file systems") {
		t.Error("the mount did not come late, or nobody waited for it")
	}
	same(t, "the shared folders, before and after the way back", before, shared())
	same(t, "what the mounts hide, before and after the way back", hidden, below())
	m.Sh(t, restMend)
	if code, out := m.ShCode(t, prefix+" start && timeout 300 "+prefix+" wait"); code != 0 {
		t.Fatalf("after the cause is gone: exit %d\n%s", code, out)
	}
	checkNew(t, m, "4.2.0")
	if got := m.Sh(t, "mountpoint /opt/manager/rest-security.conf; grep -c admin_password /srv/shared/rest-security.conf"); !strings.HasSuffix(strings.TrimSpace(got), "\n1") {
		t.Errorf("the configuration file behind its mount has not the new release's key: %s", got)
	}
	same(t, "what the mounts hide, after the upgrade", hidden, below())
}

// linesOf makes a text one that can be compared line by line.
func linesOf(text string) map[string]string {
	out := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		out[line] = "there"
	}
	return out
}
