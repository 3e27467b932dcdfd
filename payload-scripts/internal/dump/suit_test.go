package dump

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/product/testbed"
)

const script17 = `--
-- PostgreSQL database dump
--

\restrict 4yQpB

SET statement_timeout = 0;
SET lock_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);

SET default_tablespace = '';

SET no_such_setting_of_any_version = 1;
CREATE TABLE public.notes (line text);

COPY public.notes (line) FROM stdin;
SET transaction_timeout = 0;
\\restrict 4yQpB
a SET transaction_timeout = 0;
\.

--
-- PostgreSQL database dump complete
--

\unrestrict 4yQpB

`

// script95 is as pg_dump of 9.5 and 9.6 writes it, of a database of the superuser postgres.
const script95 = `SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET row_security = off;

COMMENT ON DATABASE manager IS 'of the manager';
CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';

SET search_path = public, pg_catalog;
SET default_with_oids = false;

CREATE TABLE notes (
    line text
);
COPY notes (line) FROM stdin;
SET default_with_oids = false;
two
three
\.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM postgres;
GRANT ALL ON SCHEMA public TO postgres;
GRANT ALL ON SCHEMA public TO PUBLIC;
`

func TestSuit(t *testing.T) {
	t.Parallel()
	want := strings.NewReplacer("\\restrict 4yQpB\n\nSET", "\nSET", "\\unrestrict 4yQpB\n", "", "SET transaction_timeout = 0;\nSET client", "SET client").Replace(script17)
	got, err := io.ReadAll(suit(strings.NewReader(script17), target{settings: []string{"transaction_timeout"}, restrict: true}))
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	for _, text := range []string{script17, "", "no newline", strings.Repeat("x", 3*bufferSize) + "\nSET transaction_timeout = 0", strings.Repeat("SET transaction_timeout = 0;", bufferSize), "SET transaction_timeout = 0; SELECT 1;\n"} {
		d := target{settings: []string{"transaction_timeout"}}
		if text == script17 {
			d = target{}
		}
		if got, err := io.ReadAll(suit(strings.NewReader(text), d)); err != nil || string(got) != text {
			t.Errorf("%.60q became %.60q, %v", text, got, err)
		}
	}
}

