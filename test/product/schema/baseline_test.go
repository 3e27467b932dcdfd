package schema_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// state is what a database has, for comparison: its schema, and the rows that a bootstrap makes, but for secrets and times.
const state = `SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT format('column %s.%s %s %s %s', table_name, column_name, CASE data_type WHEN 'USER-DEFINED' THEN udt_name ELSE data_type || COALESCE(character_maximum_length::text, '') END, is_nullable, column_default) AS line
		FROM information_schema.columns WHERE table_schema = 'public'
	UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
	UNION ALL SELECT format('enum %s %s %s', enumtypid::regtype, enumsortorder, enumlabel) FROM pg_enum
	UNION ALL SELECT format('sequence %s %s', sequencename, last_value) FROM pg_sequences WHERE schemaname = 'public'%s) AS lines`

const rows = `
	UNION ALL SELECT format('tenant %s %s', id, name) FROM tenants
	UNION ALL SELECT format('role %s %s %s', id, name, description) FROM roles
	UNION ALL SELECT format('user %s %s %s %s', id, username, active, created_at IS NOT NULL) FROM users
	UNION ALL SELECT format('may %s %s', user_id, role_id) FROM users_roles
	UNION ALL SELECT format('in %s %s', user_id, tenant_id) FROM users_tenants
	UNION ALL SELECT 'version ' || version_num FROM alembic_version`

// firstMigrations are the migrations of the first jump, up and down.
func firstMigrations(t *testing.T) (list [][2]string) {
	t.Helper()
	files, err := filepath.Glob("../../../specs/3.4.2-4.0.1/migrations/*.sql")
	if err != nil || len(files) != 2 {
		t.Fatalf("the migrations are %q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		up, down, _ := strings.Cut(string(text), "-- +goose Down\n")
		list = append(list, [2]string{up, down})
	}
	return list
}

// The first jump makes the database that 4.0.1's own installer makes, and its way back leaves nothing of it.
func TestFirstJumpsDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	name, err := postgres.NewDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, postgres.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	read := func(c *pgx.Conn, more string) string {
		var text *string
		if err := c.QueryRow(ctx, strings.Replace(state, "%s) AS lines", more+") AS lines", 1)).Scan(&text); err != nil {
			t.Fatal(err)
		}
		if text == nil {
			return ""
		}
		return *text
	}
	var downs []string
	for _, m := range firstMigrations(t) {
		if _, err := conn.Exec(ctx, m[0]); err != nil {
			t.Fatal(err)
		}
		downs = append([]string{m[1]}, downs...)
	}
	installed := create(t, "4.0.1", false)
	got, want := read(conn, rows), read(installed, rows)
	if got != want {
		for _, side := range [][2]string{{got, want}, {want, got}} {
			for line := range strings.Lines(side[0]) {
				if !strings.Contains(side[1]+"\n", strings.TrimSuffix(line, "\n")+"\n") {
					t.Errorf("jump and installer differ: %s", line)
				}
			}
		}
	}
	if n := strings.Count(got, "\n"); n < 250 {
		t.Errorf("only %d lines are compared", n)
	}
	for _, down := range downs {
		if _, err := conn.Exec(ctx, down); err != nil {
			t.Fatal(err)
		}
	}
	if left := read(conn, ""); left != "" {
		t.Errorf("the way back leaves %s", left)
	}
}
