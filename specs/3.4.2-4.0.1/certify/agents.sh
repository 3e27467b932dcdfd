#!/bin/sh
# Agents for certification: that of deployment-3 answers and cannot install its successor until it is mended, and the machine of
# "my app"'s is gone for good: whoever mends that deletes the deployment. All others work. The machine's 3.4.2 asks nobody for a name
# and a password, or has those of its administrator in its configuration; its agents do not say their version.
set -eu
exec python3 - "$1" <<'END'
import base64, json, os, subprocess, sys, urllib.request

api = "http://127.0.0.1/api/v2.1"  # both releases have it
security = "/opt/manager/rest-security.conf"
wrong = {"deployment-3": "fails", "my app": "gone"}
broken = "/var/lib/demo-agents/broken.json"

def basic(name, password):
    return "Basic " + base64.b64encode(("%s:%s" % (name, password)).encode()).decode()

login = basic("certifier", "open-sesame-42")  # whom data.sh has the upgrade make

def ask(path, headers):
    with urllib.request.urlopen(urllib.request.Request(api + "/" + path, headers=headers), timeout=20) as answer:
        return json.loads(answer.read().decode())["items"]

with open(security, encoding="utf-8") as f:
    conf = json.load(f)
if "hash_salt" in conf:  # only 4.0.1 has it
    headers = {"Authorization": login, "Tenant": "default_tenant"}
elif str(conf.get("enabled")).lower() == "true":
    headers = {"Authorization": basic(conf["admin_username"], conf["admin_password"])}
else:
    headers = {}

def items(resource):
    """All items of a list, page by page."""
    found = []
    while True:
        page = ask("%s%s_size=1000&_offset=%d" % (resource, "&" if "?" in resource else "?", len(found)), headers)
        if not page:
            return found
        found += page

deployments = {d["id"] for d in items("deployments")}
agents = []  # node instance, deployment and what the product knows of the agent; a deployment that was deleted left some behind
for i in items("node-instances"):
    agent = (i["runtime_properties"] or {}).get("cloudify_agent")
    if agent and i["deployment_id"] in deployments:
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
        print("new" if agent.get("version") == os.environ["ONERPM_TO"] else "old", instance, deployment)
    for work in items("executions?workflow_id=install_new_agents"):
        print("asked", work["id"], work["deployment_id"])
END
