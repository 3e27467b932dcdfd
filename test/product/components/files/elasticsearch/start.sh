#!/bin/sh
# Starts a node in the foreground. Arguments are settings: -Des.name=value.
ES_HOME=${ES_HOME:-/usr/share/elasticsearch}
if [ -n "$ES_HEAP_SIZE" ]; then
	heap="-Xms$ES_HEAP_SIZE -Xmx$ES_HEAP_SIZE"
else
	heap="-Xms256m -Xmx1g"
fi
[ -z "$ES_HEAP_NEWSIZE" ] || heap="$heap -Xmn$ES_HEAP_NEWSIZE"
[ -z "$ES_DIRECT_SIZE" ] || heap="$heap -XX:MaxDirectMemorySize=$ES_DIRECT_SIZE"
[ -z "$ES_GC_LOG_FILE" ] || heap="$heap -Xlog:gc:$ES_GC_LOG_FILE"

# The collector is not the real package's: later JVMs do not know that one. It and one compiler make for a quick start.
# patch.jar goes first: see the product's package elasticsearch.
# shellcheck disable=SC2086 # several options each
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" $heap -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true -Dfile.encoding=UTF-8 $ES_JAVA_OPTS \
	-Delasticsearch -Des.foreground=yes -Des.path.home="$ES_HOME" "$@" \
	-cp "$ES_HOME/lib/patch.jar:$ES_HOME/lib/*" org.elasticsearch.bootstrap.Elasticsearch
