package database

import (
	"context"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// attempt opens the database as the engine does.
func attempt(tb *testbed.Bed) *DB {
	tb.Helper()
	db, err := Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{LockTimeout: manifest.Duration(300 * time.Millisecond)})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
