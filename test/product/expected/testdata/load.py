#!/usr/bin/env python3
"""Puts the rows that rows.py wrote into a database of release 4.0.1: load.py FOLDER pickle|json | psql ...

A plain copy, so that a test sees that the rows fit the schema and that tables.py reads what was written."""

import json
import pickle
import sys

sys.path.insert(0, sys.path[0] + "/..")
import canonical  # noqa: E402
from tables import REFERENCES, STRUCTURES  # noqa: E402

NAMED = {"_blueprint_fk": "blueprints", "_deployment_fk": "deployments", "_node_fk": "nodes", "_execution_fk": "executions",
         "_deployment_update_fk": "deployment_updates"}


def plain(v):
    if type(v) is dict:
        return float(v["float"]) if "float" in v else {k: plain(e) for k, e in v["object"].items()}
    return [plain(e) for e in v] if type(v) is list else v


def key(table, row):
    return (table, *row["_deployment_fk"], row["id"]) if table == "nodes" else (table, row["id"])


def copy_text(v):
    if v is None:
        return "\\N"
    if type(v) is bool:
        return "tf"[not v]
    return str(v).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def main(folder, encoding):
    encode = {"pickle": lambda v: pickle.dumps(v, 2), "json": lambda v: json.dumps(v).encode()}[encoding]
    numbers, last = {}, 0
    print("BEGIN;")
    for table in STRUCTURES:
        with open(f"{folder}/{table}.jsonl", encoding="ascii") as f:
            rows = [json.loads(line) for line in f]
        if table == "deployment_update_steps":
            rows.sort(key=lambda r: r["place"])
        for row in rows:
            if table != "provider_context":
                last += 1
                numbers[key(table, row)] = row["_storage_id"] = last
            row.pop("place", None)
            for c in REFERENCES:
                if row.get(c) is not None:
                    row[c] = numbers[(NAMED[c], *row[c])]
            for c in STRUCTURES[table]:
                row[c] = "\\x" + encode(plain(row[c])).hex()
            if row.get("error_causes") is not None:
                row["error_causes"] = json.dumps(plain(row["error_causes"]))
        if rows:
            columns = sorted(rows[0])
            quoted = ", ".join(f'"{c}"' for c in columns)
            print(f"COPY {table} ({quoted}) FROM stdin;")
            for row in rows:
                print("\t".join(copy_text(row[c]) for c in columns))
            print("\\.")
    print("COMMIT;")


if __name__ == "__main__":
    main(*sys.argv[1:])
