#!/bin/bash
# A migration that is marked as without transaction runs in one all the same with dbmate, knex and node-pg-migrate; goose and tern run statement by statement.
#
# dbmate 2.36.0, knex 3.3.0, node-pg-migrate 9.0.0 (npm), goose 3.29.0, tern 2.3.4 (Go), PostgreSQL 15 (Debian 12). "transaction:false", config.transaction = false and noTransaction() leave BEGIN
# and COMMIT out, but the whole text goes to the server as one query, and PostgreSQL runs a query of several statements as one transaction. So what such a file is for, CREATE INDEX CONCURRENTLY, works
# alone only, with not even another of its kind; and where the third statement fails nothing of the first two stays. goose ("NO TRANSACTION") and tern ("disable-tx") split
# the text: there two indexes are built, and what ran before the failure stays. So a file of several statements means one thing to one tool and another to the next, and of one statement the same to all.
#
# Seen (dbmate, knex, node-pg-migrate | goose, tern):  two CREATE INDEX CONCURRENTLY: cannot run inside a transaction block | 2 indexes    two tables and an error: no table | 2 tables
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); server=; trap 'end_postgresql; rm -rf "$work"' EXIT; cd "$work"
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }
command -v go >/dev/null || { echo "no go here"; exit 2; }
command -v npm >/dev/null || apt-get install -y -qq --no-install-recommends npm >log 2>&1 || { cat log; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/pressly/goose/v3@v3.29.0 github.com/jackc/pgx/v5@v5.12.0 github.com/jackc/tern/v2@v2.3.4 >log 2>&1 || { cat log; exit 2; }
cat >main.go <<'EOG'
package main

import (
	"context"
	"database/sql"
	"os"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	tern "github.com/jackc/tern/v2/migrate"
	"github.com/pressly/goose/v3"
)

// apply applies what is in the folder.
func apply(tool, dsn, dir string) error {
	ctx := context.Background()
	if tool == "goose" {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		p, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS(dir))
		if err != nil {
			return err
		}
		_, err = p.Up(ctx)
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	m, err := tern.NewMigrator(ctx, conn, "public.schema_version")
	if err != nil {
		return err
	}
	if err := m.LoadMigrations(os.DirFS(dir)); err != nil {
		return err
	}
	return m.Migrate(ctx)
}

func main() {
	if err := apply(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}
EOG
{ go mod tidy && go build -o apply .; } >log 2>&1 || { cat log; exit 2; }
echo '{}' >package.json
npm install --no-audit --no-fund dbmate@2.36.0 knex@3.3.0 node-pg-migrate@9.0.0 pg@8.23.1 >log 2>&1 || { cat log; exit 2; }
cat >knex.js <<'JS'
const knex = require("knex")({ client: "pg", connection: process.argv[2] });
knex.migrate.latest({ directory: process.argv[3] }).catch((e) => { console.error(e.message); process.exitCode = 1; }).finally(() => knex.destroy());
JS

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

# file TOOL NAME SQL: a migration of the tool, marked as without transaction
file() {
	local base=$work/$1/$2
	mkdir -p "$work/$1"
	case $1 in
	dbmate) printf -- '-- migrate:up transaction:false\n%s\n-- migrate:down\n' "$3" >"$base.sql" ;;
	knex) printf 'exports.up = (knex) => knex.raw(`%s`);\nexports.down = () => {};\nexports.config = { transaction: false };\n' "$3" >"$base.js" ;;
	node-pg-migrate) printf 'exports.up = (pgm) => { pgm.noTransaction(); pgm.sql(`%s`); };\nexports.down = false;\n' "$3" >"$base.js" ;;
	goose) printf -- '-- +goose NO TRANSACTION\n-- +goose Up\n%s\n' "$3" >"$base.sql" ;;
	tern) printf -- '---- tern: disable-tx ----\n%s\n' "$3" >"$base.sql" ;;
	esac
}
# up TOOL: applies what is pending in the database of the tool
up() {
	local url="postgres://postgres@127.0.0.1:$PGPORT/$1?sslmode=disable"
	case $1 in
	dbmate) node_modules/.bin/dbmate -u "$url" -d dbmate --no-dump-schema up ;;
	knex) node knex.js "$url" "$work/knex" ;;
	node-pg-migrate) DATABASE_URL=$url node_modules/.bin/node-pg-migrate up -m node-pg-migrate ;;
	*) ./apply "$1" "$url" "$1" ;;
	esac
}
export npm_config_update_notifier=false
for tool in dbmate knex node-pg-migrate goose tern; do
	createdb "$tool"
	file $tool 001_tables 'CREATE TABLE a (x int); CREATE TABLE b (x int);'
	up $tool >log 2>&1 || { cat log; changed "$tool: tables alone"; }
	file $tool 002_indexes 'CREATE INDEX CONCURRENTLY i ON a (x);
CREATE INDEX CONCURRENTLY j ON b (x);'
	code=0; up $tool >log 2>&1 || code=$?
	indexes=$(psql -Atc "SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relname IN ('i', 'j')" "$tool"); why=$(grep -o 'cannot run inside a transaction block' log | head -n 1 || true)
	[ $code = 0 ] || { rm "$tool"/002*; psql -qc 'DROP INDEX IF EXISTS i, j' "$tool" 2>/dev/null; }
	file $tool 003_fails 'CREATE TABLE c (x int);
CREATE TABLE d (x int);
SELECT 1/0;'
	failed=no; up $tool >log 2>&1 || failed=yes
	grep -q 'division by zero' log || { cat log; changed "$tool fails otherwise"; }
	tables=$(psql -Atc "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname IN ('c', 'd')" "$tool")
	echo "$tool: indexes $indexes ${why:-no error}; fails $failed, tables $tables"
done | tee out
cat >want <<'OUT'
dbmate: indexes 0 cannot run inside a transaction block; fails yes, tables 0
knex: indexes 0 cannot run inside a transaction block; fails yes, tables 0
node-pg-migrate: indexes 0 cannot run inside a transaction block; fails yes, tables 0
goose: indexes 2 no error; fails yes, tables 2
tern: indexes 2 no error; fails yes, tables 2
OUT
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
