#!/bin/bash
# What a migration SETs holds for the next one when both are applied in one call, and not when they are applied in two: the schema differs.
#
# golang-migrate 4.20.1, goose 3.29.0, tern 2.3.4, PostgreSQL 15 (Debian 12). SET search_path = app at the top of a file, as scripts have it and as pg_dump writes it, lasts as long as the
# connection. golang-migrate keeps one for all files: the table that the second makes is in app for who had both pending, in public for who had the first before; both succeed. With goose it is
# the same for other settings, lock_timeout as well as session_replication_role; search_path it does not survive, as its own table is not found then. tern resets all settings after
# each file. So the way by which a database came to a version shows in its schema, and a trial on a copy that has other files pending proves nothing.
#
# Seen (both at once | one by one):  golang-migrate: second table in app | public    goose: lock_timeout in the second file 1234ms | 0    tern: public, 0 | public, 0
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); server=; trap 'end_postgresql; rm -rf "$work"' EXIT; cd "$work"
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }
command -v go >/dev/null || { echo "no go here"; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/golang-migrate/migrate/v4@v4.20.1 github.com/pressly/goose/v3@v3.29.0 github.com/jackc/pgx/v5@v5.12.0 github.com/jackc/tern/v2@v2.3.4 github.com/lib/pq@v1.12.3 >log 2>&1 || { cat log; exit 2; }
cat >main.go <<'EOG'
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/postgres"
	_ "github.com/golang-migrate/migrate/v4/source/file"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	tern "github.com/jackc/tern/v2/migrate"
	"github.com/pressly/goose/v3"
)

var ctx = context.Background()

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A tool names its files and applies those of a folder.
type tool struct {
	file  string
	head  string
	apply func(dsn, dir string)
}

var tools = map[string]tool{
	"golang-migrate": {"%d_m.up.sql", "", func(dsn, dir string) {
		m := must(migrate.New("file://"+dir, dsn))
		check(m.Up())
		m.Close()
	}},
	"goose": {"%03d_m.sql", "-- +goose Up\n", func(dsn, dir string) {
		db := must(sql.Open("pgx", dsn))
		defer db.Close()
		must(must(goose.NewProvider(goose.DialectPostgres, db, os.DirFS(dir))).Up(ctx))
	}},
	"tern": {"%03d_m.sql", "", func(dsn, dir string) {
		conn := must(pgx.Connect(ctx, dsn))
		defer conn.Close(ctx)
		m := must(tern.NewMigrator(ctx, conn, "public.schema_version"))
		check(m.LoadMigrations(os.DirFS(dir)))
		check(m.Migrate(ctx))
	}},
}

// run applies two migrations, the first of which sets something, and tells where the second one's table is and what was set then.
func run(name, server, set string, atOnce bool) {
	t := tools[name]
	admin := must(pgx.Connect(ctx, server+"/postgres?sslmode=disable"))
	defer admin.Close(ctx)
	must(admin.Exec(ctx, "DROP DATABASE IF EXISTS d"))
	must(admin.Exec(ctx, "CREATE DATABASE d"))
	dsn := server + "/d?sslmode=disable"
	dir := must(os.MkdirTemp("", "migrations"))
	write := func(n int, text string) {
		check(os.WriteFile(filepath.Join(dir, fmt.Sprintf(t.file, n)), []byte(t.head+text), 0o644))
	}
	write(1, "CREATE SCHEMA app;\n"+set+";\nCREATE TABLE first (a int);\n")
	if !atOnce {
		t.apply(dsn, dir)
	}
	write(2, "CREATE TABLE second AS SELECT current_setting('lock_timeout') AS setting;\n")
	t.apply(dsn, dir)
	db := must(pgx.Connect(ctx, dsn))
	defer db.Close(ctx)
	var schema, setting string
	check(db.QueryRow(ctx, "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'second'").Scan(&schema))
	check(db.QueryRow(ctx, "SELECT setting FROM "+schema+".second").Scan(&setting))
	fmt.Printf("%s, %s, at once %v: second table in %s, lock_timeout %s\n", name, set, atOnce, schema, setting)
}

func main() {
	for _, r := range [][2]string{{"golang-migrate", "SET search_path = app"}, {"tern", "SET search_path = app"}, {"golang-migrate", "SET lock_timeout = 1234"}, {"goose", "SET lock_timeout = 1234"}, {"tern", "SET lock_timeout = 1234"}} {
		run(r[0], os.Args[1], r[1], true)
		run(r[0], os.Args[1], r[1], false)
	}
}
EOG
{ go mod tidy && go build -o apply .; } >log 2>&1 || { cat log; exit 2; }

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

export TMPDIR=$work
cat >want <<'OUT'
golang-migrate, SET search_path = app, at once true: second table in app, lock_timeout 0
golang-migrate, SET search_path = app, at once false: second table in public, lock_timeout 0
tern, SET search_path = app, at once true: second table in public, lock_timeout 0
tern, SET search_path = app, at once false: second table in public, lock_timeout 0
golang-migrate, SET lock_timeout = 1234, at once true: second table in public, lock_timeout 1234ms
golang-migrate, SET lock_timeout = 1234, at once false: second table in public, lock_timeout 0
goose, SET lock_timeout = 1234, at once true: second table in public, lock_timeout 1234ms
goose, SET lock_timeout = 1234, at once false: second table in public, lock_timeout 0
tern, SET lock_timeout = 1234, at once true: second table in public, lock_timeout 0
tern, SET lock_timeout = 1234, at once false: second table in public, lock_timeout 0
OUT
./apply "postgres://postgres@127.0.0.1:$PGPORT" >out 2>log || { cat out log; changed "the program fails"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
