package e2e

import (
	"strconv"
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// failure is one cause for an upgrade to fail, made by a machine's own means.
type failure struct {
	name string

	before string // script that makes the cause before the start
	at     string // step at whose begin then runs
	then   string // script that makes the cause in the middle
	back   string // script that runs once the engine goes back, for what not even the old release can do without

	mend  string // takes the cause away
	cause string // part of the first cause in the report
}

// TestEveryStepFailing gives upgrades of one machine one reason after another
// to fail. Each time the machine must go back by itself, tell the first cause and
// be as it was; with all causes gone the same bundle must lead to the new release.
func TestEveryStepFailing(t *testing.T) {
	t.Parallel()
	for name, cases := range map[string][]failure{
		"services": {
			{
				name:   "a unit that does not come up",
				before: restDropIn(`ExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"`),
				mend:   restMend,
				cause:  `start cloudify-restservice.service: systemd says "failed"`,
			},
			{
				name:   "a unit that answers 500",
				before: restAnswers(500, `{}`),
				mend:   restMend,
				cause:  "cloudify-restservice is not healthy after 1m0s: GET http://127.0.0.1:8100/api/v3.1/version: status 500, want 200",
			},
		},
		"late": {
			{
				name: "a unit that dies after it has answered, while others are still starting",
				before: restDropIn(`Restart=no
ExecStartPost=+/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service || systemd-run --quiet --collect sh -c 'sleep 2; systemctl kill -s KILL cloudify-restservice'"`) + `
mkdir -p ` + slowStart + ` && printf '[Service]\nExecStartPre=/bin/sleep 6\n' > ` + slowStart + `/slow.conf && systemctl daemon-reload`,
				mend:  restMend + `; rm -r ` + slowStart + ` && systemctl daemon-reload`,
				cause: "see that everything runs: cloudify-restservice is failed",
			},
		},
		"packages": {
			{
				name:   "a unit that answers with the old version",
				before: restAnswers(200, `{"version": "4.1.1"}`),
				mend:   restMend,
				cause:  `version is "4.1.1", want "4.2.0"`,
			},
			{
				name:   "a component whose %post fails",
				before: `chmod a-x /usr/bin/gzip`,
				mend:   `chmod a+x /usr/bin/gzip`,
				cause:  "%post(cloudify-rest-service-4.2.0-ga",
			},
		},
		"database": {
			{
				name: "a migration with an error in its third statement", // 42051: select setval
				before: psql(`alter sequence roles_id_seq maxvalue 100;
					insert into roles (id, name) values (1000, 'above the sequence')`),
				mend:  psql(`delete from roles where id = 1000; alter sequence roles_id_seq no maxvalue`),
				cause: "apply migration 42051_switch_roles.sql, statement 3",
			},
			{
				name:  "a lock held by another session",
				at:    "packages to new",
				then:  `systemd-run --quiet --unit holder -p User=postgres psql -d cloudify_db -c 'begin; lock table roles in share mode; select pg_sleep(900)'`,
				back:  psql(`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(900)%' and pid <> pg_backend_pid()`),
				mend:  `systemctl reset-failed holder 2>/dev/null; true`,
				cause: "lock timeout",
			},
			{
				name:  "the database is gone before the window",
				at:    "back up configuration",
				then:  `systemctl stop postgresql`,
				mend:  `systemctl start postgresql postgresql-9.5`,
				cause: "back up the databases: connect to",
			},
			{
				name:  "the database is gone in the window",
				at:    "packages to new",
				then:  `systemctl stop postgresql`,
				back:  `systemctl start postgresql postgresql-9.5`,
				cause: "schema to new: connect to",
			},
		},
		"door": {
			{
				name:   "a door that takes the merged configuration and answers 502",
				before: doorDropIn(`sed -i s/127.0.0.1:8100/127.0.0.1:8199/ /etc/nginx/conf.d/cloudify.conf`),
				mend:   doorMend,
				cause:  "try the door: nginx is not healthy after 30s: GET http://127.0.0.1/api/v3.1/version: status 502, want 200",
			},
			{
				name:   "a door that does not start",
				before: doorDropIn(`false`),
				mend:   doorMend,
				cause:  `try the door: start nginx.service: systemd says "failed"`,
			},
		},
		"disk": {
			{
				name:  "a full disk while it backs up",
				at:    "back up configuration",
				then:  fillDisk,
				mend:  `rm /root/full`,
				cause: "no space left on device",
			},
			{
				name: "a full disk before the packages change",
				at:   "stop the services",
				// The stop takes its time, so that the disk is full before the step is over.
				before: `mkdir -p ` + slowStop + ` && printf '[Service]\nExecStop=/bin/sleep 3\n' > ` + slowStop + `/slow.conf && systemctl daemon-reload`,
				then:   fillDisk,
				mend:   `rm -r /root/full ` + slowStop + ` && systemctl daemon-reload`,
				cause:  "no space left on device",
			},
			{
				name:  "a full disk while the packages change",
				at:    "packages to new",
				then:  fillDisk,
				mend:  `rm /root/full`,
				cause: "space", // rpm sees it before it begins, or in the middle
			},
			{
				// It is read-only before the first thing is written there, the mark of the door: whoever makes it so
				// later leaves marks that nobody can take away, and such a machine needs a person.
				name: "a read-only /etc",
				at:   "back up the databases",
				// In one moment: a mount that somebody writes through cannot be made read-only. Private: what is
				// unmounted from one of two that share their mounts is unmounted from the other too.
				before: `mkdir /run/ro && mount --bind /etc /run/ro && mount --make-private /run/ro && mount -o remount,bind,ro /run/ro`,
				then:   `mount --bind /run/ro /etc`,
				mend: `for i in $(seq 100); do umount /etc && break; sleep 0.2; done; umount /run/ro && rmdir /run/ro || exit 1
					for i in $(seq 100); do [ -e /etc/systemd/system/` + prefix + `.service ] || exit 0; sleep 0.2; done; exit 1`,
				cause: "read-only file system",
			},
		},
		"engine": {
			{
				name:  "a crash of the engine", // on this signal as on a panic Go ends with status 2
				at:    "packages to new",
				then:  `kill -QUIT $(systemctl show -P MainPID ` + prefix + `)`,
				cause: `the engine was stopped in the step "packages to new"`,
			},
			{
				name:  "an out-of-memory kill of the engine",
				at:    "packages to new",
				then:  outOfMemory,
				mend:  `journalctl --no-pager -u ` + prefix + ` | grep -E 'killed|status=9|oom' && { [ ! -d /sys/fs/cgroup/memory ] || rmdir /sys/fs/cgroup/memory/oom-$(readlink /opt/` + prefix + `/run/current); }`,
				cause: `the engine was stopped in the step`,
			},
		},
		"lock": {
			{
				name:   "a held rpm lock",
				before: `echo wait-for-packages = 20s > /etc/` + prefix + `/upgrade.conf; systemd-run --quiet --unit holder python3 -c 'import fcntl, time; f = open("/var/lib/rpm/.rpm.lock", "r+"); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(3600)'`,
				mend:   `rm /etc/` + prefix + `/upgrade.conf; systemctl stop holder; systemctl reset-failed holder 2>/dev/null; true`,
				cause:  "another package manager is at work (/usr/bin/python3 -c import, process", // and after how long
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := host.Start(t, host.Options{Release: "4.1.1", Data: true, DiskMiB: disks[name]})
			m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
			before := whole(t, m)
			for _, c := range cases {
				if !t.Run(c.name, func(t *testing.T) { c.fail(t, m, before) }) {
					return
				}
			}
			if name == "engine" {
				m.Sh(t, dnfByHand)
			}
			last := endsWell[name]
			if last.before != "" {
				m.Sh(t, last.before)
			}
			code, out := m.ShCode(t, attemptWith(last.at, last.then, ""))
			_, report := m.ShCode(t, prefix+" report")
			if code != 0 {
				t.Fatalf("after the causes are gone: exit %d\n%s\n%s", code, out, report)
			}
			if !strings.Contains(report, last.cause) {
				t.Errorf("%s: the report does not say %q:\n%s", last.name, last.cause, report)
			}
			if last.mend != "" {
				m.Sh(t, last.mend)
			}
			checkNew(t, m, "4.2.0")
		})
	}
}

// endsWell has, by the machine's name, what the last upgrade of it meets and ends well all the
// same; cause is then what its report says about it.
var endsWell = map[string]failure{
	"disk": {
		name:  "a full disk after the commit",
		at:    "open the door",
		then:  fillDisk,
		mend:  `rm /root/full`,
		cause: "the disk was full: reserved disk space was released",
	},
	"lock": {
		name: "work that does not end, and a spec that goes on then",
		before: within("4.2.0", "2s", "proceed") + `
` + startExecution("never", 3600),
		mend:  `curl -fsS -m 10 -u admin:open-sesame-42 -H 'Tenant: default_tenant' http://127.0.0.1/api/v3.1/executions/$(cat /root/never) | grep -E '"(started|pending)"'`,
		cause: "cloudify-mgmtworker still had 1 things under way after 2s and was stopped all the same",
	},
}

// disks has the size of the disks of machines that have one of their own, in MiB.
var disks = map[string]int{"disk": 1024}

// slowStart has a drop-in of a unit that only the new release has, until the next boot.
const slowStart = `/run/systemd/system/cloudify-composer.service.d`

// slowStop has a drop-in of a unit until the next boot.
const slowStop = `/run/systemd/system/cloudify-mgmtworker.service.d`

// fillDisk takes what is left of the disk to the last block, and not what is given free meanwhile.
const fillDisk = `fallocate -l $(($(stat -f -c '%a * %S - 4194304' /root))) /root/full; head -c 6M /dev/zero >> /root/full 2>/dev/null; true`

// outOfMemory is a script after which the kernel kills the engine for lack of memory, once.
const outOfMemory = `group=/sys/fs/cgroup/memory
if [ -d $group ]; then # control groups of version 1, which the machine shares with others
	group=$group/oom-$(readlink /opt/` + prefix + `/run/current)
	mount -o remount,bind,rw ${group%/*} && mkdir $group && echo 512K > $group/memory.limit_in_bytes &&
		systemctl show -P MainPID ` + prefix + ` > $group/cgroup.procs
else
	systemctl set-property --runtime ` + prefix + `.service MemoryMax=1M
	for i in $(seq 100); do [ "$(systemctl show -P NRestarts ` + prefix + `)" = 0 ] || break; sleep 0.1; done
	systemctl set-property --runtime ` + prefix + `.service MemoryMax=infinity
fi`

// dnfByHand is a script that has dnf install and remove a package again and again, of nobody's concern.
const dnfByHand = `cd /root && cat > odd.spec <<'END'
Name: odd
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
%files
END
rpmbuild --quiet -bb --define '_rpmdir /root' odd.spec
systemd-run --quiet --collect --unit byhand bash -c 'while sleep 1; do dnf -y install /root/noarch/odd-1-1.noarch.rpm; sleep 1; dnf -y remove odd; done'`

// fail tries an upgrade with the cause in its way.
func (c failure) fail(t *testing.T, m *host.Machine, before map[string]string) {
	if c.before != "" {
		m.Sh(t, c.before)
	}
	code, out := m.ShCode(t, attemptWith(c.at, c.then, c.back))
	_, report := m.ShCode(t, prefix+" report")
	if code != 4 {
		t.Fatalf("exit %d, want 4\n%s\n%s", code, out, report)
	}
	first, because, _ := strings.Cut(report, "\ncause: ")
	t.Logf("cause: %.300s", because)
	if first != "rolled back: Cloudify Manager 4.1.1 serves as before" {
		t.Errorf("the report does not begin with what is so:\n%s", report)
	}
	if !strings.Contains(because, c.cause) {
		t.Errorf("the first cause is not %q:\n%s", c.cause, report)
	}
	if c.mend != "" {
		m.Sh(t, c.mend)
	}
	same(t, "before and after the way back", before, whole(t, m))
	if state := m.Sh(t, "cat /var/lib/"+prefix+"/state"); state != "rolled-back" {
		t.Errorf("state is %q", state)
	}
	if left := machinecheck.Left(t, m); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

// attemptWith is a script that starts an upgrade and waits for its end. It runs one
// script when a step begins, and another when the engine goes back.
func attemptWith(at, then, back string) string {
	script := prefix + ` start || exit
journal=/var/lib/` + prefix + `/$(readlink /opt/` + prefix + `/run/current)/journal.json
says() { # waits until the journal says it; not beyond the end
	for i in $(seq 9000); do
		grep -q "$1" $journal && return
		grep -q '"outcome": "[a-z]' $journal && return 1
		sleep 0.02
	done
	return 1
}
`
	if at != "" {
		script += `says '"name": "` + at + `"' || echo "the step was never begun"` + "\n" + then + "\n"
	}
	if back != "" {
		script += `says '"back": true' || echo "it never went back"` + "\n" + back + "\n"
	}
	return script + prefix + " wait"
}

const (
	restFolder = "/etc/systemd/system/cloudify-restservice.service.d"
	restMend   = "rm -rf " + restFolder + " /usr/local/lib/odd; systemctl daemon-reload"
)

// doorDropIn is a script after which the door runs a command before each start with the new release.
func doorDropIn(command string) string {
	return `mkdir -p /etc/systemd/system/nginx.service.d && cat > /etc/systemd/system/nginx.service.d/90-admin.conf <<'END'
[Service]
ExecStartPre=+/bin/sh -c "[ ! -e /usr/lib/systemd/system/cloudify-composer.service ] || ` + command + `"
END
systemctl daemon-reload`
}

const doorMend = `rm -r /etc/systemd/system/nginx.service.d; systemctl daemon-reload`

// restDropIn is a script that gives the REST service's unit another line.
func restDropIn(lines string) string {
	return "mkdir -p " + restFolder + " && cat > " + restFolder + "/90-admin.conf <<'END'\n[Service]\n" + lines + "\nEND\nsystemctl daemon-reload"
}

// restAnswers is a script after which the new release's REST service gives one answer to everything; the old one is left alone.
func restAnswers(status int, body string) string {
	return `mkdir -p /usr/local/lib/odd && cat > /usr/local/lib/odd/server <<'END'
#!/usr/bin/python3
import http.server
class Odd(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(` + strconv.Itoa(status) + `)
        self.end_headers()
        self.wfile.write(b'` + body + `')
http.server.HTTPServer(("127.0.0.1", 8100), Odd).serve_forever()
END
cat > /usr/local/lib/odd/start <<'END'
#!/bin/sh
grep -q '^4.2.0' /opt/manager/env/lib/manager_rest/VERSION && exec /usr/local/lib/odd/server
exec /opt/manager/env/bin/gunicorn -b 127.0.0.1:$REST_PORT manager_rest.server:app
END
chmod -R a+rx /usr/local/lib/odd
` + restDropIn("ExecStart=\nExecStart=/usr/local/lib/odd/start")
}
