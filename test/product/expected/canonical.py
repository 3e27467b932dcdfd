"""Values and rows as lines of text that are equal exactly when the values are, types included."""

import json
import sys

# Integers have as many digits as they have, and values as many levels.
sys.set_int_max_str_digits(0)
sys.setrecursionlimit(10_000)


def value(v):
    """A decoded JSON value or pickle. 1, 1.0, True and "1" differ; the order of keys does not count."""
    if v is None or v is True or v is False or type(v) in (int, str):
        return v
    if type(v) is float:
        return {"float": repr(v)}
    if type(v) is list:
        return [value(e) for e in v]
    if type(v) is dict:
        assert all(type(k) is str for k in v), v
        return {"object": {k: value(e) for k, e in v.items()}}
    raise TypeError(f"no JSON value is a {type(v)}")


def line(row):
    """A row as one line of ASCII."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def write(folder, table, rows):
    lines = sorted(line(r) for r in rows)
    with open(f"{folder}/{table}.jsonl", "w", encoding="ascii") as f:
        f.writelines(text + "\n" for text in lines)
