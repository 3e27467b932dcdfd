#!/bin/bash
# goose's DownTo(2) leaves migration 3 applied, and says nothing: when 2 was applied after 3.
#
# pressly/goose 3.29.0 (3.30.1 is the same), Provider, on SQLite. 1 and 3 are applied; 2 comes later, by ApplyVersion (which needs no permission) or by Up with
# WithAllowOutofOrder. DownTo goes through the record from the entry made last, and stops at the first number that is not above the wanted one: that is 2
# itself. Nothing is done, the error is nil, the database's version stays 3. DownTo(1) takes 2 back before 3, the order in which they were not written.
#
# Seen:  DownTo(2): done 0, error <nil>, tables t1 t2 t3   version 3     DownTo(1): done 2, error <nil>, tables t1: 2 first
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v go >/dev/null || { echo "no go here"; exit 2; }
export GOFLAGS=-mod=mod GOWORK=off
printf 'module finding\n\ngo 1.25\n' >go.mod
go get github.com/pressly/goose/v3@v3.29.0 modernc.org/sqlite@v1.60.1 >log 2>&1 || { cat log; exit 2; }
cat >main.go <<'EOF'
package main

import (
	"context"
	"database/sql"
	"fmt"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"
)

var db *sql.DB

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// of is a provider with the migrations: each makes a table of its number, and drops it.
func of(versions []int, o ...goose.ProviderOption) *goose.Provider {
	files := fstest.MapFS{}
	for _, v := range versions {
		files[fmt.Sprintf("%05d_t.sql", v)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE t%d (x int);\n-- +goose Down\nDROP TABLE t%d;\n", v, v)}
	}
	return must(goose.NewProvider(goose.DialectSQLite3, db, files, o...))
}

func say(what string, done []*goose.MigrationResult, err error) {
	var tables string
	if err := db.QueryRow("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE name LIKE 't_' ORDER BY name)").Scan(&tables); err != nil {
		panic(err)
	}
	fmt.Printf("%s: done %d, error %v, tables %s\n", what, len(done), err, tables)
}

func main() {
	ctx := context.Background()
	db = must(sql.Open("sqlite", ":memory:"))
	db.SetMaxOpenConns(1)
	_, err := of([]int{1, 3}).Up(ctx)
	say("Up of 1 3", nil, err)
	p := of([]int{1, 2, 3})
	done, err := p.Up(ctx)
	say("Up of 1 2 3", done, err)
	_, err = p.ApplyVersion(ctx, 2, true)
	say("ApplyVersion(2)", nil, err)
	done, err = p.DownTo(ctx, 2)
	say("DownTo(2)", done, err)
	fmt.Println("version", must(p.GetDBVersion(ctx)))
	_, err = p.ApplyVersion(ctx, 2, false)
	say("ApplyVersion(2) down", nil, err)
	p = of([]int{1, 2, 3}, goose.WithAllowOutofOrder(true))
	done, err = p.Up(ctx)
	say("Up, out of order", done, err)
	done, err = p.DownTo(ctx, 2)
	say("DownTo(2)", done, err)
	done, err = p.DownTo(ctx, 1)
	say("DownTo(1)", done, err)
	fmt.Println("first", done[0].Source.Version)
}
EOF
cat >want <<'EOF'
Up of 1 3: done 0, error <nil>, tables t1 t3
Up of 1 2 3: done 0, error detected 1 missing (out-of-order) migration lower than database version (3): version 2, tables t1 t3
ApplyVersion(2): done 0, error <nil>, tables t1 t2 t3
DownTo(2): done 0, error <nil>, tables t1 t2 t3
version 3
ApplyVersion(2) down: done 0, error <nil>, tables t1 t3
Up, out of order: done 1, error <nil>, tables t1 t2 t3
DownTo(2): done 0, error <nil>, tables t1 t2 t3
DownTo(1): done 2, error <nil>, tables t1
first 2
EOF
go build -o migrate . >log 2>&1 || { cat log; exit 2; }
./migrate >out 2>log || { cat out log; changed "the program fails"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
