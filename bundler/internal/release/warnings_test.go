package release_test

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// jump is the small spec of the good project's second jump with something added to it.
func jump(more string) *txtar.Archive {
	spec := "from: 1.1\nto: 2.0\nrevision: 2\n" + more + "limits: { window: 60s, lock_timeout: 3s }\n"
	return &txtar.Archive{Files: []txtar.File{{Name: "specs/1.1-2.0/upgrade.yaml", Data: []byte(spec)}}}
}

// What is no mistake and wants a look, with its place; the spec's first line is from.
func TestWarnings(t *testing.T) {
	t.Parallel()
	const door = "every service of 2.0 is a door: nothing of the release is started before the commit"
	tests := []struct{ name, more, want string }{
		{"nothing", "", ""},
		{"a door alone", "services:\n  - unit: app\n    door: true\n", "specs/1.1-2.0/upgrade.yaml:6:11: " + door},
		{"two doors", "services: [ { unit: a, door: true }, { unit: b, door: true } ]\n", "specs/1.1-2.0/upgrade.yaml:4:55: " + door},
		{"the old release's service is gone by then", "services: [ { unit: a, only: old }, { unit: b, door: true } ]\n", "specs/1.1-2.0/upgrade.yaml:4:54: " + door},
		{"a service is started before", "services: [ { unit: a }, { unit: b, door: true } ]\n", ""},
		{"a service of the new release", "services: [ { unit: a, only: new }, { unit: b, door: true } ]\n", ""},
		{"the door tries itself", "services: [ { unit: nginx, door: true, verify: nginx -t } ]\n", ""},
		{"only the old release has a door", "services: [ { unit: a, door: true, only: old } ]\n", ""},
		{"no door", "services: [ { unit: a } ]\n", ""},
		{"PostgreSQL without a database of the jump", "services: [ { unit: postgresql } ]\n", ""},
	}
	for _, tt := range tests {
		cat, err := release.Load(project(t, jump(tt.more)))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := cat.Warnings.Error(); (tt.want == "") != (got == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A unit whose file changes is to be among the services, or it runs on as the old file says.
func TestUnnamedUnits(t *testing.T) {
	t.Parallel()
	unitFile := func(release, file, text string) txtar.File {
		return txtar.File{Name: "versions/" + release + "/config/usr/lib/systemd/system/" + file, Data: []byte("[Service]\n" + text + "\n")}
	}
	for more, want := range map[string]string{
		"":                                "specs/1.1-2.0/upgrade.yaml:1:1: app.service changes in 2.0, and services does not name it",
		"services: [ { unit: other } ]\n": "specs/1.1-2.0/upgrade.yaml:4:11: app.service changes in 2.0",
		"services: [ { unit: app }, { unit: worker@1 } ]\n":                "",
		"services: [ { unit: app } ]\n":                                    "specs/1.1-2.0/upgrade.yaml:4:11: worker@.service changes in 2.0",
		"services: [ { unit: worker@1 }, { unit: app.timer } ]\n":          "specs/1.1-2.0/upgrade.yaml:4:11: app.service changes in 2.0",
		"services: [ { unit: app, only: old }, { unit: worker@a-b.1 } ]\n": "",
	} {
		files := jump(more)
		for _, f := range []string{"app.service", "worker@.service"} {
			files.Files = append(files.Files, unitFile("1.1", f, "User=root"), unitFile("2.0", f, "User=app"))
		}
		files.Files = append(files.Files, unitFile("1.1", "same.service", ""), unitFile("2.0", "same.service", ""), unitFile("1.1", "gone.service", ""), unitFile("2.0", "notes.txt", ""), unitFile("1.1", "notes.txt", "other"))
		cat, err := release.Load(project(t, files))
		if err != nil {
			t.Errorf("%q: %v", more, err)
			continue
		}
		if got := cat.Warnings.Error(); (want == "") != (got == "") || !strings.HasPrefix(got, want) || strings.Contains(got, "same.") || strings.Contains(got, "gone.") || strings.Contains(got, "notes") {
			t.Errorf("%q: got %q, want %q", more, got, want)
		}
	}
}

// What a migration does to tables and cannot be read is reported, where tables are compared with stores.
func TestStoreWarnings(t *testing.T) {
	t.Parallel()
	cat, err := release.Load(project(t, &txtar.Archive{Files: []txtar.File{{Name: "specs/1.0-1.1/migrations/4_expand_hidden.sql",
		Data: []byte("-- why\n\n-- +goose Up\n-- what\nCREATE TABLE hidden AS SELECT 1;\n-- +goose Down\nDROP TABLE hidden;\n")}}}))
	if err != nil {
		t.Fatal(err)
	}
	const want = "specs/1.0-1.1/migrations/4_expand_hidden.sql:5:1: what this does to tables is not seen, and so not compared with stores: create table hidden as"
	if got := cat.Warnings.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Place finds where in the spec's file an answer stands or belongs.
func TestPlace(t *testing.T) {
	t.Parallel()
	cat, err := release.Load(project(t, jump("packages:\n  keep:\n    demo-service-2.0-1: { post: read }\n")))
	if err != nil {
		t.Fatal(err)
	}
	spec := cat.Specs["1.1-2.0"]
	for _, tt := range []struct {
		at   []any
		want string
	}{
		{[]any{"packages", "keep", "demo-service-2.0-1", "post"}, "6:27"},
		{[]any{"packages", "keep", "demo-service-2.0-1", "pretrans"}, "6:5"},
		{[]any{"packages", "keep", "other-1-1", "post"}, "6:5"},
		{[]any{"packages", "skip", "other-1-1", "post"}, "5:3"},
		{[]any{"state", 0}, "1:1"},
	} {
		got := spec.Place(tt.at...)
		if s := strings.TrimSuffix(got.String(), ": "); s != "specs/1.1-2.0/upgrade.yaml:"+tt.want {
			t.Errorf("%v: got %s, want %s", tt.at, s, tt.want)
		}
	}
	if got := (&release.Spec{}).Place("state"); got.File != "" {
		t.Errorf("a spec without a file stands at %v", got)
	}
}

// A part of a certification's script that nobody has written is named; what a comment says of it is not.
func TestSketches(t *testing.T) {
	t.Parallel()
	over := jump("")
	over.Files = append(over.Files, txtar.File{Name: "specs/1.1-2.0/certify/app.sh", Data: []byte("#!/bin/sh\n# a line that says DECIDE: fails\n\techo \"DECIDE: what is compared\" >&2\nexit 1\n")})
	cat, err := release.Load(project(t, over))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cat.Warnings.Error(), "specs/1.1-2.0/certify/app.sh:3:8: still to be written: what is compared; certification fails there until it is"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The server of a database that is migrated is no service: all services are stopped in the window.
func TestStoppedServers(t *testing.T) {
	t.Parallel()
	const database = "databases:\n  - name: main\n    connection: { file: /etc/db.yaml, format: yaml, keys: { host: h, database: d, user: u, password: p } }\n"
	for unit, warned := range map[string]bool{
		"postgresql": true, "postgresql-15": true, "postgresql@15-main": true, "rh-postgresql95-postgresql": true, "app": false, "postgresqlexporter": false, "my-postgresql": false,
	} {
		cat, err := release.Load(project(t, jump("services: [ { unit: app0 }, { unit: "+unit+" } ]\n"+database)))
		if err != nil {
			t.Errorf("%s: %v", unit, err)
			continue
		}
		want := "specs/1.1-2.0/upgrade.yaml:4:37: " + unit + " is stopped in the window, as every service is, and migrations of main run there"
		if got := cat.Warnings.Error(); warned != strings.HasPrefix(got, want) || !warned && got != "" {
			t.Errorf("%s: got %q", unit, got)
		}
	}
}

// Who asks for a jump of a project without jumps is told how the first one is written, and otherwise which there are.
func TestSpecHint(t *testing.T) {
	t.Parallel()
	for want, cat := range map[string]*release.Catalog{
		"write the first one: bundler new FROM-TO --old DIR --new DIR": {},
		"choose one of the jumps: 1.0-1.1":                             {Jumps: map[string]string{"1.0": "1.1"}, Specs: map[string]*release.Spec{"1.0-1.1": {}}, Releases: []*release.Release{{Version: "1.0"}, {Version: "1.1"}}},
	} {
		if _, err := cat.Spec("2.0-3.0"); exit.Hint(err) != want {
			t.Errorf("got %q, want %q", exit.Hint(err), want)
		}
	}
}
