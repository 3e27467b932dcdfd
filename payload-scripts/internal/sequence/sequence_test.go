package sequence

import (
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// schema has sequences of every kind that a column can get its numbers from.
const schema = `
	CREATE TABLE serial (id serial PRIMARY KEY, b text);
	CREATE TABLE "By ""Default" (id bigint PRIMARY KEY);
	CREATE SEQUENCE "Shared Seq";
	ALTER TABLE "By ""Default" ALTER id SET DEFAULT nextval('"Shared Seq"');
	CREATE TABLE shares (n smallint UNIQUE DEFAULT nextval('"Shared Seq"'));
	CREATE TABLE bare (id serial);
	CREATE TABLE texts (id text PRIMARY KEY);
	CREATE SEQUENCE free;
	CREATE SEQUENCE down INCREMENT -1 MINVALUE -1000 MAXVALUE 1000 START 5;
	CREATE SEQUENCE not_ours;
	CREATE TEMPORARY SEQUENCE gone;
	CREATE SCHEMA cloudify_upgrade CREATE TABLE migrations (id serial PRIMARY KEY)`

func open(t *testing.T) (*testbed.Bed, *database.DB) {
	t.Helper()
	b := testbed.New(t)
	b.Exec(schema)
	b.AsSuper("ALTER SEQUENCE not_ours OWNER TO super")
	db, err := database.Open(t.Context(), b.Spec, testbed.Prefix, "a1", manifest.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return b, db
}

func TestRestore(t *testing.T) {
	t.Parallel()
	// at is where a sequence stands, in the table of values that a case names.
	const at = `SELECT format('%s %s', last_value, is_called) FROM `
	for name, c := range map[string]struct {
		before, meanwhile string
		of, want          string // the sequence, and where it stands in the end
		ahead             bool
	}{
		"drawn and rolled back":                  {"INSERT INTO serial DEFAULT VALUES", "BEGIN; INSERT INTO serial DEFAULT VALUES; ROLLBACK", "serial_id_seq", "1 t", false},
		"drawn for the first time":               {"", "BEGIN; INSERT INTO serial DEFAULT VALUES; ROLLBACK", "serial_id_seq", "1 f", false},
		"set ahead, as a crash does":             {"INSERT INTO serial DEFAULT VALUES", "SELECT setval('serial_id_seq', 33)", "serial_id_seq", "1 t", false},
		"drawn and deleted":                      {"", "INSERT INTO serial DEFAULT VALUES; DELETE FROM serial", "serial_id_seq", "1 f", false},
		"a row has the number":                   {"", "INSERT INTO serial DEFAULT VALUES", "serial_id_seq", "1 t", true},
		"rows with numbers of their own":         {"INSERT INTO serial VALUES (7)", "SELECT nextval('serial_id_seq'), nextval('serial_id_seq')", "serial_id_seq", "1 f", false},
		"a row has one below such a number":      {"INSERT INTO serial VALUES (7)", "INSERT INTO serial DEFAULT VALUES", "serial_id_seq", "1 t", true},
		"more of such rows than are looked at":   {"INSERT INTO serial SELECT generate_series(5, 10005)", "SELECT nextval('serial_id_seq')", "serial_id_seq", "1 t", true},
		"as many as are looked at":               {"INSERT INTO serial SELECT generate_series(5, 10004)", "SELECT nextval('serial_id_seq')", "serial_id_seq", "1 f", false},
		"nothing has moved":                      {"INSERT INTO serial DEFAULT VALUES", "", "serial_id_seq", "1 t", false},
		"two tables, nobody has the number":      {"", `SELECT nextval('"Shared Seq"')`, `"Shared Seq"`, "1 f", false},
		"two tables, the first has the number":   {"", `INSERT INTO "By ""Default" DEFAULT VALUES`, `"Shared Seq"`, "1 t", true},
		"two tables, the second has the number":  {"", "INSERT INTO shares DEFAULT VALUES", `"Shared Seq"`, "1 t", true},
		"a column without an index":              {"", "SELECT nextval('bare_id_seq')", "bare_id_seq", "1 t", true},
		"no column at all":                       {"", "SELECT nextval('free')", "free", "1 t", true},
		"one that counts down is left":           {"SELECT nextval('down')", "SELECT nextval('down')", "down", "4 t", false},
		"set back by somebody else":              {"SELECT setval('serial_id_seq', 9)", "SELECT setval('serial_id_seq', 3)", "serial_id_seq", "3 t", false},
		"it came meanwhile":                      {"", "CREATE TABLE late (id serial PRIMARY KEY); SELECT nextval('late_id_seq')", "late_id_seq", "1 t", false},
		"the engine's own":                       {"", "SELECT nextval('cloudify_upgrade.migrations_id_seq')", "cloudify_upgrade.migrations_id_seq", "1 t", false},
		"a text has the number, and no one asks": {"ALTER TABLE texts ALTER id SET DEFAULT nextval('free')", "INSERT INTO texts DEFAULT VALUES", "free", "1 t", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, db := open(t)
			b.Exec(c.before)
			recorded, err := Record(t.Context(), db)
			b.Must(err)
			b.Exec(c.meanwhile)
			ahead, err := Restore(t.Context(), db, recorded)
			b.Must(err)
			b.Want(at+c.of, c.want)
			if c.ahead != (len(ahead) > 0) {
				t.Errorf("ahead are %q", ahead)
			}
			if again, err := Restore(t.Context(), db, recorded); err != nil || !slices.Equal(again, ahead) {
				t.Errorf("restored again: ahead are %q, %v", again, err)
			}
		})
	}
}

// TestRecord has every sequence that the product's user may set, and no other.
func TestRecord(t *testing.T) {
	t.Parallel()
	b, db := open(t)
	b.Exec("INSERT INTO serial VALUES (1), (7)")
	recorded, err := Record(t.Context(), db)
	b.Must(err)
	var names []string
	for _, s := range recorded {
		names = append(names, s.Name)
		if s.Name == "public.serial_id_seq" && (s.Last != 1 || s.Called || s.Above == nil || *s.Above == "") {
			t.Errorf("%+v", s)
		}
	}
	if want := []string{`public."Shared Seq"`, "public.bare_id_seq", "public.down", "public.free", "public.serial_id_seq"}; !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// TestMany asks more sequences than one statement takes.
func TestMany(t *testing.T) {
	t.Parallel()
	b, db := open(t)
	b.Exec(`DO $$ BEGIN FOR i IN 1..250 LOOP EXECUTE format('CREATE TABLE m%s (id serial PRIMARY KEY)', i); END LOOP; END $$`)
	recorded, err := Record(t.Context(), db)
	b.Must(err)
	b.Exec(`DO $$ BEGIN FOR i IN 1..250 LOOP PERFORM nextval(format('m%s_id_seq', i)); END LOOP; END $$`)
	ahead, err := Restore(t.Context(), db, recorded)
	if err != nil || len(ahead) > 0 {
		t.Errorf("ahead are %q, %v", ahead, err)
	}
	b.Want("SELECT count(*) FROM m1_id_seq, m137_id_seq, m250_id_seq WHERE NOT m1_id_seq.is_called AND NOT m137_id_seq.is_called AND NOT m250_id_seq.is_called", "1")
}

// TestNeverTwice: a number that somebody may have is not drawn again, though no row shows it yet, or not to us.
func TestNeverTwice(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(b *testbed.Bed) (end func()){
		"a transaction is under way": func(b *testbed.Bed) func() {
			tx, err := b.SQL.Begin()
			b.Must(err)
			_, err = tx.Exec("INSERT INTO serial DEFAULT VALUES")
			b.Must(err)
			return func() { b.Must(tx.Commit()) }
		},
		"a transaction is prepared": func(b *testbed.Bed) func() {
			id := "'" + b.Name + "'"
			b.Exec("BEGIN; INSERT INTO serial DEFAULT VALUES; PREPARE TRANSACTION " + id)
			return func() { b.Exec("COMMIT PREPARED " + id) }
		},
		"rows that a policy hides": func(b *testbed.Bed) func() {
			b.AsSuper("INSERT INTO serial DEFAULT VALUES")
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, db := open(t)
			if strings.HasPrefix(name, "rows") {
				b.Exec("ALTER TABLE serial ENABLE ROW LEVEL SECURITY; ALTER TABLE serial FORCE ROW LEVEL SECURITY")
			}
			recorded, err := Record(t.Context(), db)
			b.Must(err)
			end := meanwhile(b)
			ahead, err := Restore(t.Context(), db, recorded)
			b.Must(err)
			end()
			b.Want("SELECT format('%s %s', last_value, is_called) FROM serial_id_seq", "1 t")
			if !slices.Equal(ahead, []string{"public.serial_id_seq"}) {
				t.Errorf("ahead are %q", ahead)
			}
		})
	}
}

// TestRefused: what the server refuses is no reason not to go on: of a table that the user cannot come to, and of a sequence whose
// bounds are others now.
func TestRefused(t *testing.T) {
	t.Parallel()
	b, db := open(t)
	b.AsSuper("CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY DEFAULT nextval('free')); GRANT SELECT ON closed.t TO cloudify")
	b.Exec("CREATE TABLE other (id serial PRIMARY KEY)")
	recorded, err := Record(t.Context(), db)
	b.Must(err)
	b.Exec("ALTER SEQUENCE other_id_seq MINVALUE 100 START 100 RESTART 100; SELECT nextval('serial_id_seq')")
	ahead, err := Restore(t.Context(), db, recorded)
	b.Must(err)
	b.Want("SELECT format('%s %s', last_value, is_called) FROM serial_id_seq", "1 f")
	if !slices.Equal(ahead, []string{"public.other_id_seq"}) {
		t.Errorf("ahead are %q", ahead)
	}
}

// TestLeast: the least number of all has none below.
func TestLeast(t *testing.T) {
	t.Parallel()
	b, db := open(t)
	b.Exec("CREATE SEQUENCE lowest MINVALUE -9223372036854775808; CREATE TABLE lows (id bigint PRIMARY KEY DEFAULT nextval('lowest'))")
	recorded, err := Record(t.Context(), db)
	b.Must(err)
	b.Exec("INSERT INTO lows DEFAULT VALUES")
	ahead, err := Restore(t.Context(), db, recorded)
	if err != nil || !slices.Equal(ahead, []string{"public.lowest"}) {
		t.Errorf("ahead are %q, %v", ahead, err)
	}
}
