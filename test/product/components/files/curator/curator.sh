#!/bin/sh
# What of curator the product uses:
#   curator --host HOST delete indices --timestring '%Y.%m.%d' --older-than DAYS --time-unit days
# deletes the daily indices of events and logs whose day is so long ago.
set -eu
host=localhost days=
while [ $# -gt 0 ]; do
	case $1 in
	--host) host=$2; shift ;;
	--older-than) days=$2; shift ;;
	--timestring|--time-unit) shift ;;
	delete|indices) ;;
	*) echo "curator: what is $1?" >&2; exit 2 ;;
	esac
	shift
done
[ -n "$days" ] || { echo "curator: --older-than is missing" >&2; exit 2; }
first=$(date -u -d "$days days ago" +%Y%m%d)
curl -fsS "http://$host:9200/_cat/indices?h=index" | while read -r index; do
	case $index in
	logstash-[0-9][0-9][0-9][0-9].[0-9][0-9].[0-9][0-9]) ;;
	*) continue ;;
	esac
	day=$(echo "${index#logstash-}" | tr -d .)
	[ "$day" -ge "$first" ] || curl -fsS -X DELETE "http://$host:9200/$index" >/dev/null
done
