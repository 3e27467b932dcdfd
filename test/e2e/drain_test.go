package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// TestDrain starts upgrades while an execution runs. One that does not end in the
// spec's time sends the upgrade back without disturbing it; one that ends
// meanwhile is waited for, and is neither lost nor run twice.
func TestDrain(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	// A stopped worker's execution ends when the test lets it go on, and not before.
	m.Sh(t, startExecution("work", 10)+"\n"+worker("STOP"))
	before := whole(t, m)
	pid := m.Sh(t, "systemctl show -P MainPID cloudify-mgmtworker")
	m.Sh(t, "cp -a "+installedManifest("4.2.0")+" /root/manifest.json && "+within("4.2.0", "2s", "refuse"))
	code, out := m.ShCode(t, attemptWith("", "", ""))
	_, report := m.ShCode(t, prefix+" report")
	if want := "cloudify-mgmtworker still has 1 things under way after 2s"; code != 4 || !strings.Contains(report, want) {
		t.Fatalf("exit %d, want 4 and %q\n%s\n%s", code, want, out, report)
	}
	if now := m.Sh(t, "systemctl show -P MainPID cloudify-mgmtworker"); now != pid || strings.Contains(report, "stop the services") {
		t.Errorf("services were stopped: the worker is process %s, was %s\n%s", now, pid, report)
	}
	same(t, "before and after the way back", before, whole(t, m)) // the execution's row too
	if code, out := m.ShCode(t, "curl -fsS -m 10 http://127.0.0.1/api/v3.1/version"); code != 0 {
		t.Errorf("the door is shut: %s", out)
	}

	m.Sh(t, "mv /root/manifest.json "+installedManifest("4.2.0"))
	// What is asked for while the door is being shut is not taken up by a worker that is about to be stopped.
	code, out = m.ShCode(t, attemptWith("drain", `sleep 1; ! grep '"mark the window"' $journal || echo "it was not waited for"
`+worker("CONT")+`
says '"shut the door"' || echo "the door was not shut"
`+worker("STOP")+`
curl -fsS -m 10 -u admin:open-sesame-42 -H 'Tenant: default_tenant' -H 'Content-Type: application/json' -o /dev/null \
	-d '{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": 1}, "force": true}' http://127.0.0.1:8100/api/v3.1/executions
sleep 0.3
`+worker("CONT"), ""))
	_, report = m.ShCode(t, prefix+" report")
	if code != 0 || strings.Contains(out, "it was not waited for") || strings.Contains(out, "the door was not shut") {
		t.Fatalf("exit %d, want 0\n%s\n%s", code, out, report)
	}
	var told told
	read(t, m, &told)
	got := m.Sh(t, psql(`select e.status, count(*) filter (where v.event_type = 'workflow_started'), count(*) filter (where v.event_type = 'workflow_succeeded'),
			max(v.timestamp) < timestamptz '`+told.Closed.UTC().Format(time.RFC3339Nano)+`' at time zone 'utc'
		from executions e join events v on v._execution_fk = e._storage_id where e.workflow_id = 'sleep' group by e._storage_id, e.status`))
	if got != "terminated|1|1|t\nterminated|1|1|t" {
		t.Errorf("the executions' status, starts and ends, and whether they ended before the door was shut, are %q", got)
	}
	checkNew(t, m, "4.2.0")
}

// TestFirstJumpDrain: what is under way in 3.4.2 is counted in its documents. It is waited for, and when it does not end in time nothing of
// the product was stopped; when it does, the new release has it with its end.
func TestFirstJumpDrain(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	m.Sh(t, administrator+"; touch /etc/"+prefix+"/manual; dnf install -y "+give(t, m, "4.0.1"))
	m.Sh(t, `curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": 10}, "force": true}' \
	http://127.0.0.1/api/v2.1/executions | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' >/root/work
for i in $(seq 200); do curl -fsS -m 10 http://127.0.0.1/api/v2.1/executions/$(cat /root/work) | grep -q '"status": *"started"' && break; sleep 0.05; done
`+worker("STOP"))
	m.Sh(t, settledDocuments) // logstash holds what it was sent for a second
	before := whole(t, m)
	pid := m.Sh(t, "systemctl show -P MainPID cloudify-mgmtworker")
	m.Sh(t, "cp -a "+installedManifest("4.0.1")+" /root/manifest.json && "+within("4.0.1", "2s", "refuse"))
	code, out := m.ShCode(t, prefix+" start && "+prefix+" wait")
	_, report := m.ShCode(t, prefix+" report")
	if want := "cloudify-mgmtworker still has 1 things under way after 2s"; code != 4 || !strings.Contains(report, want) {
		t.Fatalf("exit %d, want 4 and %q\n%s\n%s", code, want, out, report)
	}
	if now := m.Sh(t, "systemctl show -P MainPID cloudify-mgmtworker"); now != pid || strings.Contains(report, "stop the services") {
		t.Errorf("services were stopped: the worker is process %s, was %s\n%s", now, pid, report)
	}
	same(t, "before and after the way back", before, whole(t, m)) // the execution's document too

	m.Sh(t, "mv /root/manifest.json "+installedManifest("4.0.1"))
	m.Sh(t, prefix+" start; for i in $(seq 600); do grep -q '\"drain\"' /var/lib/"+prefix+"/*/journal.json && break; sleep 0.1; done; sleep 1; "+worker("CONT"))
	if code, out := m.ShCode(t, prefix+" wait"); code != 0 {
		t.Fatalf("exit %d, want 0\n%s\n%s", code, out, machinecheck.Report(t, m))
	}
	checkNew(t, m, "4.0.1")
	if got := m.Sh(t, `su postgres -c "psql -XAtq -d cloudify_db -c \"select status from executions where id = '$(cat /root/work)'\""`); got != "terminated" {
		t.Errorf("the execution is %q, want terminated", got)
	}
}

