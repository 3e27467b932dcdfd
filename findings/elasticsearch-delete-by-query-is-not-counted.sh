#!/bin/bash
# Deletions by query are in no counter of writes: index_total and delete_total stay as they are while documents go.
#
# Elasticsearch 1.6.0 on OpenJDK 17 (Debian 12). _stats counts every write and every deletion by id since the node started (indexing.index_total, delete_total; a partial update is
# one write). DELETE /index/_query takes five documents away, and neither moves, so equal counters do not prove that nobody wrote. docs.count says it, after
# a refresh.
#
# Seen:  10 writes, 1 update, 1 deletion by id   then 5 deleted by query: index_total 11, delete_total 1, docs.count 9 > 4
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
python3 ask.py "$address" >out 2>log || { cat out log; changed "the requests fail"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
