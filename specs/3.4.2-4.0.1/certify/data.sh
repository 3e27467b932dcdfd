#!/bin/sh
# What the API shows at 3.4.2 and has a place at 4.0.1 must be there after the upgrade as before it, and so must what users uploaded and everything that
# was acknowledged while the upgrade ran. The machine's 3.4.2 asks nobody for a name and a password, or has those of its administrator in its
# configuration; clients of 4.0.1 have those of the administrator whom the upgrade makes.
set -eu
notes=$ONERPM_NOTES
settings=/etc/$ONERPM_PREFIX
security=/opt/manager/rest-security.conf
api=http://127.0.0.1/api/v2.1 # both releases have it
uploads=/opt/manager/resources/blueprints
archives=/opt/manager/resources/uploaded-blueprints
name=certifier password=open-sesame-42

# ask SIDE PATH [OPTION...] asks the API as clients of the old or the new release do.
ask() {
	client=$notes/client.$1 path=$2
	shift 2
	curl -fsS -m 20 -K "$client" "$@" "$api/$path"
}

# clients writes what those of each side send, as curl's configuration; the old release serves.
clients() {
	python3 - "$security" >"$notes/client.old" <<'END'
import base64, json, sys

with open(sys.argv[1], encoding="utf-8") as f:
    conf = json.load(f)
if str(conf.get("enabled")).lower() == "true":
    login = "%s:%s" % (conf["admin_username"], conf["admin_password"])
    print('header = "Authorization: Basic %s"' % base64.b64encode(login.encode()).decode())
END
	printf 'header = "Authorization: Basic %s"\nheader = "Tenant: default_tenant"\n' "$(printf %s:%s $name $password | base64)" >"$notes/client.new"
}

# answers SIDE prints a line for everything that the API shows and 4.0.1 has a place for, with what an upgrade leaves as it is, sorted.
answers() {
	python3 - "$api" "$1" "$notes/client.$1" >"$notes/unsorted" <<'END'
import json, re, sys, urllib.parse, urllib.request

api, new = sys.argv[1], sys.argv[2] == "new"
with open(sys.argv[3], encoding="ascii") as f:
    headers = dict(re.findall('"([^:"]*): ([^"]*)"', f.read()))

def items(resource):
    found = []
    while True:
        request = urllib.request.Request("%s/%s?%s" % (api, resource, urllib.parse.urlencode(
            {"_size": 1000, "_offset": len(found), "_include_system_workflows": "true"})), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            page = json.loads(answer.read().decode(), parse_float=str)
        found += page["items"]
        if not page["items"] or len(found) >= page["metadata"]["pagination"]["total"]:
            return found

def show(kind, *values):
    print(kind, json.dumps(values, sort_keys=True))

def second(time):  # the later release shows the same wall clock in another form
    return time and time[:19].replace("T", " ")

def all_of(kind, fields, there=lambda item: True):
    kept = [item for item in items(kind) if there(item)]
    for item in kept:
        if not item["id"].startswith("load-"):
            show(kind, *[second(item[field]) if field.endswith("_at") else item[field] for field in fields.split()])
    return kept

all_of("blueprints", "id created_at updated_at description main_file_name plan")
deployments = {d["id"] for d in all_of("deployments", "id created_at blueprint_id description inputs outputs groups policy_types policy_triggers scaling_groups")}
of_deployment = lambda item: item["deployment_id"] in deployments
nodes = {(n["deployment_id"], n["id"]) for n in all_of("nodes", "id deployment_id type type_hierarchy host_id properties relationships number_of_instances "
    "planned_number_of_instances deploy_number_of_instances min_number_of_instances max_number_of_instances", of_deployment)}
all_of("plugins", "id package_name package_version archive_name supported_platform wheels")
all_of("snapshots", "id created_at status error")
all_of("deployment-updates", "id created_at deployment_id state deployment_plan steps", of_deployment)
all_of("deployment-modifications", "id created_at deployment_id status context modified_nodes", of_deployment)
executions = {e["id"] for e in all_of("executions", "id created_at deployment_id workflow_id status error parameters is_system_workflow",
    lambda e: e["deployment_id"] is None or of_deployment(e))}
for i in items("node-instances"):
    if (i["deployment_id"], i["node_id"]) in nodes:
        properties = dict(i["runtime_properties"] or {})
        properties.pop("cloudify_agent", None)  # an upgrade notes there how to reach it
        show("node-instances", *([i[field] for field in "id deployment_id node_id state version host_id relationships".split()] + [properties]))
for e in items("events"):
    if not new:
        about = e.get("context") or {}
        if about.get("execution_id") not in executions:
            continue
        e = {"type": e["type"], "timestamp": e["@timestamp"], "message": (e.get("message") or {}).get("text"), "execution_id": about["execution_id"],
            "operation": about.get("operation"), "event_type": e.get("event_type"), "level": e.get("level"), "logger": e.get("logger")}
    show("events", *[e.get(field) for field in "type timestamp message execution_id operation event_type level logger".split()])
END
	LC_ALL=C sort "$notes/unsorted"
}

# files [TENANT] prints the digests of what users and the worker put into folders of which later each tenant has one.
files() {
	for folder in $uploads $archives /opt/manager/resources/deployments /opt/mgmtworker/work/deployments /opt/mgmtworker/env/plugins; do
		[ ! -d "$folder/$1" ] || (cd "$folder/$1" && find . -type f -exec sha256sum {} + | sed "s|  \./|  $folder/|")
	done | LC_ALL=C sort
}

# users prints who can be on the machine: the upgrade makes a user, whom the way back takes away.
users() { getent passwd | LC_ALL=C sort; }

# changed FILE prints how FILE.now differs from FILE; what was written meanwhile is no difference.
changed() { LC_ALL=C comm -3 "$1" "$1.now" | grep -v '/load-' | sed "s/^	/new: /; t; s/^/gone: /" | cut -c 1-600 | tail -n 10; }

case $1 in
prepare)
	mkdir -p "$settings"
	(umask 077 && printf '%s\n' $name $password >"$settings/administrator")
	(umask 077; clients)
	accepted="roles passwords" # which are asked for where users have them
	[ -s "$notes/client.old" ] || accepted=credentials
	for what in $accepted; do
		grep -qsx "accept $ONERPM_TO $what = yes" "$settings/upgrade.conf" || echo "accept $ONERPM_TO $what = yes" >>"$settings/upgrade.conf"
	done
	;;
