package database

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/test/product/testbed"
)

// hurtful are settings of a role, a database or a server with which migrations fail,
// hang, or are forgotten; and what a session of the engine has instead.
var hurtful = []struct{ name, role, want string }{
	{"synchronous_commit", "off", "local"},
	{"statement_timeout", "100", "1min"},
	{"lock_timeout", "50", "300ms"},
	{"idle_in_transaction_session_timeout", "300", "0"},
	{"idle_session_timeout", "300", "0"},
	{"transaction_timeout", "100", "0"},
	{"default_transaction_isolation", "serializable", "read committed"},
	{"default_transaction_read_only", "on", "off"},
	{"default_transaction_deferrable", "on", "off"},
	{"standard_conforming_strings", "off", "on"},
	{"datestyle", "'German, DMY'", "ISO, MDY"},
	{"intervalstyle", "sql_standard", "postgres"},
	{"bytea_output", "escape", "hex"},
}

// role makes a role that owns the bed's database, and leads the configuration to it.
func role(tb *testbed.Bed, name string) {
	tb.Helper()
	quoted := pgx.Identifier{name}.Sanitize()
	tb.AsSuper("CREATE ROLE " + quoted + " LOGIN PASSWORD '" + strings.ReplaceAll(testbed.Password, "'", "''") + "'")
	tb.AsSuper("ALTER DATABASE " + tb.Name + " OWNER TO " + quoted)
	tb.Cleanup(func() {
		_, _ = tb.Super.Exec("REASSIGN OWNED BY " + quoted + " TO super")
		_, _ = tb.Super.Exec("DROP OWNED BY " + quoted)
		_, _ = tb.Super.Exec("DROP ROLE " + quoted)
	})
}

func openAs(tb *testbed.Bed, user string) *DB {
	tb.Helper()
	to, err := ReadAddress(tb.Spec.Connection)
	tb.Must(err)
	to.User = user
	db, err := OpenAt(context.Background(), tb.Spec, to, testbed.Prefix, "a1", manifest.Limits{LockTimeout: manifest.Duration(300 * time.Millisecond)})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return db
}

func TestSessionsHaveSettingsOfTheirOwn(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	role(tb, "hurtful app")
	known := 0
	for _, s := range hurtful {
		if tb.Value("SELECT count(*) FROM pg_settings WHERE lower(name) = '"+s.name+"'") == "1" {
			tb.AsSuper(`ALTER ROLE "hurtful app" SET ` + s.name + " = " + s.role)
			known++
		}
	}
	if known < 10 {
		t.Fatalf("the server knows %d of the settings", known)
	}
	db := openAs(tb, "hurtful app")
	for range 3 { // the same session again, or another one
		for _, s := range hurtful {
			var got sql.NullString
			must(t, db.Pool.QueryRow("SELECT max(current_setting(name)) FROM pg_settings WHERE lower(name) = $1", s.name).Scan(&got))
			if got.Valid && got.String != s.want {
				t.Errorf("%s is %q, not %q", s.name, got.String, s.want)
			}
		}
	}
	// The role's own are still to be seen, for the checks.
	var was string
	must(t, db.Pool.QueryRow("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'").Scan(&was))
	if was != "off" {
		t.Errorf("the role's own synchronous_commit is told as %q", was)
	}
}

// TestLimitHoldsInEverySession: a statement is ended by the limit that holds when it
// begins, in whichever session it runs.
func TestLimitHoldsInEverySession(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := attempt(testbed.New(t))
	if before := db.Limit(30 * time.Millisecond); before != questionLimit {
		t.Errorf("the limit was %s", before)
	}
	one, err := db.Pool.Conn(ctx)
	must(t, err)
	for what, exec := range map[string]func(context.Context, string, ...any) (sql.Result, error){"a first session": one.ExecContext, "a second one": db.Pool.ExecContext} {
		if _, err := exec(ctx, "SELECT pg_sleep(60)"); Code(err) != "57014" {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, one.Close())
	if before := db.Limit(time.Minute); before != 30*time.Millisecond {
		t.Errorf("the limit was %s", before)
	}
	for range 3 {
		if _, err := db.Pool.ExecContext(ctx, "SELECT pg_sleep(0.1)"); err != nil {
			t.Errorf("the limit before holds on: %v", err)
		}
	}
}

// TestQuestionsHaveALimit: what the spec asks is ended, not waited for.
func TestQuestionsHaveALimit(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	db.Limit(30 * time.Millisecond)
	_, err := db.Count(context.Background(), "SELECT 1 FROM pg_sleep(60)")
	if Code(err) != "57014" || !strings.Contains(err.Error(), "pg_sleep") {
		t.Errorf("error %v", err)
	}
}

// TestACancelledQuestionEndsOnTheServer: who waits for a session's end does not wait for long.
func TestACancelledQuestionEndsOnTheServer(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	db := attempt(tb)
	ctx, cancel := context.WithCancel(context.Background())
	asleep := "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(61)%' AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()"
	go func() {
		_, _ = tb.WaitFor(asleep)
		cancel()
	}()
	if _, err := db.Count(ctx, "SELECT 1 FROM pg_sleep(61)"); ctx.Err() == nil || err == nil {
		t.Fatalf("error %v", err)
	}
	if _, err := tb.WaitFor("SELECT 1 WHERE NOT EXISTS (" + asleep + ")"); err != nil {
		t.Error(err)
	}
}

func TestAnswersThatAreNoNumber(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	for query, want := range map[string]string{
		"SELECT 'many'":               "does not answer with a number",
		"SELECT 1, 2":                 "1 rows of 2 columns instead of one value",
		"SELECT generate_series(1,2)": "2 rows of 1 columns instead of one value",
		"SELECT 1 WHERE false":        "0 rows of 1 columns instead of one value",
		"SELECT nosuch":               "SQLSTATE 42703",
		"CREATE TABLE x (y int)":      "SQLSTATE 25006",
		"SELECT NULL":                 "does not answer with a number",
	} {
		if _, err := db.Count(context.Background(), query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", query, err)
		}
	}
	if n, err := db.Count(context.Background(), "SELECT -3::smallint"); n != -3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestProves(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	must(t, db.Proves(context.Background(), nil))
	must(t, db.Proves(context.Background(), &manifest.Expects{Query: "SELECT 1", Value: "1"}))
	err := db.Proves(context.Background(), &manifest.Expects{Query: "SELECT\n  1", Value: "2"})
	if err == nil || err.Error() != `"SELECT 1" answers "1", not "2"` {
		t.Errorf("error %v", err)
	}
}

func TestNameThatIsTooLong(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	_, err := Open(context.Background(), tb.Spec, strings.Repeat("p", 60), "a1", manifest.Limits{})
	if err == nil || !strings.Contains(err.Error(), "longer than PostgreSQL keeps (63)") {
		t.Errorf("error %v", err)
	}
}
