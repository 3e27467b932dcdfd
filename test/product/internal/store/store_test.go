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
	server, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
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
	if _, err := conn.Exec(t.Context(), "ALTER ROLE super SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), server.DSN(name), release, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var got string
	if err := db.pool.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got); err != nil || got != "on" {
		t.Errorf("synchronous_commit is %q, %v; want on", got, err)
	}
}
