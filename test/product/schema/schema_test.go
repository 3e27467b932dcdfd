package schema_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
)

var postgres *pgserver.Server

func TestMain(m *testing.M) {
	var err error
	code := 1
	if postgres, err = pgserver.Start(context.Background()); err == nil {
		code = m.Run()
		err = postgres.Stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// The figures are the real product's; fresh hosts have every index but two of 4.1.1 twice.
func TestCreate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		release                         string
		upgraded                        bool
		tables, indexes, unique, shared int
	}{
		{"4.0.1", true, 23, 2, 0, 0},
		{"4.0.1", false, 23, 2, 0, 0},
		{"4.1.1", true, 23, 32, 5, 0},
		{"4.1.1", false, 23, 62, 10, 0},
		{"4.2.0", true, 23, 32, 5, 13},
		{"4.2.0", false, 23, 62, 10, 13},
	} {
		t.Run(fmt.Sprintf("%s upgraded %v", c.release, c.upgraded), func(t *testing.T) {
			t.Parallel()
			conn := create(t, c.release, c.upgraded)
			release, _ := product.Find(c.release)
			for sql, want := range map[string]any{
				"SELECT version_num FROM alembic_version":                    release.Head,
				"SELECT count(*) FROM pg_tables WHERE schemaname = 'public'": int64(c.tables),
				indexes + " AND NOT indisprimary":                            int64(c.indexes),
				indexes + " AND NOT indisprimary AND indisunique":            int64(c.unique),
				"SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relkind = 'r' AND attname = 'resource_availability'": int64(c.shared),
				"SELECT r.name FROM users_roles JOIN roles r ON r.id = role_id WHERE user_id = 0":                                                   map[bool]string{true: "sys_admin", false: "admin"}[release.Availability],
				"SELECT id FROM tenants WHERE name = 'default_tenant'":                                                                              int32(0),
				"SELECT count(*) FROM roles WHERE name IN ('sys_admin', 'manager', 'operations', 'viewer', 'default')":                              map[bool]int64{true: 5}[release.Availability],
			} {
				var got any
				if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
					t.Errorf("%s: %v (%v), want %v", sql, got, err, want)
				}
			}
		})
	}
}

const indexes = `SELECT count(*) FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace`

func create(t *testing.T, release string, upgraded bool) *pgx.Conn {
	t.Helper()
	name, err := postgres.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), postgres.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	o := schema.Options{Release: release, Upgraded: upgraded, Password: "x", Security: security}
	if err := schema.Create(t.Context(), conn, o); err != nil {
		t.Fatal(err)
	}
	return conn
}

var security = settings.Security{HashSalt: "salt", EncodingAlphabet: "0123456789"}

// The sample has every kind of sharing in every kind of resource that a host has many of, no
// row that a migration would stumble over, and the same rows whenever it is made.
func TestSample(t *testing.T) {
	t.Parallel()
	for _, release := range product.OnPostgreSQL() {
		t.Run(release.Version, func(t *testing.T) {
			t.Parallel()
			var digests [2]string
			for i := range digests {
				conn := create(t, release.Version, true)
				o := sample.Options{Release: release, Security: security, FileRoot: t.TempDir(), Bulk: 1000, Deployments: 12, Agents: "127.0.0.1:1"}
				if err := sample.Fill(t.Context(), conn, o); err != nil {
					t.Fatal(err)
				}
				for _, table := range sample.Resources {
					var kinds int
					var part string
					sql := "SELECT count(DISTINCT coalesce(private_resource::text, 'none')), md5(string_agg(x::text, ' ' ORDER BY _storage_id)) FROM " + table + " x"
					if err := conn.QueryRow(t.Context(), sql).Scan(&kinds, &part); err != nil {
						t.Fatal(err)
					}
					digests[i] += part
					if kinds < 2 {
						t.Errorf("%s: %d kinds of sharing", table, kinds)
					}
				}
				var bad int
				if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM node_instances WHERE version IS NULL").Scan(&bad); err != nil || bad != 0 {
					t.Errorf("%d node instances without a version (%v)", bad, err)
				}
			}
			if digests[0] != digests[1] {
				t.Error("two samples differ")
			}
		})
	}
}
