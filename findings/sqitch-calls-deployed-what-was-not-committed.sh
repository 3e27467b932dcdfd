#!/bin/bash
# sqitch notes a change as deployed whose script lacks its COMMIT, or ends with ROLLBACK: nothing of it is in the database.
#
# sqitch 1.3.1, psql and PostgreSQL 15 (Debian 12). Scripts have their own BEGIN and COMMIT, as sqitch add writes them. psql ends with 0 where a file leaves its transaction open,
# and the server takes it back; sqitch looks at the exit code alone, says "ok" and notes the change beside the scripts, in another connection. sqitch status says "Nothing to
# deploy", a second deploy does nothing. Only a verify script that looks for the table tells, and deploy runs those with --verify alone. A revert script that commits nothing is noted likewise: the change
# is gone for sqitch, and its table is there. A COMMIT without a semicolon at the end is run.
#
# Seen:  without COMMIT: ok, no table    ROLLBACK: ok, no table    COMMIT without semicolon: ok, table    status: Nothing to deploy    each time 0
#        revert without COMMIT: ok, 0, the table stays; deploy then: relation "t4" already exists
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need sqitch 1.3.1-1
need libdbd-pg-perl 3.16.0-2
work=$(mktemp -d /var/tmp/finding.XXXXXX); server=; trap 'end_postgresql; rm -rf "$work"' EXIT; cd "$work"

# start_postgresql starts a server for this script, as a user without rights, on a socket in the folder and on no port.
start_postgresql() {
	local bin=/usr/lib/postgresql/15/bin
	[ -x $bin/initdb ] || apt-get install -y -qq --no-install-recommends postgresql-15 >log 2>&1 || { cat log; exit 2; }
	mkdir pg; chown nobody: pg; chmod 711 .
	(cd pg && setpriv --reuid=nobody --regid=nogroup --clear-groups $bin/initdb -D data -A trust -U postgres -N) >log 2>&1 || { cat log; exit 2; }
	setpriv --reuid=nobody --regid=nogroup --clear-groups $bin/postgres -D "$work/pg/data" -c listen_addresses= -c unix_socket_directories="$work/pg" -c fsync=off >pg.log 2>&1 & server=$!
	export PGHOST=$work/pg PGUSER=postgres
	for _ in $(seq 300); do pg_isready -q && return 0; sleep 0.2; done
	cat pg.log; exit 2
}

# end_postgresql is for the script's end; it works without a server too.
end_postgresql() { [ -z "$server" ] || { kill -INT "$server" && wait "$server"; } 2>/dev/null || true; }

start_postgresql
export SQITCH_SYSTEM_CONFIG=$work/none SQITCH_USER_CONFIG=$work/none SQITCH_FULLNAME=somebody SQITCH_EMAIL=somebody@example.org LC_ALL=C
createdb db
mkdir project; cd project
sqitch init things --engine pg >../log 2>&1 || { cat ../log; exit 2; }
target=db:pg:db n=0
# add END: a change whose script makes a table, with the end that is given
add() { n=$((n + 1)); sqitch add "c$n" -n "$n" >../log 2>&1 || { cat ../log; exit 2; }; printf 'BEGIN;\nCREATE TABLE t%s (a int);\n%b' $n "$1" >"deploy/c$n.sql"; printf 'BEGIN;\nDROP TABLE t%s;\n' $n >"revert/c$n.sql"; }
add 'COMMIT;\n'; add ''; add 'ROLLBACK;\n'; add 'COMMIT'
run() { local code=0; sqitch "$@" >../out 2>&1 || code=$?; grep -E '^  [-+] |Nothing to|ERROR' ../out | sed 's/^ *//; s/ \.\.* ok$/ ok/; s/ \.\.*  */ /' | paste -sd,; echo "exit $code"; }
tables() { psql -Atc "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), 'none') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace" db; }
deploy=$(run deploy $target | paste -sd' '); after=$(tables); status=$(run status $target | paste -sd' ')
revert=$(run revert -y --to c3 $target | paste -sd' '); kept=$(tables); again=$(run deploy $target | paste -sd' ')
printf '%s\n' "deploy: $deploy" "tables: $after" "status: $status" "revert of c4: $revert" "tables: $kept" "deploy of c4: $again"
[ "$deploy" = '+ c1 ok,+ c2 ok,+ c3 ok,+ c4 ok exit 0' ] || changed "deploy"
[ "$after" = 't1 t4' ] || changed "the tables after it"
[ "$status" = 'Nothing to deploy (up-to-date) exit 0' ] || changed "status"
[ "$revert" = '- c4 ok exit 0' ] || changed "revert"
[ "$kept" = 't1 t4' ] || changed "the tables after revert"
case $again in *'relation "t4" already exists exit 2') ;; *) changed "deploy after revert" ;; esac
echo "as described"
