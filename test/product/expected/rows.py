#!/usr/bin/env python3
"""What the rows of release 4.0.1 must be, read from the Elasticsearch of release 3.4.2.

    rows.py HOST:PORT FOLDER [SETTINGS]

FOLDER gets a file for each table with a row a line, and summary.json: what was read, the rows, the
documents without a place by reason, and what has to be refused. Columns that hold structures are given as their
values, references as the natural key of the row they name, whatever its number. SETTINGS is a JSON file with what is the
host's own or the admin's: see DEFAULTS.

This is an independent reading: nothing of it is used by, or taken from, the program that copies.
"""

import collections
import datetime
import http.client
import json
import re
import sys

import canonical

DEFAULTS = {
    "release": "3.4.2",  # that agents without a version come from
    "manager_ip": "127.0.0.1",
    "broker": {  # of agents that name none
        "broker_ip": "127.0.0.1", "broker_user": "cloudify", "broker_pass": "c10udify",
        "broker_port": 5672, "broker_ssl_enabled": False, "broker_ssl_cert": "",
    },
    "failed": {},  # executions that the admin ends: id: error text
}

STORAGE_TYPES = {"blueprint", "deployment", "node", "node_instance", "execution", "deployment_update", "deployment_modification",
                 "plugin", "snapshot", "provider_context"}
DAILY_TYPES = {"cloudify_event", "cloudify_log"}
DAY = re.compile(r"logstash-\d{4}\.\d\d\.\d\d$")

ACTIONS = {"add", "remove", "modify"}
ENTITIES = {"node", "relationship", "property", "operation", "workflow", "output", "description", "group", "policy_type", "policy_trigger", "plugin"}
EXECUTION_STATUS = {"terminated", "failed", "cancelled", "pending", "started", "cancelling", "force_cancelling"}
UNFINISHED = {"pending", "started", "cancelling", "force_cancelling"}
MODIFICATION_STATUS = {"started", "finished", "rolledback"}
SNAPSHOT_STATUS = {"created", "failed", "creating", "uploaded"}

MISSING = object()


class NoPlace(Exception):
    """The document has no row, for a reason that is known."""


class Misfit(Exception):
    """A value that its column does not take."""


