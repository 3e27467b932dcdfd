package ledger

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// connect opens a session of the product's user.
func connect(t *testing.T) (*testbed.Bed, *pgx.Conn) {
	t.Helper()
	b := testbed.New(t)
	conn, err := pgx.Connect(context.Background(), testbed.Server.As("super", b.Name))
	b.Must(err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return b, conn
}

func tables() []manifest.StoreTable {
	return []manifest.StoreTable{
		{Table: "plans", Number: "_n", Marks: map[string]map[string]manifest.StoreCondition{"big": nil, "old": nil}},
		{Table: "events", Number: "_n", Read: manifest.StoreRead{Grows: "at"}}, {Table: "settings"},
	}
}

// TestRecord: what a transaction did not commit is not said, and what is forgotten leaves nothing of its
// own and all of another store's.
func TestRecord(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b, conn := connect(t)
	one, other := Ledger{Schema: "own", Store: "one"}, Ledger{Schema: "own", Store: "other"}
	if r, err := one.Read(ctx, conn); r != nil || err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, l := range []Ledger{one, other} {
		b.Must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			return errors.Join(l.Ensure(ctx, tx), l.Ensure(ctx, tx), l.Save(ctx, tx, &Record{State: Copying, Tables: map[string]*Table{"plans": {Tally: NewTally()}}}))
		}))
	}
	r, err := one.Read(ctx, conn)
	b.Must(err)
	next, err := one.InTx(ctx, conn, r, func(tx pgx.Tx, r *Record) error {
		r.State = Copied
		r.Tables["plans"].Rows = 7
		numbers := NewRows(tables()[0])
		numbers.Assign(&mapping.Row{Key: []byte("a"), Marks: 2})
		return errors.Join(one.Keep(ctx, tx, "plans", []string{"a"}, numbers), one.KeepUnknown(ctx, tx, "events", "day", map[Named]bool{{"plans", "b"}: true}))
	})
	if err != nil || next.State != Copied || r.State != Copying || r.Tables["plans"].Rows != 0 {
		t.Fatalf("%+v from %+v, %v", next, r, err)
	}
	no := errors.New("no")
	if _, err := one.InTx(ctx, conn, next, func(_ pgx.Tx, r *Record) error { r.State = Proved; return no }); !errors.Is(err, no) || next.State != Copied {
		t.Errorf("%v, %s", err, next.State)
	}
	if r, err = one.Read(ctx, conn); err != nil || r.State != Copied || r.Tables["plans"].Rows != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	b.Must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		n, err := one.Numbers(ctx, tx, tables(), true)
		if err != nil {
			return err
		}
		if number, is := n.Lookup("plans", []byte("a")); number != 1 || !is || n["plans"].Last() != 1 || !n.marked("plans", []byte("a"), "old") || n.marked("plans", []byte("a"), "big") || n["events"] != nil {
			t.Errorf("numbers %+v", n["plans"])
		}
		if known, err := one.NowKnown(ctx, tx, n); err != nil || len(known) != 0 {
			t.Errorf("known %v, %v", known, err)
		}
		n["plans"].Assign(&mapping.Row{Key: []byte("b")})
		if known, err := one.NowKnown(ctx, tx, n); err != nil || !known[PartOf{"events", "day"}] {
			t.Errorf("known %v, %v", known, err)
		}
		if theirs, err := other.Numbers(ctx, tx, tables(), true); err != nil || theirs["plans"].Last() != 0 {
			t.Errorf("the other store's numbers %+v, %v", theirs["plans"], err)
		}
		return one.Forget(ctx, tx)
	}))
	b.Want("SELECT string_agg(name, ' ') FROM own.store", "other")
	b.Want("SELECT (SELECT count(*) FROM own.store_ids) + (SELECT count(*) FROM own.store_unknown)", "0")
	b.Must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return other.Forget(ctx, tx) }))
	b.Want("SELECT count(*) FROM pg_class WHERE relname LIKE 'store%'", "0")
}

// TestRows: a key keeps its number; what a reading did not see is reported once.
func TestRows(t *testing.T) {
	t.Parallel()
	n := Numbers{"plans": NewRows(tables()[0])}
	n["plans"].rows["old"], n["plans"].next = entry{number: 4}, 5
	if _, is := n.Lookup("plans", []byte("old")); is {
		t.Error("a row that was not seen can be referred to")
	}
	for _, c := range []struct {
		key          string
		number       int64
		fresh, again bool
	}{{"a", 5, true, false}, {"b", 6, true, false}, {"a", 5, false, true}} {
		if number, fresh, twice := n["plans"].Assign(&mapping.Row{Key: []byte(c.key)}); number != c.number || fresh != c.fresh || twice != c.again {
			t.Errorf("%s: %d, fresh %t, twice %t", c.key, number, fresh, twice)
		}
	}
	var gone []int64
	unseen := func() error {
		return n.DropUnseen(func(_ string, number int64) error { gone = append(gone, number); return nil })
	}
	if err := errors.Join(unseen(), unseen()); err != nil || !slices.Equal(gone, []int64{4}) {
		t.Errorf("gone %v, %v", gone, err)
	}
	if _, is := n.Lookup("nowhere", nil); is || n.marked("nowhere", nil, "big") {
		t.Error("a table that is not there has rows")
	}
}

// TestReasons tells all that a copy left out, and nothing twice.
func TestReasons(t *testing.T) {
	t.Parallel()
	r := Record{Ignored: map[string]int64{"history": 3}, Tables: map[string]*Table{
		"plans":  {Tally: Tally{Documents: 5, Rows: 4, Skipped: Skipped{"site": {"no such row": 1}}, Replaced: map[string]int64{"name": 2}}, Rows: 4},
		"events": {Parts: map[string]*Part{"a": {Old: Tally{Documents: 4, Rows: 4}, Young: Tally{Documents: 3, Rows: 2, Skipped: Skipped{"job": {"no value": 1}}}}}, Rows: 3, Removed: 1}}}
	want := []string{"events: 1 without a place (job: no value)", "events: 2 whose id another document has", "events: 1 whose place was deleted meanwhile",
		"plans: 1 without a place (site: no such row)", "plans: 2 characters of name that PostgreSQL cannot hold, each written as U+FFFD", "3 without a place: history"}
	if got := r.Reasons(); !slices.Equal(got, want) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}
