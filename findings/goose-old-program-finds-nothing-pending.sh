#!/bin/bash
# A program with goose migrations 1 and 2 finds a database with 1 to 3 in order, and can take nothing back, not even its own.
#
# pressly/goose 3.29.0 (3.30.1 is the same), Provider, on SQLite. After a downgrade the program lacks migration 3. HasPending says false, Up and UpTo succeed
# with nothing done, Status knows 1 and 2 only: nothing is said of the newer database, but for GetVersions, whose first number is larger than its second.
# DownTo(0), DownTo(1) and Down fail with "version not found" before anything is done: so migrations are taken back while the newer program's files are still
# there.
#
# Seen:  HasPending false   Up: done 0, error <nil>   DownTo(0): done 0, error version not found, tables t1 t2 t3   GetVersions 3 2
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
	_, err := of([]int{1, 2, 3}).Up(ctx)
	say("Up of 1 2 3", nil, err)
	p := of([]int{1, 2})
	fmt.Println("HasPending", must(p.HasPending(ctx)), "Status", len(must(p.Status(ctx))))
	current, target, err := p.GetVersions(ctx)
	fmt.Println("GetVersions", current, target, err)
	done, err := p.Up(ctx)
	say("Up", done, err)
	done, err = p.UpTo(ctx, 1)
	say("UpTo(1)", done, err)
	for _, v := range []int64{1, 0} {
		done, err = p.DownTo(ctx, v)
		say(fmt.Sprintf("DownTo(%d)", v), done, err)
	}
	_, err = p.Down(ctx)
	say("Down", nil, err)
	done, err = of([]int{1, 2, 3}).DownTo(ctx, 1)
	say("DownTo(1) with 3", done, err)
}
EOF
cat >want <<'EOF'
Up of 1 2 3: done 0, error <nil>, tables t1 t2 t3
HasPending false Status 2
GetVersions 3 2 <nil>
Up: done 0, error <nil>, tables t1 t2 t3
UpTo(1): done 0, error <nil>, tables t1 t2 t3
DownTo(1): done 0, error version not found, tables t1 t2 t3
DownTo(0): done 0, error version not found, tables t1 t2 t3
Down: done 0, error version not found, tables t1 t2 t3
DownTo(1) with 3: done 2, error <nil>, tables t1
EOF
go build -o migrate . >log 2>&1 || { cat log; exit 2; }
./migrate >out 2>log || { cat out log; changed "the program fails"; }
cat out
diff want out >/dev/null || changed "$(diff want out)"
echo "as described"
