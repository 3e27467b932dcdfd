package certify

import (
	"strings"
	"testing"

	"onerpm/bundler/internal/picture"
	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// held is what a small database holds.
func held() contents {
	return contents{
		tables: map[string]table{
			"public.a":     {rows: 3, digest: "17", columns: map[string]string{"id": "5", "text": "6"}},
			"public.cache": {rows: 9, digest: "18", columns: map[string]string{"id": "7"}},
		},
		schema: map[string]string{
			"TABLE public.a":             "owner app\nCREATE TABLE public.a (\n    id integer,\n    text text\n);\n",
			"ACL public.a":               "owner app\nGRANT SELECT ON TABLE public.a TO reader;\n",
			"FK CONSTRAINT public.a_key": "owner app\nALTER TABLE ONLY public.a ADD CONSTRAINT ...\n",
		},
		sequences: map[string]sequence{"public.a_id_seq": {last: "3"}, "public.late": {last: "1", behind: "public.b.id"}},
		roles:     map[string]string{"role app": "login", "database": "of app"},
	}
}

func TestContents(t *testing.T) {
	t.Parallel()
	left := picture.NewLeftOut("demo-upgrade", []release.LeftOut{{Part: "rows", Name: "public.cache"}, {Part: "columns", Name: "public.a.seen"}}, manifest.New)
	for _, c := range []struct {
		name   string
		change func(now contents)
		fault  map[rule]string // what is told by rule; nothing by others
	}{
		{"nothing", func(contents) {}, nil},
		{"a table that is left out", func(now contents) { now.tables["public.cache"] = table{rows: 1} }, nil},
		{"other values", func(now contents) {
			now.tables["public.a"] = table{3, "19", map[string]string{"id": "5", "text": "9"}}
		}, map[rule]string{same: "table main public.a has other values in column text", made: "column text"}},
		{"values that changed places", func(now contents) {
			now.tables["public.a"] = table{3, "19", map[string]string{"id": "5", "text": "6"}}
		}, map[rule]string{same: "3 rows as it should, but not the same ones", made: "not the same ones"}},
		{"a row less", func(now contents) { now.tables["public.a"] = table{rows: 2} },
			map[rule]string{same: "has 2 rows, it should have 3", made: "2 rows", grown: "2 rows"}},
		{"a row more", func(now contents) { now.tables["public.a"] = table{rows: 4} }, map[rule]string{same: "4 rows", made: "4 rows"}},
		{"a table is gone", func(now contents) { delete(now.tables, "public.a") },
			map[rule]string{same: "public.a is gone, it should have 3 rows", made: "is gone", grown: "is gone"}},
		{"a foreign key is gone", func(now contents) { delete(now.schema, "FK CONSTRAINT public.a_key") },
			map[rule]string{same: "database main: FK CONSTRAINT public.a_key is missing", made: "is missing", grown: "is missing", shaped: "is missing"}},
		{"a grant", func(now contents) {
			now.schema["ACL public.a"] = "owner app\nGRANT ALL ON TABLE public.a TO PUBLIC;\n"
		}, map[rule]string{same: `ACL public.a is another: "GRANT ALL ON TABLE public.a TO PUBLIC;", should be "GRANT SELECT ON TABLE public.a TO reader;"`,
			made: "ACL", grown: "ACL", shaped: "ACL"}},
		{"an owner", func(now contents) {
			now.schema["TABLE public.a"] = strings.Replace(now.schema["TABLE public.a"], "owner app", "owner root", 1)
		}, map[rule]string{same: `"owner root", should be "owner app"`, made: "owner root", grown: "owner root", shaped: "owner root"}},
		{"a function", func(now contents) { now.schema["FUNCTION public.f()"] = "owner app\n" },
			map[rule]string{same: "FUNCTION public.f() is there, and should not be", made: "should not be", grown: "should not be", shaped: "should not be"}},
		{"a sequence went on", func(now contents) { now.sequences["public.a_id_seq"] = sequence{last: "4"} }, map[rule]string{same: "stands at 4, stood at 3"}},
		{"a sequence begins anew", func(now contents) { now.sequences["public.a_id_seq"] = sequence{last: "1", behind: "public.a.id"} },
			map[rule]string{same: "below a value that public.a.id has", made: "stands at 1: below", grown: "below", shaped: "below"}},
	} {
		for _, r := range []rule{same, made, grown, shaped} {
			now := held()
			c.change(now)
			var f faults
			f.database("main", held(), now, r, left)
			if want := c.fault[r]; want == "" && len(f) > 0 || want != "" && (len(f) != 1 || !strings.Contains(f[0], want)) {
				t.Errorf("%s, rule %d: %q, want %q", c.name, r, f, want)
			}
		}
	}
}

// A column that is left out is not told, and one beside it is.
func TestColumnsLeftOut(t *testing.T) {
	t.Parallel()
	left := picture.NewLeftOut("demo-upgrade", []release.LeftOut{{Part: "columns", Name: "public.a.seen"}}, manifest.New)
	want := contents{tables: map[string]table{"public.a": {1, "1", map[string]string{"seen": "1", "text": "1"}}}}
	var f faults
	f.database("main", want, contents{tables: map[string]table{"public.a": {1, "2", map[string]string{"seen": "2", "text": "1"}}}}, made, left)
	if len(f) > 0 {
		t.Errorf("it is left out: %q", f)
	}
	f.database("main", want, contents{tables: map[string]table{"public.a": {1, "2", map[string]string{"seen": "2", "text": "2"}}}}, made, left)
	if len(f) != 1 || !strings.Contains(f[0], "column text") {
		t.Errorf("another column: %q", f)
	}
}

// A migration may not take rows away, though a copy loses them just so.
func TestLost(t *testing.T) {
	t.Parallel()
	left := picture.NewLeftOut("demo-upgrade", []release.LeftOut{{Part: "rows", Name: "public.cache"}}, manifest.New)
	want := held()
	want.tables = map[string]table{"public.a": {rows: 2}, "public.more": {rows: 1}}
	var f faults
	f.lost("main", held(), want, left)
	if got := strings.Join(f, "|"); got != "table main public.a has 2 rows after the migrations, it had 3" {
		t.Errorf("found %q", got)
	}
	f = nil
	f.lost("main", held(), contents{}, left)
	if got := strings.Join(f, "|"); got != "table main public.a is gone by the migrations, it had 3 rows" {
		t.Errorf("found %q", got)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	before, now := held(), held()
	now.roles = map[string]string{"role app": "superuser login", "role more": "login"}
	var f faults
	f.roles("main", before, now, picture.NewLeftOut("demo-upgrade", []release.LeftOut{{Part: "roles", Name: "role more"}}, manifest.New))
	if got, want := strings.Join(f, "|"), `database main: database is gone|database main: role app is "superuser login", was "login"`; got != want {
		t.Errorf("found %q", got)
	}
}

const dumpText = `--
-- PostgreSQL database dump
--

\restrict abc

SET statement_timeout = 0;

--
-- Name: a; Type: TABLE; Schema: public; Owner: app
--

CREATE TABLE public.a (
    id integer
);


ALTER TABLE public.a OWNER TO app;

--
-- Name: app; Type: SCHEMA; Schema: -; Owner: app
--

CREATE SCHEMA app;

--
-- PostgreSQL database dump complete
--

\unrestrict abc
`

func TestSchemaOf(t *testing.T) {
	t.Parallel()
	got := schemaOf(dumpText)
	if len(got) != 2 || got["TABLE public.a"] != "owner app\nCREATE TABLE public.a (\n    id integer\n);\nALTER TABLE public.a OWNER TO app;\n" ||
		got["SCHEMA app"] != "owner app\nCREATE SCHEMA app;\n" {
		t.Errorf("%q", got)
	}
	if b, n := differs("a\n  b\nc", "a\n  d\nc"); b != "b" || n != "d" {
		t.Errorf("they differ in %q and %q", b, n)
	}
}
