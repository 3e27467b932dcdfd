#!/bin/bash
# A write between two starts of a node is in no counter, and the count of documents stays: only docs.deleted tells, and a merge makes that less again.
#
# Elasticsearch 1.6.0 on OpenJDK 17 (Debian 12). index_total of _stats is of the shard's copy in this process and begins at 0 with each start. An update replaces a
# document: the count stays, the old one is kept as deleted until its segment is merged. So two looks with equal counters and counts, each right after a start, prove
# nothing; a docs.deleted that has grown shows the write, and one that has become less shows none: _optimize, or any merge, throws the deleted ones away.
#
# Seen:  count 10 deleted 0, a start, an update, a start: index_total 0 and 0, count 10 and 10, deleted 0 > 1; after a second update and _optimize deleted 0
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
	start_node
}

start_node() {
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

restart() { kill "$node"; timeout 60 tail -s 0.1 --pid="$node" -f /dev/null; start_node; }

# end_elasticsearch is for the script's end; it works without a node too.
end_elasticsearch() {
	[ -z "${node:-}" ] || { kill "$node" && timeout 20 tail -s 0.1 --pid="$node" -f /dev/null || kill -9 "$node"; } 2>/dev/null || true
}

start_elasticsearch

cat >ask.py <<'PY'
import json
import sys
import urllib.request


def ask(method, path, body=None):
    """Returns the answer as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://" + sys.argv[1] + path, data=data, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def look(what):
    ask("POST", "/_flush")
    ask("POST", "/_refresh")
    of = ask("GET", "/_stats/indexing,docs")["indices"]["things"]["primaries"]
    print(what, "index_total", of["indexing"]["index_total"], "count", of["docs"]["count"], "deleted", of["docs"]["deleted"])


ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=50s")
if sys.argv[2] == "write":
    ask("PUT", "/things", {"settings": {"number_of_shards": 1, "number_of_replicas": 0}})
    for n in range(10):
        ask("PUT", "/things/thing/%d" % n, {"n": n})
    look("10 written:")
elif sys.argv[2] == "update":
    look("started:")
    ask("POST", "/things/thing/1/_update", {"doc": {"more": 1}})
    ask("POST", "/_flush")
else:
    look("updated meanwhile, and started:")
    ask("POST", "/things/thing/2/_update", {"doc": {"more": 1}})
    look("updated once more:")
    ask("POST", "/_optimize?max_num_segments=1")
    look("merged:")
PY
cat >want <<'OUT'
10 written: index_total 10 count 10 deleted 0
started: index_total 0 count 10 deleted 0
updated meanwhile, and started: index_total 0 count 10 deleted 1
updated once more: index_total 1 count 10 deleted 2
merged: index_total 1 count 10 deleted 0
OUT
for what in write update look; do
	[ "$what" = write ] || restart
	python3 ask.py "$address" "$what" >>out 2>log || { cat out log; changed "the requests fail"; }
done
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
