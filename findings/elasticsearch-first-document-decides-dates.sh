#!/bin/bash
# The first document decides that a field is a date, and the next text in the same field is refused.
#
# Elasticsearch 1.6.0, dynamic mapping. A field whose first text looks like a date becomes a date for all documents of the type; another text in it is then a
# 400 (MapperParsingException), though JSON has one kind of text and nobody declared anything. The other way round both are kept, as a string field takes what
# looks like a date. So the same documents, written in another order, are kept or refused.
#
# Seen:  "2017-01-05" then "yesterday": 201, 400, mapped as date   "yesterday" then "2017-01-05": 201, 201, mapped as string
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd); . "$here/elasticsearch.bash"
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'end_elasticsearch; rm -rf "$work"' EXIT; cd "$work"
start_elasticsearch

cat >ask.py <<'PY'
from elasticsearch import ask

for index, texts in ("first", ["2017-01-05", "yesterday"]), ("second", ["yesterday", "2017-01-05"]):
    for text in texts:
        status, said = ask("POST", "/%s/note?refresh=true" % index, {"built": text})
        print(index, text, status, said["error"].split("[")[0] if status >= 400 else "kept")
    _, mapping = ask("GET", "/%s/_mapping/note" % index)
    print(index, "is", mapping[index]["mappings"]["note"]["properties"]["built"]["type"], "with", ask("GET", "/%s/_count" % index)[1]["count"], "documents")
PY
cat >want <<'OUT'
first 2017-01-05 201 kept
first yesterday 400 MapperParsingException
first is date with 1 documents
second yesterday 201 kept
second 2017-01-05 201 kept
second is string with 2 documents
OUT
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 ask.py "$address" >out 2>log || { cat out log; changed "the requests fail"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"

