#!/bin/sh
# postgresql95-setup initdb: makes the cluster, which listens on the loopback address alone and does not run yet. Its log lies with its data, as that of 9.5 does.
set -eu
case ${1-} in
initdb) ;;
*) echo "usage: postgresql95-setup initdb" >&2; exit 2 ;;
esac
if [ -e /etc/postgresql/15/main ]; then
	echo "Data directory is not empty!" >&2
	exit 1
fi
pg_createcluster 15 main --logfile=/var/lib/postgresql/15/main/postgresql.log -- --encoding=UTF8 --locale=C >/dev/null
echo "Initializing database ... OK"
