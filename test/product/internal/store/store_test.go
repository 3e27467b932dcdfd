package store

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
)

// What a session commits is on disk when it is acknowledged, whatever the role asks for.
func TestCommitsAreDurable(t *testing.T) {
	t.Parallel()
	db := open(t, "ALTER ROLE super SET synchronous_commit = off")
	var got string
	if err := db.pool.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got); err != nil || got != "on" {
		t.Errorf("synchronous_commit is %q, %v; want on", got, err)
	}
}

// What the worker runs is not taken from it.
func TestRequeue(t *testing.T) {
	t.Parallel()
	db := open(t, `INSERT INTO executions (id, created_at, is_system_workflow, status, workflow_id, _tenant_id, _creator_id)
		SELECT s || 1, now(), false, s::execution_status, 'w', 0, 0 FROM unnest('{started,terminated,pending}'::text[]) AS s
		UNION ALL SELECT 'running', now(), false, 'started', 'w', 0, 0`)
	if n, err := db.Requeue(t.Context(), []string{"running"}); err != nil || n != 1 {
		t.Fatalf("%d, %v; want 1", n, err)
	}
	var got string
	if err := db.pool.QueryRow(t.Context(), "SELECT string_agg(id || ' ' || status, ', ' ORDER BY id) FROM executions").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if want := "pending1 pending, running started, started1 pending, terminated1 terminated"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// open makes a server of its own with a database of the first release, in which sql is executed, and opens it.
func open(t *testing.T, sql string) *DB {
	t.Helper()
	server, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	name, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	release, _ := product.Find("4.0.1")
	security := settings.Security{HashSalt: "salt", SecretKey: "secret", EncodingAlphabet: "0123456789abcdef"}
	if err := schema.Create(t.Context(), conn, schema.Options{Release: release.Version, Security: security, Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), server.DSN(name), release, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
