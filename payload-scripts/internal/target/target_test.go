package target

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func store() manifest.Store {
	return manifest.Store{Name: "storage", Tables: []manifest.StoreTable{
		{Table: "plans", Number: "_n", Columns: map[string]manifest.StoreColumn{"id": {From: "id"}}},
		{Table: "other.events", Read: manifest.StoreRead{Grows: "at"}, Columns: map[string]manifest.StoreColumn{"id": {Meta: "_id"}, "plan": {Row: "plans", By: []string{"p"}}}},
	}}
}

// bed is a database with the store's tables and one that refers to them.
func bed(t *testing.T, more string) (*testbed.Bed, *pgx.Conn) {
	t.Helper()
	b := testbed.New(t)
	b.Exec("CREATE SCHEMA other; CREATE TABLE plans (_n serial PRIMARY KEY, id text); CREATE TABLE other.events (id text, plan int REFERENCES plans);" + more)
	b.Exec("INSERT INTO plans (id) VALUES ('a'), ('b'); INSERT INTO other.events VALUES ('x', 1), ('x', 2), ('x', 2), ('y', 2)")
	conn, err := pgx.Connect(context.Background(), testbed.Server.As("super", b.Name))
	b.Must(err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return b, conn
}

func tx(b *testbed.Bed, conn *pgx.Conn, work func(pgx.Tx) error) error {
	b.Helper()
	return pgx.BeginFunc(context.Background(), conn, work)
}

// TestEmpty leaves nothing, whoever else refers to the tables.
func TestEmpty(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for what, more := range map[string]string{"alone": "", "with a table of others": "CREATE TABLE notes (plan int REFERENCES plans ON DELETE CASCADE); "} {
		b, conn := bed(t, more)
		if err := tx(b, conn, func(tx pgx.Tx) error { return Unused(ctx, tx, store().Tables) }); err == nil || !strings.Contains(err.Error(), "table plans has rows already") {
			t.Errorf("%s: %v", what, err)
		}
		b.Must(tx(b, conn, func(tx pgx.Tx) error { return Empty(ctx, tx, store().Tables) }))
		b.Must(tx(b, conn, func(tx pgx.Tx) error { return Unused(ctx, tx, store().Tables) }))
		b.Want("SELECT (SELECT count(*) FROM plans) + (SELECT count(*) FROM other.events)", "0")
		b.Want("SELECT nextval('plans__n_seq')", "1")
	}
}

// TestOnce leaves the first row of each id.
func TestOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, conn := bed(t, "")
	b.Must(tx(b, conn, func(tx pgx.Tx) error {
		n, err := Once(ctx, tx, store().Tables[1])
		if n != 2 {
			t.Errorf("%d rows were deleted", n)
		}
		return err
	}))
	b.Want("SELECT string_agg(id || plan, ' ' ORDER BY id) FROM other.events", "x1 y2")
}

// TestCounted tells a table that has other rows than were made.
func TestCounted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, conn := bed(t, "")
	r := &ledger.Record{Tables: map[string]*ledger.Table{"plans": {Rows: 2}, "other.events": {Rows: 4}}}
	b.Must(Counted(ctx, conn, store().Tables, r))
	r.Tables["other.events"].Rows = 5
	if err := Counted(ctx, conn, store().Tables, r); err == nil || err.Error() != "table other.events has 4 rows instead of 5" {
		t.Errorf("%v", err)
	}
}

// TestHelpers: made twice and dropped twice; those of two stores are not the same.
func TestHelpers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, conn := bed(t, "")
	one, two := Helpers{"own", store()}, Helpers{"own", store()}
	two.Store.Name = "another"
	indexes := "SELECT count(*) FROM pg_indexes WHERE schemaname = 'other' AND tablename = 'events'"
	b.Must(tx(b, conn, func(tx pgx.Tx) error {
		return errors.Join(one.Make(ctx, tx, 0), one.Make(ctx, tx, 1), one.Make(ctx, tx, 1), two.Make(ctx, tx, 1))
	}))
	b.Want(indexes, "4")
	b.Must(tx(b, conn, func(tx pgx.Tx) error { return errors.Join(one.Drop(ctx, tx), one.Drop(ctx, tx)) }))
	b.Want(indexes, "2")
	b.Must(tx(b, conn, func(tx pgx.Tx) error { return two.Drop(ctx, tx) }))
	b.Want(indexes, "0")
}

// TestMoveSequence: the product's own rows come after the copied ones, and first where there are none.
func TestMoveSequence(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, conn := bed(t, "")
	for last, next := range map[int64]string{0: "1", 1: "2", 41: "42"} {
		b.Must(tx(b, conn, func(tx pgx.Tx) error { return MoveSequence(ctx, tx, store().Tables[0], last) }))
		b.Want("SELECT nextval('plans__n_seq')", next)
	}
}

// TestFit tells all that a mapping and the tables differ in.
func TestFit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, conn := bed(t, "")
	var list []*mapping.Table
	for _, spec := range store().Tables {
		table, err := mapping.New(spec, mapping.Options{})
		b.Must(err)
		list = append(list, table)
	}
	b.Must(tx(b, conn, func(tx pgx.Tx) error { return Fit(ctx, tx, list) }))
	b.Exec("ALTER TABLE plans ALTER id TYPE int USING 1; ALTER TABLE other.events DROP plan, ADD more text; UPDATE other.events SET more = ''; ALTER TABLE other.events ALTER more SET NOT NULL")
	err := tx(b, conn, func(tx pgx.Tx) error { return Fit(ctx, tx, list) })
	for _, want := range []string{
		"table plans, column id: it is int4, which takes no value of kind text", "table other.events, column plan: the database has no such column",
		"table other.events, column more: it is NOT NULL and has no value",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	b.Exec("DROP TABLE other.events")
	if err := tx(b, conn, func(tx pgx.Tx) error { return Fit(ctx, tx, list) }); err == nil || !strings.Contains(err.Error(), "the database has no table other.events") {
		t.Errorf("%v", err)
	}
}
