package copyin

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// TestRunTellsTheCause: who ended the copy is in its error: the producer, the caller, or the database.
func TestRunTellsTheCause(t *testing.T) {
	t.Parallel()
	b := testbed.New(t)
	conn, err := pgx.Connect(t.Context(), testbed.Server.As("super", b.Name))
	b.Must(err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	copied := func(ctx context.Context, produce func(context.Context, *Writer) error) (int64, error) {
		tx, err := conn.Begin(ctx)
		b.Must(err)
		defer func() { _ = tx.Rollback(context.Background()) }()
		_, err = tx.Exec(ctx, "CREATE TEMP TABLE numbers (n bigint) ON COMMIT DROP")
		b.Must(err)
		return Run(ctx, tx, "pg_temp.numbers", []string{"n"}, produce)
	}
	rows := func(_ context.Context, w *Writer) error {
		w.Number(1)
		return w.End()
	}
	if n, err := copied(t.Context(), rows); n != 1 || err != nil {
		t.Errorf("a row: %d, %v", n, err)
	}

	own := errors.New("of its own")
	if _, err := copied(t.Context(), func(context.Context, *Writer) error { return own }); !errors.Is(err, own) {
		t.Errorf("a producer that failed: %v", err)
	}

	var said *pgconn.PgError
	_, err = copied(t.Context(), func(ctx context.Context, w *Writer) error {
		for ctx.Err() == nil { // the database looks at rows when it has many
			w.Text([]byte("no number"))
			if err := w.End(); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if !errors.As(err, &said) || said.Code != "22P02" {
		t.Errorf("a value that is no number: %v", err)
	}

	for i := range 200 {
		_ = conn.Close(t.Context()) // the caller's end may have closed it
		conn, err = pgx.Connect(t.Context(), testbed.Server.As("super", b.Name))
		b.Must(err)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := copied(ctx, func(ctx context.Context, w *Writer) error {
			if err := rows(ctx, w); err != nil {
				return err
			}
			cancel()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("ended by the caller, time %d: %v", i, err)
		}
	}
}