before)
	answers old >"$notes/answers"
	files . >"$notes/files"
	users >"$notes/users"
	for kind in blueprints deployments nodes node-instances executions plugins snapshots deployment-updates deployment-modifications events; do
		grep -q "^$kind " "$notes/answers" || { echo "the machine has no $kind to look after" >&2; exit 1; }
	done
	[ -s "$notes/files" ] || { echo "the machine has no files to look after" >&2; exit 1; }
	;;
load)
	id=load-$(date +%s%N)
	mkdir -p "$notes/load"
	printf '%s\n' 'tosca_definitions_version: cloudify_dsl_1_3' 'node_templates:' '  host:' '    type: cloudify.nodes.Compute' "# $id" >"$notes/load/blueprint.yaml"
	tar -C "$notes" -czf "$notes/upload" load
	for as in old new; do # whichever release serves
		if ask $as "blueprints/$id?application_file_name=blueprint.yaml" -o /dev/null -X PUT --data-binary "@$notes/upload"; then
			echo "$id $as $(sha256sum <"$notes/upload")" >>"$notes/acknowledged"
			exit
		fi
	done
	exit 1
	;;
after)
	if curl -fsS -m 20 -o /dev/null "$api/blueprints" 2>/dev/null; then
		echo "4.0.1 answers somebody without a name and a password" >&2
		exit 1
	fi
	answers new >"$notes/answers.now"
	files default_tenant >"$notes/files.now"
	wrong=$(changed "$notes/answers"; changed "$notes/files")
	if [ -e "$notes/acknowledged" ]; then
		for as in old new; do
			grep -q " $as " "$notes/acknowledged" || wrong="$wrong
nothing was acknowledged by the $as release"
		done
		while read -r id as sum; do
			[ "$(sha256sum <"$uploads/default_tenant/$id/$id.tar.gz")" = "$sum" ] && ask new "blueprints/$id" -o /dev/null || wrong="$wrong
gone: blueprint $id, which the $as release acknowledged"
		done <"$notes/acknowledged"
	fi
	[ -z "$wrong" ] || { echo "$wrong" >&2; exit 1; }
	;;
back)
	answers old >"$notes/answers.now"
	files . >"$notes/files.now"
	users >"$notes/users.now"
	wrong=$(changed "$notes/answers"; changed "$notes/files"; changed "$notes/users")
	[ -z "$wrong" ] || { echo "$wrong" >&2; exit 1; }
	;;
esac
