#!/bin/bash
# A scroll that loses an index in the middle tells of it on one page only; the pages after it say that all shards answered.
#
# Elasticsearch 1.6.0 on OpenJDK 17 (Debian 12), two indices of 5 shards, scan and scroll over both. After the first page one index is deleted, which a clean-up of daily indices does
# while somebody reads. The next page says "failed": 5. Every further page says "total": 5, "successful": 5, "failed": 0, and the last one is empty, as at a
# good end, though documents lack. The number that the first answer announced is right, so the sum of what came tells, and nothing else that is asked at the end.
#
# Seen:  announced 200 of 10 shards   page 2: failed 5, with half of the documents   last page: total 5, successful 5, failed 0   sum below 200
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'end_elasticsearch; rm -rf "$work"' EXIT; cd "$work"

# One thing keeps 1.x from JVMs after 8: its class JvmInfo asks the JVM for the boot class path, which these refuse. So the class is put
# before the jars with one constant changed, so that it asks for the library path; only a node's own list of its properties shows it.
start_elasticsearch() {
	java=/usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture)/bin/java
	{ [ -x "$java" ] && command -v mvn && command -v python3; } >/dev/null ||
		apt-get install -y -qq maven openjdk-17-jre-headless python3 >log 2>&1 || { cat log; exit 2; }
	cat >pom.xml <<-'POM'
		<project xmlns="http://maven.apache.org/POM/4.0.0">
		  <modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><packaging>pom</packaging>
		  <dependencies><dependency><groupId>org.elasticsearch</groupId><artifactId>elasticsearch</artifactId><version>1.6.0</version></dependency></dependencies>
		</project>
	POM
	timeout 600 mvn -q -B -C -f pom.xml -Dmaven.repo.local="$work/m2" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars >log 2>&1 || { cat log; exit 2; }
	python3 - <<-'PATCH' || exit 2
		import os, zipfile
		name = "org/elasticsearch/monitor/jvm/JvmInfo.class"
		body = zipfile.ZipFile("jars/elasticsearch-1.6.0.jar").read(name)
		old, new = b"\x01\x00\x10getBootClassPath", b"\x01\x00\x0egetLibraryPath"  # as they stand among the class's constants: with their lengths
		assert body.count(old) == 1
		os.makedirs("patch/" + os.path.dirname(name))
		open("patch/" + name, "wb").write(body.replace(old, new))
	PATCH
	mkdir tmp
	"$java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true -Djava.io.tmpdir="$PWD/tmp" -Des.foreground=yes -Des.path.home="$PWD" -Des.network.host=127.0.0.1 \
		-Des.http.port=0 -Des.transport.tcp.port=0 -Des.discovery.zen.ping.multicast.enabled=false -Des.discovery.zen.ping.timeout=200ms \
		-cp "patch:jars/*" org.elasticsearch.bootstrap.Elasticsearch >node.log 2>&1 &
	node=$!
	for _ in $(seq 600); do
		address=$(grep -A1 elasticsearch.http.HttpServer node.log | sed -n 's/.*publish_address {inet\[\/\([0-9.:]*\)\]}.*/\1/p' | head -n 1)
		[ -z "$address" ] || return 0
		kill -0 "$node" 2>/dev/null || break
		sleep 0.2
	done
	cat node.log
	exit 2
}

# end_elasticsearch is for the script's end; it works without a node too.
end_elasticsearch() {
	[ -z "${node:-}" ] || { kill "$node" && timeout 20 tail -s 0.1 --pid="$node" -f /dev/null || kill -9 "$node"; } 2>/dev/null || true
}

start_elasticsearch

cat >ask.py <<'PY'
import json
import sys
import urllib.error
import urllib.request


def ask(method, path, body=None):
    """Returns the HTTP status and the answer as JSON, or as text where it is none."""
    data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://" + sys.argv[1] + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


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
python3 ask.py "$address" >out 2>log || { cat out log; changed "the requests fail"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
