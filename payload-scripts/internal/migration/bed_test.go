package migration

import (
	"context"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) {
	usualPatience = database.Patience{Tries: 6, First: 50 * time.Millisecond, Most: 400 * time.Millisecond}
	windowPatience, returnPatience = usualPatience, usualPatience
	testbed.Main(m, "fsync=on") // as there is a finding about it
}

// bed is a database of one test.
type bed struct{ *testbed.Bed }

func newBed(t *testing.T) *bed { t.Helper(); return &bed{testbed.New(t)} }

// newSmall has a table t with a column b and a row.
func newSmall(t *testing.T) *bed { t.Helper(); return &bed{testbed.Small(t)} }

// attempt opens the database as the engine does.
func (tb *bed) attempt(dir string) *Runner {
	tb.Helper()
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{LockTimeout: manifest.Duration(300 * time.Millisecond)})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return &Runner{DB: db, Dir: dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
