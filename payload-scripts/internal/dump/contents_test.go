package dump_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/test/product/testbed"
)

// odd is what beside the product's tables can be in a database from 9.5 on, and data that look like SQL of pg_dump.
const odd = `
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"');
CREATE TABLE odd (
	id serial PRIMARY KEY, t text NOT NULL DEFAULT E'a\nSET row_security = off;\n', b bytea, n numeric(20,3), f double precision, j jsonb, a text[],
	m mood, "at" timestamptz, CHECK (n > -5), UNIQUE (n));
INSERT INTO odd (t, b, n, f, j, a, m, at) VALUES
	(E'SET transaction_timeout = 0;\n\\.\nCOPY x FROM stdin;\n\\unrestrict x', '\x000102ff', 1.5, 0.1, '{"a": [1, null]}', ARRAY['x', NULL, E'y\n\t\\'], 'sad', '2026-01-01 00:00+00'),
	('ü € 💡', NULL, NULL, 1e300, NULL, NULL, NULL, NULL),
	(repeat('long ', 50000), NULL, 2, NULL, NULL, '{}', NULL, NULL);
CREATE SCHEMA "Other one";
CREATE TABLE "Other one"."T" (id bigserial, odd_id int REFERENCES odd (id) ON DELETE CASCADE);
INSERT INTO "Other one"."T" (odd_id) VALUES (1), (2);
CREATE TABLE child (extra text) INHERITS (odd);
INSERT INTO child (t, extra) VALUES ('of the child', 'e');
CREATE VIEW sad AS SELECT odd.id, odd.t FROM odd WHERE odd.m = 'sad'::mood;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM "Other one"."T";
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
COMMENT ON EXTENSION plpgsql IS 'a line that is data';
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- COPY x FROM stdin;
	NEW.at := now();
	RETURN NEW;
END $$;
CREATE TRIGGER touched BEFORE UPDATE ON odd FOR EACH ROW EXECUTE PROCEDURE touch();
CREATE INDEX lower_t ON odd (lower(left(t, 10))) WHERE n IS NOT NULL;
CREATE UNLOGGED TABLE fast (id int);
ALTER TABLE fast ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON fast USING (id > 0);
COMMENT ON TABLE odd IS E'it''s\nodd';
SELECT lo_from_bytea(4242, '\x0102');
`

// contents are rows and schema, by what each is. They are the same where databases are, whatever the server's version.
type contents map[string]string

func contentsOf(tb *testbed.Bed, db *sql.DB) contents {
	tb.Helper()
	conn, err := db.Conn(tb.Context())
	tb.Must(err)
	defer conn.Close()
	_, err = conn.ExecContext(tb.Context(), "SET search_path = ''; SET extra_float_digits = 1; SET TimeZone = 'UTC'")
	tb.Must(err)
	ask := func(query string) [][2]string {
		rows, err := conn.QueryContext(tb.Context(), query)
		tb.Must(err)
		defer rows.Close()
		var all [][2]string
		for rows.Next() {
			var r [2]string
			tb.Must(rows.Scan(&r[0], &r[1]))
			all = append(all, r)
		}
		tb.Must(rows.Err())
		return all
	}
	c, queries := contents{}, []string{}
	for _, r := range ask(strings.ReplaceAll(schemaSQL, "$own", "IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')")) {
		switch r[0] {
		case "table":
			queries = append(queries, "SELECT 'rows of "+r[1]+"', count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM ONLY "+r[1]+" t")
		case "sequence":
			queries = append(queries, "SELECT 'value of "+r[1]+"', last_value || ' ' || is_called FROM "+r[1])
		default:
			c[r[0]] = versionless.Replace(r[1])
		}
	}
	for _, r := range ask(strings.Join(queries, " UNION ALL ")) {
		c[r[0]] = r[1]
	}
	return c
}

// versionless takes out how versions say the same in other words.
var versionless = strings.NewReplacer("EXECUTE FUNCTION", "EXECUTE PROCEDURE", " odd.", " ")

// same fails with what differs.
func (c contents) same(t *testing.T, got contents) {
	t.Helper()
	var lines []string
	for what, want := range c {
		if is, ok := got[what]; !ok || is != want {
			lines = append(lines, fmt.Sprintf("%s: %.200q, want %.200q", what, is, want))
		}
	}
	for what := range got {
		if _, ok := c[what]; !ok {
			lines = append(lines, what+": was not there")
		}
	}
	if slices.Sort(lines); len(lines) > 0 {
		t.Errorf("%d of %d differ:\n%s", len(lines), len(c), strings.Join(lines[:min(5, len(lines))], "\n"))
	}
}

const schemaSQL = `
SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm', 'S') AND relnamespace $own
UNION ALL SELECT 'relation ' || oid::regclass, relkind::text || ' ' || relpersistence::text || ' ' || relrowsecurity || coalesce(' comment ' || obj_description(oid, 'pg_class'), '')
	FROM pg_class WHERE relnamespace $own
UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END
		|| coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
	FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'v', 'm') AND relnamespace $own
UNION ALL SELECT 'constraint ' || conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype <> 'n' AND connamespace $own
UNION ALL SELECT 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace $own
UNION ALL SELECT 'view ' || oid::regclass, pg_get_viewdef(oid, true) FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace $own
UNION ALL SELECT 'function ' || oid::regprocedure, prosrc FROM pg_proc WHERE pronamespace $own
UNION ALL SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'enum ' || enumtypid::regtype, string_agg(enumlabel, ' | ' ORDER BY enumsortorder) FROM pg_enum GROUP BY enumtypid
UNION ALL SELECT 'policy ' || polname, pg_get_expr(polqual, polrelid) FROM pg_policy
UNION ALL SELECT 'schema ' || nspname, '' FROM pg_namespace WHERE oid $own
UNION ALL SELECT 'extension ' || extname, '' FROM pg_extension
UNION ALL SELECT 'large object ' || oid, encode(lo_get(oid), 'hex') FROM pg_largeobject_metadata`
