#!/bin/bash
# A unique index whose build failed is not in a dump: CREATE UNIQUE INDEX IF NOT EXISTS makes it on the copy, and passes over the broken one in the original.
#
# PostgreSQL 15 (Debian 12). CREATE UNIQUE INDEX CONCURRENTLY that meets a value twice fails and leaves an index that is not valid. When the values are put right and the statement is
# repeated with IF NOT EXISTS, the server says "already exists, skipping" and succeeds: the index is there by its name and keeps nothing unique. pg_dump leaves it out without a word, so the schema as text
# is the same with and without it, and a copy that is made of a dump gets a good one by the same statement. What was tried on the copy, and what is compared by dumps, says
# nothing of the original.
#
# Seen:  original: exit 0, already exists, not valid, the value 1 a second time: taken    copy: exit 0, valid, the value 1 a second time: refused    dumps with and without it: equal
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); server=; trap 'end_postgresql; rm -rf "$work"' EXIT; cd "$work"
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }

# start_postgresql starts a server for this script, as a user without rights, on a socket in the folder and on a port of loopback.
start_postgresql() {
	local bin=/usr/lib/postgresql/15/bin port
	[ -x $bin/initdb ] || apt-get install -y -qq --no-install-recommends postgresql-15 >log 2>&1 || { cat log; exit 2; }
	mkdir pg; chown nobody: pg; chmod 711 .
	(cd pg && setpriv --reuid=nobody --regid=nogroup --clear-groups $bin/initdb -D data -A trust -U postgres -N) >log 2>&1 || { cat log; exit 2; }
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	setpriv --reuid=nobody --regid=nogroup --clear-groups $bin/postgres -D "$work/pg/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$work/pg" -c fsync=off >pg.log 2>&1 & server=$!
	export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres
	for _ in $(seq 300); do pg_isready -q && return 0; sleep 0.2; done
	cat pg.log; exit 2
}

# end_postgresql is for the script's end; it works without a server too.
end_postgresql() { [ -z "$server" ] || { kill -INT "$server" && wait "$server"; } 2>/dev/null || true; }

start_postgresql


# in_db DATABASE SQL: what psql shows, errors and notices with it
in_db() { psql -XAt -v ON_ERROR_STOP=1 -c "$2" "$1" 2>&1; }
# dump: the schema as text; \\restrict has another word each time
dump() { pg_dump --schema-only original | grep -v -e '^\\restrict' -e '^\\unrestrict'; }
for d in original copy; do createdb $d; done
in_db original 'CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)' >log || { cat log; exit 2; }
dump >without
in_db original 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one ON t (a)' >log && changed "the values are taken for unique"
in_db original 'DELETE FROM t; INSERT INTO t VALUES (1)' >log || { cat log; exit 2; }
dump >with
same=different; if cmp -s with without; then same=equal; fi
pg_dump -Fc original | pg_restore -d copy
# migrate DATABASE: the statement once more, what became of the index, and whether a value can be there twice
migrate() {
	local code=0 said valid second=taken
	in_db "$1" 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one ON t (a)' >log || code=$?
	said=$(grep -o 'already exists' log || echo made)
	valid=$(in_db "$1" "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'not valid' END FROM pg_index WHERE indexrelid = 'one'::regclass")
	in_db "$1" 'INSERT INTO t VALUES (1)' >log || second=refused
	echo "$1: exit $code, $said, $valid, the value 1 a second time: $second"
}
original=$(migrate original); copy=$(migrate copy)
printf '%s\n' "$original" "$copy" "dumps with and without it: $same"
[ "$original" = 'original: exit 0, already exists, not valid, the value 1 a second time: taken' ] || changed "the original"
[ "$copy" = 'copy: exit 0, made, valid, the value 1 a second time: refused' ] || changed "the copy"
[ $same = equal ] || changed "the dumps: $(diff with without)"
echo "as described"