// TestSuitToOlderServers: what a server does not understand, or what only its superuser may say, is left out or said in its words.
func TestSuitToOlderServers(t *testing.T) {
	t.Parallel()
	const trigger = "CREATE TRIGGER a BEFORE UPDATE ON t FOR EACH ROW WHEN ((old.x = ' EXECUTE FUNCTION ')) EXECUTE %s f();\n"
	for name, c := range map[string]struct {
		server     int64
		text, want string
	}{
		"types of sequences, 9.6":     {90624, "CREATE SEQUENCE public.s\n    AS integer\n    START WITH 1;\n", "CREATE SEQUENCE public.s\n    START WITH 1;\n"},
		"types of sequences, 10":      {100000, "CREATE SEQUENCE public.s\n    AS integer\n    START WITH 1;\n", ""},
		"the same elsewhere":          {90503, "CREATE VIEW v AS\nSELECT a\n    AS integer\n", ""},
		"triggers, 10":                {100023, fmt.Sprintf(trigger, "FUNCTION"), fmt.Sprintf(trigger, "PROCEDURE")},
		"triggers, 11":                {110000, fmt.Sprintf(trigger, "FUNCTION"), ""},
		"constraint triggers":         {90503, "CREATE CONSTRAINT TRIGGER a AFTER INSERT ON t EXECUTE FUNCTION f('x');\n", "CREATE CONSTRAINT TRIGGER a AFTER INSERT ON t EXECUTE PROCEDURE f('x');\n"},
		"rights and owner of public":  {180000, "REVOKE ALL ON SCHEMA public FROM postgres;\nGRANT ALL ON SCHEMA public TO PUBLIC;\nALTER SCHEMA public OWNER TO postgres;\nCREATE SCHEMA public;\nGRANT ALL ON SCHEMA other TO x;\n", "GRANT ALL ON SCHEMA other TO x;\n"},
		"comments on what is no data": {180000, "COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL;\nof ours';\nCOMMENT ON DATABASE x IS NULL;\nCOMMENT ON TABLE t IS 'COMMENT ON DATABASE';\n", "COMMENT ON TABLE t IS 'COMMENT ON DATABASE';\n"},
		"statistics":                  {180000, "SELECT * FROM pg_catalog.pg_restore_relation_stats(\n\t'version', '1'::integer,\n\t'relname', ');'\n);\nSELECT 1;\n", "SELECT 1;\n"},
		"data of INSERT":              {90503, "INSERT INTO t VALUES ('it''s\nSET transaction_timeout = 0;\nCOPY t FROM stdin;\n\\connect x\n');\nSET transaction_timeout = 0;\n", "INSERT INTO t VALUES ('it''s\nSET transaction_timeout = 0;\nCOPY t FROM stdin;\n\\connect x\n');\n"},
		"a function's body":           {90503, "CREATE FUNCTION f() AS $_$\nGRANT ALL ON SCHEMA public TO x;\n$$;\nDROP DATABASE x;\n$_$;\n", ""},
	} {
		want := cmp.Or(c.want, c.text)
		if got, err := io.ReadAll(suit(strings.NewReader(c.text), target{server: c.server, settings: []string{"transaction_timeout"}})); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// TestSuitRefuses what would leave the database that is filled.
func TestSuitRefuses(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`\connect other`, `\! id`, "DROP DATABASE other;", "CREATE DATABASE other WITH TEMPLATE = template0;", "ALTER DATABASE other OWNER TO x;"} {
		var unfit *UnfitError
		got, err := io.ReadAll(suit(strings.NewReader("SELECT 1;\n"+line+"\nSELECT 2;\n"), target{server: 180000}))
		if !errors.As(err, &unfit) || !strings.Contains(err.Error(), "line 2 ") || !strings.Contains(err.Error(), line) || strings.Contains(string(got), line) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

func TestKnowsRestrict(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"psql (PostgreSQL) 9.5.3\n": false, "psql (PostgreSQL) 12.22": false, "psql (PostgreSQL) 13.21": false, "psql (PostgreSQL) 13.22": true,
		"psql (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)": false, "psql (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)": true,
		"psql (PostgreSQL) 17.5": false, "psql (PostgreSQL) 17.6": true, "psql (PostgreSQL) 18beta1": true, "psql (PostgreSQL) 18.0": true, "": false, "psql 15": false,
	} {
		if got := knowsRestrict(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

// TestLoadOfOtherVersions loads what pg_dump of versions before and after the server's writes.
func TestLoadOfOtherVersions(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"17":  strings.Replace(script17, "SET no_such_setting_of_any_version = 1;\n", "", 1),
		"9.5": script95,
		"12":  "SET idle_in_transaction_session_timeout = 0;\nSET default_table_access_method = heap;\nCREATE TABLE notes (line text);\nINSERT INTO notes VALUES ('a'), ('b'), ('c');\n",
	} {
		tb := testbed.New(t)
		file := filepath.Join(t.TempDir(), name+".sql")
		must(t, os.WriteFile(file, []byte(text), 0o600))
		db := attempt(tb)
		if err := Load(context.Background(), db, file); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n, err := db.Count(context.Background(), "SELECT count(*) FROM public.notes"); err != nil || n != 3 {
			t.Errorf("%s: %d rows, want 3; %v", name, n, err)
		}
	}
}

// TestLoadLeavesOtherDatabasesAlone, although pg_dump --clean --create means to make one anew.
func TestLoadLeavesOtherDatabasesAlone(t *testing.T) {
	t.Parallel()
	tb, dropped, entered := testbed.New(t), testbed.New(t), testbed.New(t)
	must(t, errors.Join(dropped.SQL.Close(), dropped.Super.Close()))
	file := filepath.Join(t.TempDir(), "dump")
	for _, text := range []string{"DROP DATABASE " + dropped.Name + ";\nCREATE DATABASE " + dropped.Name + ";\n\\connect " + dropped.Name + "\n", "\\connect " + entered.Name + "\nCREATE TABLE lost (id int);\n"} {
		must(t, os.WriteFile(file, []byte(text), 0o600))
		var unfit *UnfitError
		if err := Load(context.Background(), attempt(tb), file); !errors.As(err, &unfit) || !strings.Contains(unfit.Do, "without --create") {
			t.Errorf("%q: %v", text, err)
		}
	}
	tb.Want("SELECT count(*) FROM pg_database WHERE datname = '"+dropped.Name+"'", "1")
	entered.Want("SELECT count(*) FROM pg_class WHERE relname = 'lost'", "0")
}

// TestLoadThatFails tells what psql or pg_restore said, and ends both.
func TestLoadThatFails(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	file := filepath.Join(t.TempDir(), "dump")
	for text, want := range map[string]string{
		script17: "no_such_setting_of_any_version",
		"PGDMP and nothing that pg_restore reads":              "pg_restore",
		"SELECT 1/0;\n" + strings.Repeat("SELECT 1;\n", 1<<18): "division by zero",
	} {
		must(t, os.WriteFile(file, []byte(text), 0o600))
		if err := Load(context.Background(), attempt(tb), file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
}

// FuzzSuit: what suits once suits as it is.
func FuzzSuit(f *testing.F) {
	f.Add(script17)
	f.Add(script95)
	f.Add("COPY x FROM stdin;\n")
	f.Add("CREATE SEQUENCE s\n    AS integer\n    AS integer;\nCREATE TRIGGER a EXECUTE FUNCTION f();\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, to := range []target{{server: 180000}, {90503, settings, true}} {
			once, err := io.ReadAll(suit(strings.NewReader(text), to))
			if err != nil {
				continue // not of one database
			}
			if again, err := io.ReadAll(suit(strings.NewReader(string(once)), to)); err != nil || string(again) != string(once) {
				t.Fatalf("%q became %q, then %q, %v", text, once, again, err)
			}
		}
	})
}
