package dump

import (
	"context"
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

func TestSuit(t *testing.T) {
	t.Parallel()
	want := strings.NewReplacer("\\restrict 4yQpB\n\nSET", "\nSET", "\\unrestrict 4yQpB\n", "", "SET transaction_timeout = 0;\nSET client", "SET client").Replace(script17)
	got, err := io.ReadAll(suit(strings.NewReader(script17), dropped{settings: []string{"transaction_timeout"}, restrict: true}))
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	for _, text := range []string{script17, "", "no newline", strings.Repeat("x", 3*bufferSize) + "\nSET transaction_timeout = 0", strings.Repeat("SET transaction_timeout = 0;", bufferSize), "SET transaction_timeout = 0; SELECT 1;\n"} {
		d := dropped{settings: []string{"transaction_timeout"}}
		if text == script17 {
			d = dropped{}
		}
		if got, err := io.ReadAll(suit(strings.NewReader(text), d)); err != nil || string(got) != text {
			t.Errorf("%.60q became %.60q, %v", text, got, err)
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
		"9.5": "SET statement_timeout = 0;\nSET row_security = off;\nSET default_with_oids = false;\nCREATE TABLE notes (line text);\nCOPY notes (line) FROM stdin;\nSET default_with_oids = false;\ntwo\nthree\n\\.\n",
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

func FuzzSuit(f *testing.F) {
	f.Add(script17)
	f.Add("COPY x FROM stdin;\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := io.ReadAll(suit(strings.NewReader(text), dropped{})); err != nil || string(got) != text {
			t.Fatalf("%q became %q, %v", text, got, err)
		}
		again, err := io.ReadAll(suit(strings.NewReader(text), dropped{settings, true}))
		if err != nil || len(again) > len(text) {
			t.Fatalf("%q became %q, %v", text, again, err)
		}
	})
}
