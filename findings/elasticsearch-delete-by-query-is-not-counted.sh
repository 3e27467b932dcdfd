#!/bin/bash
# Deletions by query are in no counter of writes: index_total and delete_total stay as they are while documents go.
#
# Elasticsearch 1.6.0. _stats counts every write and every deletion by id since the node started (indexing.index_total, delete_total; a partial update is
# one write). DELETE /index/_query takes five documents away, and neither moves, so equal counters do not prove that nobody wrote. docs.count says it, after
# a refresh.
#
# Seen:  10 writes, 1 deletion by id   then 5 deleted by query: index_total 10, delete_total 1, docs.count 9 > 4
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd); . "$here/elasticsearch.bash"
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'end_elasticsearch; rm -rf "$work"' EXIT; cd "$work"
start_elasticsearch

cat >ask.py <<'PY'
from elasticsearch import ask


def look(what):
    ask("POST", "/_refresh")
    _, stats = ask("GET", "/_stats/indexing,docs")
    of = stats["indices"]["things"]["primaries"]
    print(what, "index_total", of["indexing"]["index_total"], "delete_total", of["indexing"]["delete_total"], "count", of["docs"]["count"])


for n in range(10):
    assert ask("PUT", "/things/thing/%d" % n, {"half": n // 5})[0] == 201
look("10 written:")
assert ask("POST", "/things/thing/1/_update", {"doc": {"more": 1}})[0] == 200
look("1 updated:")
assert ask("DELETE", "/things/thing/0")[0] == 200
look("1 deleted by id:")
status, _ = ask("DELETE", "/things/thing/_query", {"query": {"term": {"half": 1}}})
assert status == 200, status
look("5 deleted by query:")
PY
cat >want <<'OUT'
10 written: index_total 10 delete_total 0 count 10
1 updated: index_total 11 delete_total 0 count 10
1 deleted by id: index_total 11 delete_total 1 count 9
5 deleted by query: index_total 11 delete_total 1 count 4
OUT
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 ask.py "$address" >out 2>log || { cat out log; changed "the requests fail"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"

