#!/bin/bash
# A scroll that loses an index in the middle tells of it on one page only; the pages after it say that all shards answered.
#
# Elasticsearch 1.6.0, two indices of 5 shards, scan and scroll over both. After the first page one index is deleted, which a clean-up of daily indices does
# while somebody reads. The next page says "failed": 5. Every further page says "total": 5, "successful": 5, "failed": 0, and the last one is empty, as at a
# good end, though documents lack. The number that the first answer announced is right, so the sum of what came tells, and nothing else that is asked at the end.
#
# Seen:  announced 200 of 10 shards   page 2: failed 5, with half of the documents   last page: total 5, successful 5, failed 0   sum below 200
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd); . "$here/elasticsearch.bash"
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'end_elasticsearch; rm -rf "$work"' EXIT; cd "$work"
start_elasticsearch

cat >ask.py <<'PY'
from elasticsearch import ask

for index in "day-1", "day-2":
    lines = "".join('{"index":{"_id":"%d"}}\n{"n":%d}\n' % (n, n) for n in range(100))
    assert ask("POST", "/%s/event/_bulk?refresh=true" % index, lines)[0] == 200
ask("GET", "/_cluster/health?wait_for_status=yellow")
_, first = ask("POST", "/day-*/_search?search_type=scan&scroll=1m&size=2", {"query": {"match_all": {}}})
announced, scroll = first["hits"]["total"], first["_scroll_id"]
print("announced", announced, "of", first["_shards"]["total"], "shards,", first["_shards"]["successful"], "answered")
came, failures, pages = 0, [], 0
while True:
    _, page = ask("POST", "/_search/scroll?scroll=1m", scroll)
    scroll, shards, hits = page["_scroll_id"], page["_shards"], len(page["hits"]["hits"])
    came, pages = came + hits, pages + 1
    if shards["failed"]:
        failures.append((pages, shards["failed"]))
    if not hits:
        break
    if pages == 1:
        assert ask("DELETE", "/day-2")[0] == 200
print("pages with failures:", failures)
print("last page: total", shards["total"], "successful", shards["successful"], "failed", shards["failed"])
print("documents lack:", came < announced)
PY
cat >want <<'OUT'
announced 200 of 10 shards, 10 answered
pages with failures: [(2, 5)]
last page: total 5 successful 5 failed 0
documents lack: True
OUT
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 ask.py "$address" >out 2>log || { cat out log; changed "the requests fail"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"

