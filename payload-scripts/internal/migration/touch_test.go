package migration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/sqltext"
	"onerpm/test/product/testbed"
)

func TestTouches(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"ALTER TABLE logs ADD COLUMN a int":                                               "",
		"ALTER TABLE logs ADD a int DEFAULT 1, ADD b text":                                "old server logs",
		"ALTER TABLE IF EXISTS ONLY app.logs ADD a uuid DEFAULT gen_random_uuid()":        "rewrite app.logs",
		"ALTER TABLE logs ADD id bigserial":                                               "rewrite logs",
		"ALTER TABLE logs ADD id int GENERATED ALWAYS AS IDENTITY":                        "rewrite logs",
		"ALTER TABLE logs ALTER a TYPE bigint, DROP b":                                    "rewrite logs",
		"ALTER TABLE logs ALTER COLUMN a SET DATA TYPE text USING f(a, b)":                "rewrite logs",
		"ALTER TABLE logs SET TABLESPACE fast":                                            "rewrite logs",
		"ALTER TABLE logs SET (fillfactor = 70)":                                          "",
		"ALTER TABLE logs ADD CONSTRAINT k UNIQUE (a, b DESC)":                            "index logs a b",
		"ALTER TABLE logs ADD CONSTRAINT k UNIQUE USING INDEX i":                          "",
		"ALTER TABLE logs ADD c int DEFAULT 1 PRIMARY KEY":                                "index logs, old server logs",
		"ALTER TABLE logs ADD CONSTRAINT k CHECK (a > 0) NOT VALID":                       "",
		"ALTER TABLE logs VALIDATE CONSTRAINT k":                                          "",
		`ALTER TABLE "App Data"."Log""s" ALTER a TYPE int`:                                `rewrite App Data.Log"s`,
		"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY logs USING btree (a,b)": "index logs a b",
		"CREATE INDEX ON logs (lower(a))":                                                 "index logs",
		"CREATE INDEX ON logs (a) WHERE (b IS NULL)":                                      "index logs a",
		"UPDATE logs SET a = 1":                                                           "update logs",
		"DO $$ BEGIN UPDATE logs SET a = 1; PERFORM 1 FROM t FOR UPDATE; END $$":          "update logs",
		"WITH x AS (UPDATE ONLY app.logs AS l SET a = 1 RETURNING 1) SELECT 1":            "update app.logs",
		"INSERT INTO archive SELECT * FROM logs JOIN app.events USING (id)":               "copy logs, copy app.events",
		"INSERT INTO kinds VALUES (1)":                                                    "",
		"CREATE TABLE archive AS SELECT * FROM ONLY logs":                                 "copy logs",
		"CREATE TABLE new (a int)":                                                        "",
		"CREATE TRIGGER x BEFORE UPDATE ON logs EXECUTE PROCEDURE f()":                    "",
		"CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN UPDATE logs SET a = 1; END $$":   "",
		"CLUSTER logs USING i":                                                            "rewrite logs",
		"CLUSTER":                                                                         "",
		"VACUUM FULL logs":                                                                "rewrite logs",
		"":                                                                                "",
		"ALTER TABLE":                                                                     "",
		"CREATE INDEX":                                                                    "",
	} {
		var got []string
		for _, touch := range touches(sqltext.Tokens(sql)) {
			name := touch.Table
			if touch.Schema != "" {
				name = touch.Schema + "." + name
			}
			got = append(got, strings.TrimSpace(fmt.Sprint(touch.Effect, " ", name, " ", strings.Join(touch.Columns, " "))))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
}

func TestTouchesOfAFolder(t *testing.T) {
	t.Parallel()
	tb := &testbed.Bed{T: t}
	dir := tb.Folder(map[string]string{
		"1_expand_a.sql": "-- +goose Up\nALTER TABLE a ALTER x TYPE int;\n-- +goose Down\nALTER TABLE a ALTER x TYPE text;\n",
		"2_expand_b.sql": "-- +goose Up\nUPDATE b SET x = 1;\n-- UPDATE d SET x = 1;\n-- +goose Down\nUPDATE c SET x = 1;\n",
	})
	got, err := Touches(dir, 1)
	if err != nil || len(got) != 1 || got[0].Table != "b" {
		t.Errorf("%+v, %v", got, err)
	}
	names, err := Names(dir)
	for _, want := range []string{"a", "b", "c", "x"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %q, %v", want, names, err)
		}
	}
	if slices.Contains(names, "d") || !slices.IsSorted(names) {
		t.Errorf("names %q", names)
	}
	for _, read := range []func(string) error{
		func(dir string) error { _, err := Touches(dir, 0); return err },
		func(dir string) error { _, err := Names(dir); return err },
	} {
		if read(t.TempDir()) == nil {
			t.Error("a folder without migrations is no mistake")
		}
	}
}

func FuzzTouches(f *testing.F) {
	for _, seed := range []string{"ALTER TABLE a ADD b int DEFAULT f(), ALTER c TYPE d", "CREATE INDEX ON a (b, (c))", "UPDATE ONLY a.b SET", "WITH UPDATE", "INSERT FROM", "ALTER TABLE a ,,("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, touch := range touches(sqltext.Tokens(sql)) {
			if touch.Effect == "" || len(touch.Columns) > 0 && touch.Effect != Index {
				t.Errorf("%+v", touch)
			}
		}
	})
}
