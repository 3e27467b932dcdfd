package platforms

import (
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// question has a dnf wait for an answer on its terminal, which comes over a pipe.
const question = `mkfifo /root/answer; (sleep 600 > /root/answer) & echo $! > /root/holder
TERM=xterm setsid script --quiet --flush --command "dnf install cloudify-composer-4.2.0" /root/question < /root/answer > /dev/null 2>&1 &
echo $! > /root/asks
for i in $(seq 120); do grep -q '[yY]/N' /root/question && exit; sleep 0.5; done; cat /root/question; exit 1`

// answered ends that dnf.
const answered = `> /root/answer; for i in $(seq 240); do kill -0 $(cat /root/asks) 2>/dev/null || break; sleep 0.5; done
kill $(cat /root/holder); tail -c 2000 /root/question; ! kill -0 $(cat /root/asks) 2>/dev/null`

// waitForDNF upgrades while another dnf waits for an answer. dnf5 holds its locks all the while: the upgrade waits for as long as the admin
// says, and tells who it was. dnf 4 holds none, and what it does when it is answered later must do no harm.
func waitForDNF(t testing.TB, m *host.Machine, _ *Row) {
	machinecheck.AddComponents(t, m) // one of them with a version that goes backwards
	m.Sh(t, manual+" && echo wait-for-packages = 8s > /etc/"+prefix+"/upgrade.conf")
	before := whole(t, m)
	m.Sh(t, question)
	code, said := m.ShCode(t, prefix+" start && "+prefix+" wait")
	five := strings.HasPrefix(m.Sh(t, "dnf --version"), "dnf5")
	switch {
	case five && (code != 4 || !strings.Contains(said, "another package manager is at work (dnf install cloudify-composer-4.2.0, process ")):
		t.Errorf("beside a dnf5 at its question: exit %d\n%s", code, said)
	case !five && code != 0:
		t.Errorf("beside a dnf at its question: exit %d\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	if !five {
		m.Sh(t, "echo y "+answered)
	} else {
		machinecheck.Same(t, "before and after the wait", before, whole(t, m))
		m.Sh(t, "echo n "+answered)
		code, said = m.ShCode(t, prefix+" start && "+prefix+" wait")
	}
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	machinecheck.New(t, m, to)
}

// unattended is an update that nobody watches, in the middle of a scriptlet.
const unattended = `cat > /root/slow.spec <<'END'
Name: slow
Version: 1
Release: 1
Summary: takes its time
License: none
BuildArch: noarch
%description
%{summary}
%post
touch /run/slow; sleep 10; touch /run/slow-ended
%files
END
rpmbuild --quiet -bb --define '_topdir /root/build' /root/slow.spec && mkdir -p /srv/slow && cp /root/build/RPMS/noarch/slow-1-1.noarch.rpm /srv/slow/ || exit
setsid dnf install -y /srv/slow/slow-1-1.noarch.rpm > /root/slow.log 2>&1 < /dev/null &
for i in $(seq 120); do [ -e /run/slow ] && exit; sleep 0.2; done; cat /root/slow.log; exit 1`

// waitForUpdate upgrades while an unattended update is at work, and comes after it.
func waitForUpdate(t testing.TB, m *host.Machine, _ *Row) {
	m.Sh(t, manual)
	m.Sh(t, unattended)
	code, said := m.ShCode(t, prefix+" start && "+prefix+" wait && "+prefix+" log && ls /run/slow-ended && rpm -q slow")
	if code != 0 || !strings.Contains(said, "waiting for another package manager") {
		t.Fatalf("exit %d\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	machinecheck.New(t, m, to)
}

// updateAtNight has every repository enabled that ever had a component.
func updateAtNight(t testing.TB, m *host.Machine, _ *Row) {
	if seen := m.Sh(t, "dnf upgrade --assumeno --setopt=disable_excludes=main 2>&1 || true"); !strings.Contains(seen, "cloudify-amqp-influx") {
		t.Errorf("no repository has what would undo the upgrade, so that nothing is tried:\n%s", seen)
	}
	before := whole(t, m)
	m.Sh(t, "dnf upgrade -y")
	machinecheck.Same(t, "before and after the update", before, whole(t, m))
	machinecheck.New(t, m, to)
}