// settledDocuments waits until Elasticsearch has had no new document for three seconds.
const settledDocuments = `was= same=0
for i in $(seq 60); do
	curl -fsS -X POST http://127.0.0.1:9200/_refresh -o /dev/null
	now=$(curl -fsS http://127.0.0.1:9200/_count)
	[ "$now" = "$was" ] && same=$((same+1)) || same=0
	[ $same -ge 3 ] && exit
	was=$now
	sleep 1
done
exit 1`

// installedManifest is the manifest of an installed bundle, which an attempt takes over.
func installedManifest(to string) string { return "/opt/" + prefix + "/" + to + "/manifest.json" }

// within is a script that gives the drain of the installed bundle's spec another time, and another end.
func within(to, time, orElse string) string {
	return fmt.Sprintf(`sed -i '/"drain": {/,/}/ { s/"within": "[^"]*"/"within": "%s"/; s/"else": "[^"]*"/"else": "%s"/ }' %s`, time, orElse, installedManifest(to))
}

// startExecution is a script that has the product work for some seconds, and waits until it
// does. The execution's id is in /root/NAME.
func startExecution(name string, seconds float64) string {
	return fmt.Sprintf(`curl -fsS -m 10 -u admin:open-sesame-42 -H 'Tenant: default_tenant' -H 'Content-Type: application/json' \
	-d '{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": %v}, "force": true}' http://127.0.0.1/api/v3.1/executions |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' > /root/%[2]s
for i in $(seq 200); do
	status=$(su postgres -c "psql -XAtq -d cloudify_db -c \"select status from executions where id = '$(cat /root/%[2]s)'\"")
	[ "$status" = started ] && break
	sleep 0.05
done
[ "$status" = started ]`, seconds, name)
}

// worker is a script that sends a signal to the product's worker.
func worker(signal string) string {
	return "systemctl kill --signal=" + signal + " cloudify-mgmtworker"
}

// TestExecutionEveryTenSeconds: a client starts work of four seconds every ten, whatever else happens. The door is shut between two pieces, so
// that none of their time is added to the window, and each is done once: on two upgrades that go back, begun at different moments, and on one.
func TestExecutionEveryTenSeconds(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	m.Sh(t, `cat > /root/client <<'END'
while sleep 10 & sleeping=$!; do
	curl -fsS -m 60 -u admin:open-sesame-42 -H 'Tenant: default_tenant' -H 'Content-Type: application/json' \
		-d '{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": 4}, "force": true}' http://127.0.0.1/api/v3.1/executions |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["id"], flush=True)' >> /root/acknowledged || echo failed >> /root/acknowledged
	wait $sleeping
done
END
systemd-run --quiet --collect --unit client sh /root/client`)
	const underWay = "select count(*) from executions where status not in ('terminated', 'failed', 'cancelled')"
	for _, c := range []struct {
		before string
		code   int
	}{
		{restDropIn(`ExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"`) + "; sleep 1", 4},
		{"sleep 7", 4},
		{restMend + "; sleep 3", 0},
	} {
		m.Sh(t, "for i in $(seq 400); do [ $("+psql(underWay)+") != 0 ] && break; sleep 0.1; done; "+c.before)
		if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != c.code {
			t.Fatalf("exit %d, want %d\n%s\n%s", code, c.code, out, machinecheck.Report(t, m))
		}
		var report told
		read(t, m, &report)
		t.Logf("exit %d, window %s; %s", c.code, report.Window, report.Warnings)
		over := m.Sh(t, psql(fmt.Sprintf(`select e.id from executions e join events v on v._execution_fk = e._storage_id group by e.id
			having min(v.timestamp) filter (where v.event_type = 'workflow_started') < timestamptz '%[1]s' at time zone 'utc'
			and max(v.timestamp) filter (where v.event_type = 'workflow_succeeded') > timestamptz '%[1]s' at time zone 'utc'`, report.Closed.UTC().Format(time.RFC3339Nano))))
		if over != "" {
			t.Errorf("the door was shut while this was under way: %s", over)
		}
	}
	m.Sh(t, "systemctl stop client")
	settle(t, m)
	acknowledged := strings.Fields(m.Sh(t, "cat /root/acknowledged"))
	done := m.Sh(t, psql(`select e.id || '|' || e.status || '|' || count(*) filter (where v.event_type = 'workflow_started') || '|' || count(*) filter (where v.event_type = 'workflow_succeeded')
		from executions e join events v on v._execution_fk = e._storage_id group by e.id, e.status`))
	for _, id := range acknowledged {
		if !strings.Contains(done, id+"|terminated|1|1") {
			t.Errorf("acknowledged and not done once: %s", id)
		}
	}
	if len(acknowledged) < 4 {
		t.Errorf("only %d executions were started", len(acknowledged))
	}
	checkNew(t, m, "4.2.0")
}