class Node:
    """An Elasticsearch."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=120)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: status {answer.status}: {text[:500]}")
        # it keeps a surrogate that came as three bytes, and gives these back
        return json.loads(text.decode("utf-8", "surrogatepass"))

    def documents(self, index):
        """All documents of an index; each shard must have answered."""
        stats = self.ask("GET", f"/{index}/_stats/docs,store")["indices"][index]["primaries"]
        average = stats["store"]["size_in_bytes"] // max(1, stats["docs"]["count"]) + 1000
        size = max(1, min(200, 2_000_000 // average))
        at = self.ask("POST", f"/{index}/_search?search_type=scan&scroll=5m&version=true&size={size}", "{}")
        shards = at["_shards"]
        if shards["successful"] != shards["total"]:
            raise RuntimeError(f"{index}: {shards['successful']} of {shards['total']} shards answered")
        total, seen = at["hits"]["total"], 0
        while True:
            at = self.ask("POST", "/_search/scroll?scroll=5m", at["_scroll_id"])
            if at["_shards"]["failed"]:
                raise RuntimeError(f"{index}: a shard failed while it was read")
            if not at["hits"]["hits"]:
                break
            seen += len(at["hits"]["hits"])
            yield from at["hits"]["hits"]
        if seen != total:
            raise RuntimeError(f"{index}: {seen} documents of {total}")


class Copy:
    """The rows, and how they came about."""

    def __init__(self, settings):
        self.settings = settings
        self.rows = collections.defaultdict(list)
        self.keys = collections.defaultdict(set)  # natural keys of the rows of a table
        self.computes = set()  # natural keys of the nodes that are hosts
        self.read = collections.defaultdict(collections.Counter)
        self.no_place = collections.defaultdict(collections.Counter)
        self.replaced = collections.Counter()
        self.left_out = collections.Counter()  # references that became NULL
        self.misfits = []
        self.refused = []

    # values of columns

    def text(self, doc, field, where, needed=False, missing=None):
        v = find(doc, field)
        if v is MISSING:
            v = missing
        if v is None:
            if needed:
                raise Misfit(field)
            return None
        if type(v) is not str:
            raise Misfit(field)
        good = re.sub("[\0\ud800-\udfff]", "\ufffd", v)
        if good != v:
            self.replaced[where] += sum(a != b for a, b in zip(good, v))
        return good

    def one_of(self, doc, field, values):
        v = find(doc, field)
        if v is MISSING or v is None:
            return None
        if type(v) is not str or v not in values:
            raise Misfit(field)
        return v

    def integer(self, doc, field, missing=MISSING):
        v = find(doc, field)
        if v is MISSING:
            v = missing
        if type(v) is not int or not -2**31 <= v < 2**31:
            raise Misfit(field)
        return v

    def local(self, doc, field, needed=True):
        """A wall clock's time, as it is."""
        v = find(doc, field)
        if v is MISSING or v is None:
            if needed:
                raise Misfit(field)
            return None
        t = wall(v)
        if t is None:
            raise Misfit(field)
        return t.isoformat()

    def value(self, doc, field, missing=None):
        v = find(doc, field)
        return canonical.value(missing if v is MISSING else v)

    def reference(self, table, key, reason):
        if key not in self.keys[table]:
            raise NoPlace(reason)
        return list(key)

    # rows

    def add(self, table, key, row, common=True):
        if common:
            row.update(_tenant_id=0, _creator_id=0, private_resource=False)
        self.rows[table].append(row)
        if key is not None:
            self.keys[table].add(key)

    def each(self, hits, make):
        for hit in hits:
            try:
                make(hit["_source"], hit)
            except NoPlace as reason:
                self.no_place[hit["_type"]][str(reason)] += 1
            except Misfit as field:
                self.misfits.append({"type": hit["_type"], "id": hit["_id"], "field": str(field)})

    def blueprint(self, doc, _):
        self.add("blueprints", (doc["id"],), {
            "id": self.text(doc, "id", "blueprints.id", needed=True),
            "plan": self.value(doc, "plan"),
            "description": self.text(doc, "description", "blueprints.description", missing=""),
            "main_file_name": self.text(doc, "main_file_name", "blueprints.main_file_name", needed=True, missing=""),
            "created_at": self.local(doc, "created_at"),
            "updated_at": self.local(doc, "updated_at", needed=False),
        })

    def deployment(self, doc, _):
        workflows = doc.get("workflows")
        if workflows is None or "install_new_agents" not in workflows:
            workflows = dict(workflows or {})
            workflows["install_new_agents"] = {
                "operation": "cloudify.plugins.workflows.install_new_agents", "plugin": "default_workflows",
                "parameters": {"install_agent_timeout": {"default": 300}, "node_ids": {"default": []}, "node_instance_ids": {"default": []}}}
        self.add("deployments", (doc["id"],), {
            "id": self.text(doc, "id", "deployments.id", needed=True),
            "_blueprint_fk": self.reference("blueprints", (doc.get("blueprint_id"),), "its blueprint is not there"),
            "created_at": self.local(doc, "created_at"),
            "updated_at": self.local(doc, "updated_at", needed=False),
            "description": self.text(doc, "description", "deployments.description"),
            "permalink": self.text(doc, "permalink", "deployments.permalink"),
            "inputs": self.value(doc, "inputs"),
            "groups": self.value(doc, "groups"),
            "policy_types": self.value(doc, "policy_types"),
            "policy_triggers": self.value(doc, "policy_triggers"),
            "outputs": self.value(doc, "outputs"),
            "scaling_groups": self.value(doc, "scaling_groups", missing={}),
            "workflows": canonical.value(workflows),
        })

    def node(self, doc, _):
        deployment = self.reference("deployments", (doc.get("deployment_id"),), "its deployment is not there")
        key = (doc["deployment_id"], doc["id"])
        plugins, operations = doc.get("plugins"), doc.get("operations")
        compute = "cloudify.nodes.Compute" in (doc.get("type_hierarchy") or [])
        if compute:
            plugins, operations = list(plugins or []), dict(operations or {})
            if not any(p.get("name") == "agent" for p in plugins):
                plugins.append({"source": None, "executor": "central_deployment_agent", "name": "agent", "install": False, "install_arguments": None})
            for name, inputs, task in (
                    ("create_amqp", {"install_agent_timeout": 300}, "cloudify_agent.operations.create_agent_amqp"),
                    ("validate_amqp", {"validate_agent_timeout": 20}, "cloudify_agent.operations.validate_agent_amqp")):
                operations.setdefault("cloudify.interfaces.cloudify_agent." + name, {
                    "inputs": inputs, "has_intrinsic_functions": False, "plugin": "agent", "retry_interval": None, "max_retries": None,
                    "executor": "central_deployment_agent", "operation": task})
        row = {
            "id": self.text(doc, "id", "nodes.id", needed=True),
            "_deployment_fk": deployment,
            "type": self.text(doc, "type", "nodes.type", needed=True),
            "type_hierarchy": self.value(doc, "type_hierarchy"),
            "host_id": self.text(doc, "host_id", "nodes.host_id"),
            "number_of_instances": self.integer(doc, "number_of_instances"),
            "planned_number_of_instances": self.integer(doc, "planned_number_of_instances"),
            "deploy_number_of_instances": self.integer(doc, "deploy_number_of_instances"),
            "min_number_of_instances": self.integer(doc, "min_number_of_instances", missing=0),
            "max_number_of_instances": self.integer(doc, "max_number_of_instances", missing=-1),
            "properties": self.value(doc, "properties"),
            "operations": canonical.value(operations),
            "relationships": self.value(doc, "relationships"),
            "plugins": canonical.value(plugins),
            "plugins_to_install": self.value(doc, "plugins_to_install"),
        }
        self.add("nodes", key, row)
        if compute:
            self.computes.add(key)

    def node_instance(self, doc, hit):
        key = (doc.get("deployment_id"), doc.get("node_id"))
        node = self.reference("nodes", key, "its node is not there")
        runtime = doc.get("runtime_properties")
        if key in self.computes and type(runtime) is dict and type(runtime.get("cloudify_agent")) is dict:
            runtime = {k: v for k, v in runtime.items() if k != "agent_status"}
            runtime["cloudify_agent"] = {"version": self.settings["release"], "broker_config": self.settings["broker"], **runtime["cloudify_agent"]}
        self.add("node_instances", None, {
            "id": self.text(doc, "id", "node_instances.id", needed=True),
            "_node_fk": node,
            "state": self.text(doc, "state", "node_instances.state", needed=True),
            "host_id": self.text(doc, "host_id", "node_instances.host_id"),
            "relationships": self.value(doc, "relationships"),
            "scaling_groups": self.value(doc, "scaling_groups", missing=[]),
            "runtime_properties": canonical.value(runtime),
            "version": hit["_version"],
        })

    def execution(self, doc, hit):
        deployment = doc.get("deployment_id")
        if deployment is not None:
            deployment = self.reference("deployments", (deployment,), "its deployment is not there")
        status = self.one_of(doc, "status", EXECUTION_STATUS)
        error = self.text(doc, "error", "executions.error")
        if status in UNFINISHED:
            if doc["id"] not in self.settings["failed"]:
                self.refused.append({"what": "execution under way", "id": doc["id"], "status": status})
            else:
                status, error = "failed", self.settings["failed"][doc["id"]]
        system = doc.get("is_system_workflow", False)
        if type(system) is not bool:
            raise Misfit("is_system_workflow")
        self.add("executions", (doc["id"],), {
            "id": self.text(doc, "id", "executions.id", needed=True),
            "_deployment_fk": deployment,
            "workflow_id": self.text(doc, "workflow_id", "executions.workflow_id", needed=True),
            "created_at": self.local(doc, "created_at"),
            "error": error,
            "parameters": self.value(doc, "parameters"),
            "is_system_workflow": system,
            "status": status,
        })

    def deployment_update(self, doc, hit):
        deployment = self.reference("deployments", (doc.get("deployment_id"),), "its deployment is not there")
        execution = doc.get("execution_id")
        if execution is not None and (execution,) not in self.keys["executions"]:
            self.left_out["deployment_updates._execution_fk"] += 1
            execution = None
        row = {
            "id": self.text(doc, "id", "deployment_updates.id", needed=True),
            "_deployment_fk": deployment,
            "_execution_fk": None if execution is None else [execution],
            "created_at": self.local(doc, "created_at"),
            "state": self.text(doc, "state", "deployment_updates.state"),
            "deployment_plan": self.value(doc, "deployment_plan"),
            "deployment_update_nodes": self.value(doc, "deployment_update_nodes"),
            "deployment_update_node_instances": self.value(doc, "deployment_update_node_instances"),
            "deployment_update_deployment": self.value(doc, "deployment_update_deployment"),
            "modified_entity_ids": self.value(doc, "modified_entity_ids"),
        }
        steps, misfits = [], []
        for n, step in enumerate(doc.get("steps") or []):
            try:
                steps.append({
                    "id": self.text(step, "id", "deployment_update_steps.id"),
                    "action": self.one_of(step, "action", ACTIONS),
                    "entity_type": self.one_of(step, "entity_type", ENTITIES),
                    "entity_id": self.text(step, "entity_id", "deployment_update_steps.entity_id", needed=True),
                    "_deployment_update_fk": [doc["id"]],
                    "place": n,  # in the order of their numbers
                })
            except Misfit as field:
                misfits.append({"type": hit["_type"], "id": hit["_id"], "field": f"steps.{field}"})
        self.misfits += misfits
        self.add("deployment_updates", (doc["id"],), row)
        for step in steps:
            self.add("deployment_update_steps", None, step)

    def deployment_modification(self, doc, _):
        self.add("deployment_modifications", None, {
            "_deployment_fk": self.reference("deployments", (doc.get("deployment_id"),), "its deployment is not there"),
            "id": self.text(doc, "id", "deployment_modifications.id", needed=True),
            "context": self.value(doc, "context"),
            "created_at": self.local(doc, "created_at"),
            "ended_at": self.local(doc, "ended_at", needed=False),
            "modified_nodes": self.value(doc, "modified_nodes"),
            "node_instances": self.value(doc, "node_instances"),
            "status": self.one_of(doc, "status", MODIFICATION_STATUS),
        })

    def plugin(self, doc, _):
        row = {c: self.text(doc, c, "plugins." + c, needed=c in ("id", "archive_name", "package_name")) for c in (
            "id", "archive_name", "package_name", "package_source", "package_version", "distribution", "distribution_version", "distribution_release")}
        row.update({c: self.value(doc, c) for c in ("supported_platform", "supported_py_versions", "wheels", "excluded_wheels")})
        row["uploaded_at"] = self.local(doc, "uploaded_at")
        self.add("plugins", None, row)

    def snapshot(self, doc, _):
        self.add("snapshots", None, {
            "id": self.text(doc, "id", "snapshots.id", needed=True),
            "created_at": self.local(doc, "created_at"),
            "status": self.one_of(doc, "status", SNAPSHOT_STATUS),
            "error": self.text(doc, "error", "snapshots.error"),
        })

    def provider_context(self, doc, hit):
        context = doc.get("context")
        try:
            agent = context["cloudify"]["cloudify_agent"]
        except (KeyError, TypeError):
            agent = None
        if type(agent) is dict and "broker_ip" not in agent:
            agent = {**agent, "broker_ip": self.settings["manager_ip"]}
            context = {**context, "cloudify": {**context["cloudify"], "cloudify_agent": agent}}
        self.add("provider_context", None, {
            "id": hit["_id"],
            "name": self.text(doc, "name", "provider_context.name", needed=True),
            "context": canonical.value(context),
        }, common=False)

    def entry(self, doc, hit, table):
        """An event or a log; indices come in the order of their days, so that the first of equal ids is kept."""
        execution = find(doc, "context.execution_id")
        if execution is MISSING or execution is None:
            raise NoPlace("it names no execution")
        execution = self.reference("executions", (execution,), "its execution is not there")
        if (hit["_id"],) in self.keys[table]:
            raise NoPlace("it is there already, from an older index")
        arrived = find(doc, "@timestamp")
        at = wall(arrived) if arrived is not MISSING else None
        if at is None:
            raise Misfit("@timestamp")
        sent = find(doc, "timestamp")
        sent = wall(sent, offset=True) if sent is not MISSING else None
        row = {
            "id": hit["_id"],
            "_execution_fk": execution,
            "timestamp": at.isoformat(),
            "reported_timestamp": (sent or at).isoformat(),
            "message": self.text(doc, "message.text", table + ".message"),
            "message_code": self.text(doc, "message_code", table + ".message_code"),
            "operation": self.text(doc, "context.operation", table + ".operation"),
            "node_id": self.text(doc, "context.node_id", table + ".node_id"),
        }
        if table == "events":
            causes = find(doc, "context.task_error_causes")
            row["event_type"] = self.text(doc, "event_type", "events.event_type")
            row["error_causes"] = None if causes is MISSING or causes is None else canonical.value(causes)
        else:
            row["logger"] = self.text(doc, "logger", "logs.logger")
            row["level"] = self.text(doc, "level", "logs.level")
        self.add(table, (hit["_id"],), row)

    def cloudify_event(self, doc, hit):
        self.entry(doc, hit, "events")

    def cloudify_log(self, doc, hit):
        self.entry(doc, hit, "logs")


