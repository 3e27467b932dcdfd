# For the findings about Elasticsearch: fetches 1.6.0 with Maven into the current folder and starts one node of it there, on Java 17.
# Afterwards $node is its process and $address host:port of its HTTP interface.
#
# One thing keeps 1.x from JVMs after 8: its class JvmInfo asks the JVM for the boot class path, which these refuse. So the class is put
# before the jars with one constant changed, so that it asks for the library path; only a node's own list of its properties shows it.

start_elasticsearch() {
	for tool in mvn java python3; do
		command -v "$tool" >/dev/null || apt-get install -y -qq maven openjdk-17-jre-headless python3 >log 2>&1 || { cat log; exit 2; }
	done
	cat >pom.xml <<-'POM'
		<project xmlns="http://maven.apache.org/POM/4.0.0">
		  <modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><packaging>pom</packaging>
		  <dependencies><dependency><groupId>org.elasticsearch</groupId><artifactId>elasticsearch</artifactId><version>1.6.0</version></dependency></dependencies>
		</project>
	POM
	mvn -q -B -C -f pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars >log 2>&1 || { cat log; exit 2; }
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
	java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true -Djava.io.tmpdir="$PWD/tmp" -Des.foreground=yes -Des.path.home="$PWD" -Des.network.host=127.0.0.1 \
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
	[ -z "${node:-}" ] || { kill "$node" 2>/dev/null && wait "$node" 2>/dev/null; } || true
}
