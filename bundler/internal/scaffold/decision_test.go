package scaffold

import (
	"os"
	"strings"
	"testing"
)

// server is the package app of a release.
func server(version string, scripts map[string]string) []sample {
	return []sample{{name: "app-server", evr: version + "-1.el9", arch: "x86_64", scripts: scripts}}
}

// secondJump makes the jump 2.0-3.0 of one package behind a jump 1.0-2.0 in which a person decided what packages says.
func secondJump(t *testing.T, packages string, one, two, three map[string]string, readBefore bool) string {
	t.Helper()
	root := product(t)
	first := input(t, root, "1.0", server("1.0", one), "2.0", server("2.0", two))
	before := first.From.Packages
	makeJump(t, first)
	writeFile(t, root, "specs/1.0-2.0/upgrade.yaml", "from: \"1.0\"\nto: \"2.0\"\nrevision: 1\n"+packages+"limits: { window: 45s, lock_timeout: 3s }\n")
	in := input(t, root, "2.0", server("2.0", two), "3.0", server("3.0", three))
	if readBefore {
		in.Before = before
	}
	return makeJump(t, in)["specs/2.0-3.0/upgrade.yaml"]
}

// A decision holds for a text that is byte for byte the same, and no other is taken over without a person.
func TestDecisionsHold(t *testing.T) {
	t.Parallel()
	const skip = "packages: { skip: { app-server-1.0-1.el9: { postun: deletes the data } } }\n"
	const keep = "packages: { keep: { app-server-1.0-1.el9: { postun: looks at $1 }, app-server-2.0-1.el9: { posttrans: fills a cache, post: was read } } }\n"
	harm, both := map[string]string{"postun": "rm -rf /opt/app"}, map[string]string{"postun": "rm -rf /opt/app; :", "post": "echo a", "posttrans": "echo b"}
	tests := []struct {
		name            string
		packages        string
		one, two, three map[string]string
		unread          bool
		want            []string
		not             []string
	}{
		{"skipped, the same", skip, harm, harm, harm, false,
			[]string{"  skip:\n    # decided in 1.0-2.0: %postun is byte for byte that of app-server-1.0-1.el9\n    app-server-2.0-1.el9:\n      postun: \"deletes the data\"\n", "# Carried over from 1.0-2.0, to be read once: decisions about scriptlets, limits.\n"}, []string{"DECIDE: ", "app-server-3.0"}},
		{"skipped, another", skip, harm, map[string]string{"postun": "rm -rf /opt/app/x"}, nil, false,
			[]string{`postun: "DECIDE: why its %postun must not run; the jump before skipped that of app-server-1.0-1.el9, and this is another text: deletes the data"`}, []string{"# decided in", "decisions about"}},
		{"skipped, by another program", skip, harm, map[string]string{"postun": "-p /bin/bash\nrm -rf /opt/app"}, nil, false,
			[]string{"and this is another text: deletes the data"}, []string{"# decided in"}},
		{"skipped, not read", skip, harm, harm, harm, true,
			[]string{`DECIDE: why its %postun must not run; the jump before skipped that of app-server-1.0-1.el9, which could not be read to be compared: deletes the data`}, []string{"# decided in"}},
		{"kept, the same", keep, both, both, both, false,
			[]string{"  keep:\n    # decided in 1.0-2.0: %postun is byte for byte that of app-server-1.0-1.el9\n    app-server-2.0-1.el9:\n      postun: \"looks at $1\"\n",
				"    # decided in 1.0-2.0: %post is byte for byte that of app-server-2.0-1.el9\n    app-server-3.0-1.el9:\n      post: \"was read\"\n      # decided in 1.0-2.0: %posttrans is byte for byte that of app-server-2.0-1.el9\n      posttrans: \"fills a cache\"\n"},
			[]string{"skip:", "DECIDE: why its %postun must", "# Not listed under"}},
		{"kept, another", keep, both, both, map[string]string{"post": "echo A", "posttrans": "echo B"}, false,
			[]string{`post: "DECIDE: why its %post may run; the jump before kept that of app-server-2.0-1.el9, and this is another text: was read"`, `posttrans: "DECIDE: why its %posttrans may run; the jump before kept that of app-server-2.0-1.el9, and this is another text: fills a cache"`},
			[]string{"# decided in 1.0-2.0: %post is", "# decided in 1.0-2.0: %posttrans"}},
		{"of one that came, and now goes", "packages: { keep: { app-server-2.0-1.el9: { postun: runs when repeated } } }\n", nil, map[string]string{"postun": "echo"}, nil, false,
			[]string{`DECIDE: why its %postun may run"`}, []string{"# decided in"}},
		{"nothing", "", harm, harm, nil, false, []string{`postun: "DECIDE: why its %postun must not run; it deletes /opt/app"`, "# Carried over from 1.0-2.0, to be read once: limits.\n"}, []string{"the jump before"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := secondJump(t, tt.packages, tt.one, tt.two, tt.three, !tt.unread)
			for _, want := range tt.want {
				if !strings.Contains(spec, want) {
					t.Errorf("%q is not in\n%s", want, spec)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(strings.ReplaceAll(spec, "with DECIDE is", ""), not) {
					t.Errorf("%q is in\n%s", not, spec)
				}
			}
		})
	}
}

// What new wrote about one jump alone does not stand in the next one, where it may not be true any more.
func TestCommentsOfOneJump(t *testing.T) {
	t.Parallel()
	root := product(t)
	unit := func(name string) map[string]string {
		return map[string]string{"/usr/lib/systemd/system/" + name + ".service": "x"}
	}
	db := sample{name: "db", evr: "1-1", files: unit("db")}
	one := []sample{{name: "app", evr: "1-1", files: unit("app")}, db}
	two := []sample{{name: "app", evr: "2-1", files: unit("app"), scripts: map[string]string{"post": "mkdir -p /opt/app/env"}}, db, {name: "come", evr: "1-1"}, {name: "fresh", evr: "1-1", files: unit("fresh")}}
	files := makeJump(t, input(t, root, "1.0", one, "2.0", two))
	for _, line := range []string{foldersNote + "/opt/app/env\n", steadyNote + "db\n", silentNote + "come\n", "  - unit: app # of app\n", "  - unit: fresh # new, of fresh; is this its place in the order?\n    only: new\n"} {
		if !strings.Contains(files["specs/1.0-2.0/upgrade.yaml"], line) {
			t.Errorf("%q is not in\n%s", line, files["specs/1.0-2.0/upgrade.yaml"])
		}
	}
	decideAll(t, root, "versions/1.0.yaml", "versions/2.0.yaml")
	three := []sample{{name: "app", evr: "3-1", files: unit("app")}, {name: "come", evr: "1-1"}, {name: "fresh", evr: "2-1", files: unit("fresh")}}
	spec := makeJump(t, input(t, root, "2.0", two, "3.0", three))["specs/2.0-3.0/upgrade.yaml"]
	for _, line := range []string{foldersNote, steadyNote, silentNote, " # of app", "is this its place", "only: new", "/opt/app/env"} {
		if strings.Contains(spec, line) {
			t.Errorf("%q is in\n%s", line, spec)
		}
	}
	for _, line := range []string{"  - unit: app\n", "  - unit: fresh\n", "  - unit: db # of db, which has it no more\n    only: old\n"} {
		if !strings.Contains(spec, line) {
			t.Errorf("%q is not in\n%s", line, spec)
		}
	}
}

// decideAll puts a platform where files say DECIDE.
func decideAll(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(root + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, root, name, strings.ReplaceAll(string(text), `"DECIDE: what it runs on, e.g. el7.x86_64"`, "el9.x86_64"))
	}
}

// Data that moves needs a database to move into, also behind a jump that had none.
func TestFirstDatabase(t *testing.T) {
	t.Parallel()
	root := product(t)
	one, two, three := server("1.0", nil), server("2.0", nil), server("3.0", nil)
	makeJump(t, input(t, root, "1.0", one, "2.0", two))
	in := input(t, root, "2.0", two, "3.0", three)
	in.Schema = &Schema{File: "tables.sql", SQL: "CREATE TABLE things (id integer PRIMARY KEY);\n"}
	files := makeJump(t, in)
	if spec := files["specs/2.0-3.0/upgrade.yaml"]; !strings.Contains(spec, "databases:\n  - name: main\n") || !strings.Contains(spec, "    to: main\n") {
		t.Errorf("the database that data moves into is not in\n%s", spec)
	}
	if !strings.Contains(files["specs/2.0-3.0/migrations/1001_expand_baseline.sql"], "CREATE TABLE things") {
		t.Errorf("no migration makes the tables: %q", files)
	}
}
