package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
)

const credentials = "/etc/" + prefix + "/credentials"

// TestAgents upgrades 200 agents in 20 deployments of 3 tenants, of which 5 are
// down: pending for want of credentials, a canary, batches, a stop, the fix, and a
// resumed run that is killed, and that the machine is rebooted under.
func TestAgents(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1"})
	if err := m.Fill(t.Context(), "4.1.1", "--size", "small", "--deployments", "20", "--hosts", "10"); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, "rm "+host.NoAgents)
	// Three agents of deployment-10 and two of deployment-13, which come in the first batch: it goes by tenant and name.
	agentsFile := "/var/lib/demo-agents/agents.json"
	m.Sh(t, `cp `+agentsFile+` /root/all.json && systemctl stop demo-agents && python3 -c '
import json
agents = json.load(open("`+agentsFile+`"))
for name in ["agent-deployment-10-2", "agent-deployment-10-5", "agent-deployment-10-9", "agent-deployment-13", "agent-deployment-13-4"]:
    del agents[name]
json.dump(agents, open("`+agentsFile+`", "w"))' && systemctl start demo-agents`)
	command := prefix
	agents := func(args string, want int, says ...string) {
		t.Helper()
		code, out := m.ShCode(t, command+" agents "+args)
		if code != want {
			_, log := m.ShCode(t, command+" log | tail -40")
			t.Fatalf("agents %s: exit %d, want %d\n%s\n%s", args, code, want, out, log)
		}
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("agents %s does not say %q:\n%s", args, s, out)
			}
		}
	}

	code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.2.0")+" && "+prefix+" wait")
	if code != 6 || !strings.Contains(out, "agents: pending") || !strings.Contains(out, credentials) || !strings.Contains(out, "agents-credentials: ") {
		t.Fatalf("exit %d, want 6 and what lacks\n%s", code, out)
	}
	checkNew(t, m, "4.2.0")
	agents("status", 6, credentials)
	m.Sh(t, `umask 022; printf 'Authorization: Basic %s\n' $(printf admin:open-sesame-42 | base64) > `+credentials)
	agents("start", 6, "chmod 600")
	m.Sh(t, "chmod 600 "+credentials)

	agents("start", 0)
	agents("wait", 6, "stopped, 40 of 200", "2 of 6 groups failed", "deployment-10", "resume")
	if got := m.Sh(t, works); got != "6" {
		t.Errorf("%s deployments were asked before the stop, want the canary and a batch of 5", got)
	}

	m.Sh(t, prefix+" clean --all") // keeps what they need; and so does who removes the bundle
	agents("status", 6, "stopped, 40 of 200")
	m.Sh(t, "dnf remove -y "+prefix+"-4.2.0")
	const own = "/opt/" + prefix + "/run/current/bin/engine"
	if code, out := m.ShCode(t, own+" agents status"); code != 6 || !strings.Contains(out, "/run/current/bin/engine agents resume") {
		t.Errorf("without the bundle: exit %d\n%s", code, out)
	}
	m.Sh(t, `systemctl stop demo-agents && python3 -c '
import json
agents = json.load(open("/root/all.json")) | json.load(open("`+agentsFile+`"))
json.dump(agents, open("`+agentsFile+`", "w"))' && systemctl start demo-agents`)
	// What the worker asks is there before it at boot, and at shutdown until it has stopped.
	m.Sh(t, `mkdir /etc/systemd/system/cloudify-mgmtworker.service.d
		printf '[Unit]\nAfter=demo-agents.service nginx.service postgresql.service\n' > /etc/systemd/system/cloudify-mgmtworker.service.d/order.conf
		systemctl daemon-reload`)
	command = own
	agents("resume", 0)
	asked := func(atLeast int) string { // waits until that many works were asked for
		return fmt.Sprintf(`for i in $(seq 600); do [ "$(%s)" -ge %d ] && break; sleep 0.05; done; `, works, atLeast)
	}
	m.Sh(t, asked(8)+"pid=$(systemctl show -P MainPID "+prefix+"-agents) && [ $pid -gt 1 ] && kill -9 $pid")
	m.Sh(t, asked(14))
	reboot := time.Now()
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	agents("wait", 0, "done, 200 of 200")
	var rec struct{ Ended time.Time }
	if err := json.Unmarshal([]byte(m.Sh(t, own+" agents status --json")), &rec); err != nil || !rec.Ended.After(reboot) {
		t.Errorf("the agents were done before the reboot at %s: %v %v", reboot, rec.Ended, err)
	}
	agents("status --json", 0, `"state": "done"`)
	if got := m.Sh(t, psql(`select count(*) from node_instances where convert_from(runtime_properties, 'UTF8')::jsonb #>> '{cloudify_agent,version}' = '4.2.0'`)); got != "200" {
		t.Errorf("%s agents are of 4.2.0, want 200", got)
	}
	if got := m.Sh(t, psql(`select d.id, count(*) from executions e join deployments d on d._storage_id = e._deployment_fk
		where e.workflow_id = 'install_new_agents' group by 1 having count(*) > 1 order by 1`)); got != "deployment-10|2\ndeployment-13|2" {
		t.Errorf("asked more than once, want the two that failed:\n%s", got)
	}
	m.Sh(t, own+" wait")
	m.Sh(t, `for i in $(seq 600); do [ -e /etc/systemd/system/`+prefix+`-agents.service ] || break; sleep 0.1; done`)
	if code, out := m.ShCode(t, "ls /etc/systemd/system/"+prefix+"-agents.service"); code == 0 {
		t.Errorf("left behind: %s", out)
	}
	if code, out := m.ShCode(t, "grep -r $(printf admin:open-sesame-42 | base64) /var/lib/"+prefix); code == 0 {
		t.Errorf("the credentials are in %s", out)
	}
}

