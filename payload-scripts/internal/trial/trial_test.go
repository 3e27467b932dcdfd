package trial

import (
	"context"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/migration"
	"onerpm/payload-scripts/internal/scratch"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// good is a jump with nothing wrong.
var good = map[string]string{
	"1_expand_a.sql": "-- +goose Up\nALTER TABLE t ADD a int;\n-- +goose Down\nALTER TABLE t DROP a;\n",
	"9_switch_b.sql": "-- +goose Up\nUPDATE t SET a = 1;\n-- +goose Down\nUPDATE t SET a = NULL;\n",
}

// run tries good and one more file.
func run(t *testing.T, o Options, name, text string) (*Result, []Stage) {
	t.Helper()
	tb := testbed.Small(t)
	files := map[string]string{}
	for k, v := range good {
		files[k] = v
	}
	if name != "" {
		files[name] = text
	}
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{})
	tb.Must(err)
	tb.Cleanup(db.Close)
	var stages []Stage
	o.Begin = func(s Stage) { stages = append(stages, s) }
	r, err := Run(context.Background(), &migration.Runner{DB: db, Dir: tb.Folder(files)}, o)
	tb.Must(err)
	return r, stages
}

func TestNothingWrong(t *testing.T) {
	t.Parallel()
	r, stages := run(t, Options{Count: true}, "", "")
	if r.Failed != nil || r.Rows != 1 || len(r.Back)+len(r.Again)+len(r.Lost) > 0 || len(stages) != 3 || r.Took[Back] <= 0 || r.Took[Again] != 0 {
		t.Errorf("%+v in stages %v", r, stages)
	}
	r, stages = run(t, Options{Again: true}, "", "")
	if r.Failed != nil || r.Rows != 0 || len(r.Back)+len(r.Again)+len(r.Lost) > 0 || len(stages) != 4 || r.Took[Again] <= 0 {
		t.Errorf("%+v in stages %v", r, stages)
	}
}

// TestRowsAreCountedInTheirOwnTime: neither the limit of a question nor a migration's is for that.
func TestRowsAreCountedInTheirOwnTime(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.Exec("CREATE POLICY slow ON t USING (pg_sleep(0.2) IS NOT NULL)")
	tb.Exec("ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{})
	tb.Must(err)
	tb.Cleanup(db.Close)
	db.Limit(50 * time.Millisecond)
	s, err := readState(context.Background(), &migration.Runner{DB: db}, Options{Count: true})
	if err != nil || len(s.rows) != 1 || s.rows[0].Rows != 1 {
		t.Errorf("%+v, %v", s.rows, err)
	}
	if before := db.Limit(time.Minute); before != 50*time.Millisecond {
		t.Errorf("the limit is %s then", before)
	}
}

func TestWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, up, down string
		want           func(*Result) bool
	}{
		"a statement of expand":       {"2_expand_x.sql", "SELECT nosuch", "SELECT 1", func(r *Result) bool { return r.Failed != nil && r.Failed.Stage == Expand }},
		"a statement of the switch":   {"10_switch_x.sql", "SELECT nosuch", "SELECT 1", func(r *Result) bool { return r.Failed != nil && r.Failed.Stage == Switch }},
		"a statement of the way back": {"10_switch_x.sql", "SELECT 1", "SELECT nosuch", func(r *Result) bool { return r.Failed != nil && r.Failed.Stage == Back }},
		"what is not taken back": {"10_switch_x.sql", "CREATE TABLE IF NOT EXISTS u (c int)", "SELECT 1", func(r *Result) bool {
			return strings.Contains(strings.Join(r.Back, "|"), "CREATE TABLE public.u") && len(r.Again) == 0
		}},
		"another way the second time": {"10_switch_x.sql", "CREATE TABLE IF NOT EXISTS u (c int)", "ALTER TABLE u ADD d int", func(r *Result) bool { return strings.Contains(strings.Join(r.Again, "|"), "+ d integer") }},
		"rows on the way there":       {"10_switch_x.sql", "DELETE FROM t", "INSERT INTO t (b) VALUES ('x')", func(r *Result) bool { return len(r.Lost) == 1 && strings.Contains(r.Lost[0], "to the new release") }},
		"rows on the way back":        {"10_switch_x.sql", "SELECT 1", "DELETE FROM t", func(r *Result) bool { return len(r.Lost) == 1 && strings.Contains(r.Lost[0], "there and back") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := run(t, Options{Count: true, Again: true}, c.file, "-- +goose Up\n"+c.up+";\n-- +goose Down\n"+c.down+";\n")
			if !c.want(r) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ want, got, differ string }{
		{"", "", ""},
		{"a int,|b int", "b int,|a int", ""},
		{"a|a", "a", "- a"},
		{"a", "a|a|b", "+ a|+ b"},
		{"1|2|3|4|5|6|7|8|9|10|11|12|13", "", "+ |- 1|- 2|- 3|- 4|- 5|- 6|- 7|- 8|- 9|- 10|- 11|and 2 more"},
	} {
		if got := strings.Join(differences(strings.Split(c.want, "|"), strings.Split(c.got, "|")), "|"); got != c.differ {
			t.Errorf("%q and %q: %q", c.want, c.got, got)
		}
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	before := []scratch.Table{{Name: "a", Rows: 2}, {Name: "b", Rows: 1}, {Name: "empty", Rows: 0}}
	for want, after := range map[string][]scratch.Table{
		"":                             {{Name: "a", Rows: 3}, {Name: "b", Rows: 1}, {Name: "new", Rows: 0}},
		"x: b with its 1 rows is gone": {{Name: "a", Rows: 2}},
		"x: a has 1 rows instead of 2": {{Name: "a", Rows: 1}, {Name: "b", Rows: 9}},
	} {
		if got := strings.Join(lost("x", before, after), "; "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
