#!/bin/bash
# A search over a pattern of indices leaves the closed ones out, without a word; so do counts and statistics.
#
# Elasticsearch 1.6.0. Three daily indices of one document each; one is closed. A search over day-* answers 200 with two documents of 10 shards, all
# successful, none failed: the closed index's shards are not in the total. _count, the counters of _stats and a search over everything do the same. Only a
# request that names the index is refused (403), and _cat/indices has a line that says "close".
#
# Seen:  day-*: 2 documents, 10 of 10 shards   day-2: 403 IndexClosedException   _cat/indices: close day-2
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd); . "$here/elasticsearch.bash"
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'end_elasticsearch; rm -rf "$work"' EXIT; cd "$work"
start_elasticsearch

cat >ask.py <<'PY'
from elasticsearch import ask

for index in "day-1", "day-2", "day-3":
    assert ask("PUT", "/%s/event/1?refresh=true" % index, {"n": 1})[0] == 201
ask("GET", "/_cluster/health?wait_for_status=yellow")


def look(what):
    status, found = ask("GET", "/day-*/_search")
    print(what, "search", status, "documents", found["hits"]["total"], "shards", found["_shards"])
    print(what, "count", ask("GET", "/day-*/_count")[1]["count"], "everything", ask("GET", "/_count")[1]["count"])
    print(what, "statistics of", sorted(ask("GET", "/_stats/docs")[1]["indices"]))


look("open:")
assert ask("POST", "/day-2/_close")[0] == 200
look("closed:")
status, said = ask("GET", "/day-2/_search")
print("by its name:", status, said["error"].split("[")[0])
print("_cat/indices:", [" ".join(line.split()) for line in ask("GET", "/_cat/indices?h=status,index")[1].splitlines() if "close" in line])
PY
cat >want <<'OUT'
open: search 200 documents 3 shards {'total': 15, 'successful': 15, 'failed': 0}
open: count 3 everything 3
open: statistics of ['day-1', 'day-2', 'day-3']
closed: search 200 documents 2 shards {'total': 10, 'successful': 10, 'failed': 0}
closed: count 2 everything 2
closed: statistics of ['day-1', 'day-3']
by its name: 403 IndexClosedException
_cat/indices: ['close day-2']
OUT
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 ask.py "$address" >out 2>log || { cat out log; changed "the requests fail"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"