def find(doc, path):
    """The value at a path of names; MISSING also if there is no object on the way."""
    for name in path.split("."):
        if type(doc) is not dict or name not in doc:
            return MISSING
        doc = doc[name]
    return doc


TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(.*)$", re.ASCII | re.DOTALL)
OFFSET = re.compile(r"([+-])(\d\d)(\d\d)$", re.ASCII)


def wall(v, offset=False):
    """The wall clock's time of a text, or None. A numeric offset is applied if asked for; any other tail is not looked at."""
    m = TIME.match(v) if type(v) is str else None
    if m is None:
        return None
    try:
        t = datetime.datetime(*(int(m[i]) for i in range(1, 6)), int(m[6] or 0), int((m[7] or "0").ljust(6, "0")))
        tail = OFFSET.match(m[8])
        if offset and tail is not None:
            by = datetime.timedelta(hours=int(tail[2]), minutes=int(tail[3]))
            t = t - by if tail[1] == "+" else t + by
    except (ValueError, OverflowError):
        return None
    return t


def read(node, copy):
    node.ask("POST", "/_refresh")
    state = node.ask("GET", "/_cluster/state/metadata")["metadata"]["indices"]
    days = []
    for index in sorted(state):
        if state[index]["state"] != "open":
            copy.refused.append({"what": "closed index", "id": index})
        elif index != "cloudify_storage" and not DAY.match(index):
            copy.refused.append({"what": "unknown index", "id": index})
        elif index != "cloudify_storage":
            days.append(index)
    by_type = collections.defaultdict(list)
    for hit in node.documents("cloudify_storage"):
        by_type[hit["_type"]].append(hit)
        copy.read["cloudify_storage"][hit["_type"]] += 1
    for kind in sorted(set(by_type) - STORAGE_TYPES):
        copy.refused.append({"what": "unknown type", "id": kind})
    for kind in ("provider_context", "plugin", "snapshot", "blueprint", "deployment", "node", "node_instance", "execution", "deployment_update",
                 "deployment_modification"):
        copy.each(sorted(by_type[kind], key=lambda hit: hit["_id"]), getattr(copy, kind))
    for index in days:
        by_type.clear()
        for hit in node.documents(index):
            by_type[hit["_type"]].append(hit)
            copy.read[index][hit["_type"]] += 1
        for kind in sorted(set(by_type) - DAILY_TYPES):
            copy.refused.append({"what": "unknown type", "id": kind})
        for kind in sorted(DAILY_TYPES):
            copy.each(by_type[kind], getattr(copy, kind))


TABLES = ("blueprints", "deployments", "nodes", "node_instances", "executions", "deployment_updates", "deployment_update_steps",
          "deployment_modifications", "plugins", "snapshots", "provider_context", "events", "logs")


def main(address, folder, settings=None):
    given = {}
    if settings is not None:
        with open(settings, encoding="utf-8") as f:
            given = json.load(f)
    copy = Copy({**DEFAULTS, **given})
    read(Node(address), copy)
    for table in TABLES:
        canonical.write(folder, table, copy.rows[table])
    with open(f"{folder}/summary.json", "w", encoding="ascii") as f:
        json.dump({
            "read": copy.read, "rows": {t: len(copy.rows[t]) for t in TABLES}, "no_place": copy.no_place, "replaced": copy.replaced,
            "left_out": copy.left_out, "misfits": sorted(copy.misfits, key=canonical.line), "refused": sorted(copy.refused, key=canonical.line),
        }, f, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