// TestAgentsOfFirstJump upgrades the agents of 3.4.2, which listen to the broker that they have and to nobody else: by the product's
// workflow, with what the jump puts into their records. One that is down is told, and asked again once it is up. The next jump upgrades them all.
func TestAgentsOfFirstJump(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	m.Sh(t, administrator+`; rm `+host.NoAgents+`; printf 'Authorization: Basic %s\n' $(printf root-of-all:open-sesame-42 | base64) >`+credentials)
	down, all := "", 0
	before := items(t, m, "v2.1")
	p := placesOf(before)
	for _, i := range before["node-instances"] {
		agent := agentOf(i)
		if agent == nil {
			continue
		}
		if p.deployments[fmt.Sprint(i["deployment_id"])] {
			all++
		}
		if agent["version"] != nil || agent["address"] != nil || agent["broker_config"] != nil {
			t.Errorf("an agent of 3.4.2 says more than its name: %v", agent)
		}
		if i["deployment_id"] == "deployment-3" {
			down = agent["name"].(string)
		}
	}
	if down == "" || all < 5 {
		t.Fatalf("%d agents, in deployment-3 %q", all, down)
	}
	const list = "/var/lib/demo-agents/agents.json"
	agents := func(change string) {
		t.Helper()
		m.Sh(t, `systemctl stop demo-agents && python3 -c '
import json
agents = json.load(open("`+list+`"))
`+change+`
json.dump(agents, open("`+list+`", "w"))' && systemctl start demo-agents`)
	}
	agents(`del agents["` + down + `"]`)

	code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.0.1")+" && "+prefix+" wait")
	if code != 6 || !strings.Contains(out, "agents-meanwhile: ") {
		t.Fatalf("exit %d, want 6: the agents are under way, and what fails until then is told\n%s", code, out)
	}
	checkNew(t, m, "4.0.1")
	code, out = m.ShCode(t, prefix+" agents wait")
	if code != 6 || !strings.Contains(out, "deployment-3 of default_tenant: work ") || !strings.Contains(out, "no such agent") || !strings.Contains(out, "agents resume") {
		t.Fatalf("exit %d, want 6 and which agent does not answer\n%s", code, out)
	}
	var broker map[string]any
	if err := json.Unmarshal([]byte(m.Sh(t, "cat /opt/mgmtworker/work/broker_config.json")), &broker); err != nil {
		t.Fatal(err)
	}
	compare := func(version string, but string) {
		t.Helper()
		n := 0
		for _, i := range items(t, m, "v3.1")["node-instances"] {
			agent := agentOf(i)
			if agent == nil {
				continue
			}
			n++
			listens, _ := agent["broker_config"].(map[string]any)
			switch {
			case agent["name"] == but && (agent["version"] != "3.4.2" || listens["broker_pass"] != broker["broker_password"]):
				t.Errorf("the agent that is down has the record %v", agent)
			case agent["name"] != but && (agent["version"] != version || agent["broker_config"] != nil || agent["address"] == nil):
				t.Errorf("at %s an agent has the record %v", version, agent)
			}
		}
		if n != all {
			t.Errorf("%d agents, want %d", n, all)
		}
	}
	compare("4.0.1", down)
	agents(`agents["` + down + `"] = "3.4.2"`)
	if code, out := m.ShCode(t, prefix+" agents resume && "+prefix+" agents wait"); code != 0 {
		t.Fatalf("resume: exit %d\n%s", code, out)
	}
	compare("4.0.1", "")
	if got := m.Sh(t, psql(`select d.id, count(*) from executions e join deployments d on d._storage_id = e._deployment_fk
		where e.workflow_id = 'install_new_agents' group by 1 having count(*) > 1 order by 1`)); got != "deployment-3|2" {
		t.Errorf("asked more than once, want the one that failed:\n%s", got)
	}

	if code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.1.1")+" && { "+prefix+" wait || [ $? = 6 ]; } && "+prefix+" agents wait"); code != 0 {
		t.Fatalf("the next jump: exit %d\n%s", code, out)
	}
	checkNew(t, m, "4.1.1")
	compare("4.1.1", "")
}

// works counts the executions that were asked for.
const works = `su postgres -c "psql -XAtq -d cloudify_db -c \"select count(*) from executions where workflow_id = 'install_new_agents'\""`
