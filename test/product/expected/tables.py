#!/usr/bin/env python3
"""The rows of a database of release 4.0.1, written as rows.py writes what they must be.

    tables.py CONNECTION FOLDER pickle|json

CONNECTION is psql's. Columns that hold structures are pickles, as in the real product, or JSON. A pickle must be one that Python 2
wrote or could have: nothing above protocol 2, and nothing but plain values in it.
"""

import io
import json
import pickle
import pickletools
import re
import subprocess
import sys

import canonical

# Columns that hold structures, and for each reference: the key of the row that it names.
STRUCTURES = {
    "blueprints": ["plan"],
    "deployments": ["inputs", "groups", "policy_types", "policy_triggers", "outputs", "scaling_groups", "workflows"],
    "nodes": ["plugins", "plugins_to_install", "properties", "relationships", "operations", "type_hierarchy"],
    "node_instances": ["relationships", "runtime_properties", "scaling_groups"],
    "executions": ["parameters"],
    "deployment_updates": ["deployment_plan", "deployment_update_node_instances", "deployment_update_deployment", "deployment_update_nodes",
                           "modified_entity_ids"],
    "deployment_update_steps": [],
    "deployment_modifications": ["context", "modified_nodes", "node_instances"],
    "plugins": ["excluded_wheels", "supported_platform", "supported_py_versions", "wheels"],
    "snapshots": [],
    "provider_context": ["context"],
    "events": [],
    "logs": [],
}
TIMES = ["created_at", "updated_at", "ended_at", "uploaded_at", "timestamp", "reported_timestamp"]
REFERENCES = {
    "_blueprint_fk": "(SELECT json_build_array(r.id) FROM blueprints r WHERE r._storage_id = t._blueprint_fk)",
    "_deployment_fk": "(SELECT json_build_array(r.id) FROM deployments r WHERE r._storage_id = t._deployment_fk)",
    "_node_fk": "(SELECT json_build_array(d.id, r.id) FROM nodes r JOIN deployments d ON d._storage_id = r._deployment_fk WHERE r._storage_id = t._node_fk)",
    "_execution_fk": "(SELECT json_build_array(r.id) FROM executions r WHERE r._storage_id = t._execution_fk)",
    "_deployment_update_fk": "(SELECT json_build_array(r.id) FROM deployment_updates r WHERE r._storage_id = t._deployment_update_fk)",
}
PLAIN = {"PROTO", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE",
         "MARK", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"}


def unpickle(body):
    for opcode, argument, _ in pickletools.genops(body):
        if opcode.name not in PLAIN or opcode.name == "PROTO" and argument != 2:
            raise ValueError(f"a pickle has {opcode.name} {argument}")
    stream = io.BytesIO(body)
    v = pickle.load(stream)
    if stream.read(1):
        raise ValueError("a pickle has something behind it")
    return v


def time(text):
    """PostgreSQL's form as Python's: six digits or none."""
    m = re.fullmatch(r"([^.]*)\.(\d+)", text)
    return text if m is None else f"{m[1]}.{m[2].ljust(6, '0')}"


def rows(connection, table, decode):
    columns = query(connection, f"SELECT to_json(column_name) FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = 'public'")
    chosen = [f"{REFERENCES[c]} AS {c}" if c in REFERENCES else f't."{c}"' for c in columns if c != "_storage_id"]
    if table == "deployment_update_steps":
        chosen.append("row_number() OVER (PARTITION BY _deployment_update_fk ORDER BY t._storage_id) - 1 AS place")
    for row in query(connection, f"SELECT row_to_json(x) FROM (SELECT {', '.join(chosen)} FROM {table} t) x"):
        for c in STRUCTURES[table]:
            row[c] = None if row[c] is None else canonical.value(decode(bytes.fromhex(row[c].removeprefix("\\x"))))
        for c in TIMES:
            if row.get(c) is not None:
                row[c] = time(row[c])
        if row.get("error_causes") is not None:
            row["error_causes"] = canonical.value(json.loads(row["error_causes"]))
        yield row


def query(connection, sql):
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connection, "-c", f"SET bytea_output = hex; {sql}"],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"psql: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def main(connection, folder, encoding):
    decode = {"pickle": unpickle, "json": json.loads}[encoding]
    for table in STRUCTURES:
        canonical.write(folder, table, rows(connection, table, decode))


if __name__ == "__main__":
    main(*sys.argv[1:])
