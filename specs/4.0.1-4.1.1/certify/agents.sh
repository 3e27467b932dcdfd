#!/bin/sh
# Agents for certification: that of deployment-3 answers and cannot install its successor until it is mended, and the machine of
# deployment-5's is gone for good: whoever mends that deletes the deployment. All others work.
set -eu
exec python3 - "$1" <<'END'
import base64, json, os, subprocess, sys, urllib.request

api = "http://127.0.0.1/api/v3.1"
login = "Basic " + base64.b64encode(b"admin:open-sesame-42").decode()
wrong = {"deployment-3": "fails", "deployment-5": "gone"}
broken = "/var/lib/demo-agents/broken.json"

def items(tenant, resource):
    """All items of a list, page by page."""
    found = []
    while True:
        at = "%s/%s%s_size=1000&_offset=%d" % (api, resource, "&" if "?" in resource else "?", len(found))
        request = urllib.request.Request(at, headers={"Authorization": login, "Tenant": tenant})
        with urllib.request.urlopen(request, timeout=20) as answer:
            page = json.loads(answer.read().decode())["items"]
        if not page:
            return found
        found += page

tenants = [t["name"] for t in items("default_tenant", "tenants")]
agents = []  # node instance, deployment and what the product knows of the agent
for tenant in tenants:
    for i in items(tenant, "node-instances"):
        agent = (i["runtime_properties"] or {}).get("cloudify_agent")
        if agent:
            agents.append((i["id"], i["deployment_id"], agent))

def put(path, text, mode):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        f.write(text)

if sys.argv[1] == "make":
    settings = "/etc/" + os.environ["ONERPM_PREFIX"]
    os.makedirs(settings, exist_ok=True)
    put(settings + "/credentials", "Authorization: %s\n" % login, 0o600)
    put(broken, json.dumps({agent["name"]: wrong[d] for _, d, agent in agents if d in wrong}), 0o644)
    for instance, deployment, _ in agents:
        if deployment in wrong:
            print({"fails": "fails", "gone": "vanishes"}[wrong[deployment]], instance, deployment)
elif sys.argv[1] == "mend":
    put(broken, json.dumps({agent["name"]: "gone" for _, d, agent in agents if wrong.get(d) == "gone"}), 0o644)
    for deployment in (d for d in wrong if wrong[d] == "gone"):
        subprocess.run(["runuser", "-u", "postgres", "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "cloudify_db",
            "-c", "delete from deployments where id = '%s'" % deployment], cwd="/", check=True)
elif sys.argv[1] == "show":
    for instance, deployment, agent in agents:
        print("new" if agent["version"] == os.environ["ONERPM_TO"] else "old", instance, deployment)
    for tenant in tenants:
        for work in items(tenant, "executions?workflow_id=install_new_agents"):
            print("asked", work["id"], work["deployment_id"])
END
