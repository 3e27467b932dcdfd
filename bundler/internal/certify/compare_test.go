package certify

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

func pkg(name, version string) manifest.Package {
	return manifest.Package{ID: nevra.ID{Name: name, Version: version, Release: "1", Arch: "noarch"}}
}

// demo is the manifest of a small jump.
func demo() *manifest.Manifest {
	cli := pkg("demo-cli", "1.0")
	cli.Optional = true
	cli2 := pkg("demo-cli", "2.0")
	cli2.Optional = true
	return &manifest.Manifest{
		Prefix: "demo-upgrade", From: "1.0", To: "2.0",
		Old: []manifest.Package{cli, pkg("demo-old", "1.0"), pkg("demo-service", "1.0")},
		New: []manifest.Package{cli2, pkg("demo-new", "2.0"), pkg("demo-service", "2.0")},
		Services: []manifest.Service{{Unit: "demo"}, {Unit: "demo-old", Only: manifest.Old}, {Unit: "demo-new", Only: manifest.New},
			{Unit: "nginx", Door: true}},
		Config: []manifest.Config{{Target: "/etc/demo.conf"}},
		State:  []string{"/opt/demo/env"},

		EarlyServices: []manifest.EarlyService{{Unit: "demo-early", Makes: []string{"/var/lib/demo-early"}}},
		Moves:         []manifest.Move{{Each: "/opt/demo/env/plugins", Into: "/opt/demo/env/plugins/all"}, {From: "/opt/demo/a", To: "/opt/demo/b"}},
		Owners:        []manifest.Owner{{Path: "/opt/demo/own", User: "demo"}, {Path: "/var/log/demo", User: "demo"}},
	}
}

// looked reads a state as look does.
func looked(m *manifest.Manifest, sections string) state {
	s := newState()
	section := ""
	for line := range strings.Lines(sections) {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "@@ "); ok {
			section = name
			continue
		}
		s.note(m, section, strings.TrimSuffix(line, "\n"))
	}
	return s
}

const oldMachine = `@@ packages
bash 0:5.2-1
demo-old 0:1.0-1
demo-service 0:1.0-1
@@ altered
S.5....T.  c /etc/demo-service.conf
.......T.  g /run/demo.pid
S.5....T.    /etc/demo.conf
missing     /opt/demo/env/bin/x
@@ units
demo active
demo-old active
demo-new inactive
demo-early inactive
nginx active
@@ owners
0:0	/var/log/demo
0:0	/var/log/demo/log.1
@@ files
f 644 root:root 	/etc/demo.conf
1111  /etc/demo.conf
d 755 root:root 	/opt/demo/env
f 755 demo:demo 	/opt/demo/env/a b
2222  /opt/demo/env/a b
@@ left
`

const newMachine = `@@ packages
demo-new 0:2.0-1
demo-service 0:2.0-1
@@ altered
@@ units
demo active
demo-old inactive
demo-new active
demo-early active
nginx active
@@ left
`

func TestStates(t *testing.T) {
	t.Parallel()
	m := demo()
	before := looked(m, oldMachine)
	if before.files["/opt/demo/env/a b"] != "f 755 demo:demo  2222" || len(before.files) != 3 || len(before.altered) != 0 || len(before.packages) != 2 {
		t.Errorf("it is read as %+v", before)
	}
	if f := before.isOld(m); len(f) > 0 {
		t.Errorf("the old machine: %v", f)
	}
	if f := looked(m, newMachine).isNew(m, before); len(f) > 0 {
		t.Errorf("the new machine: %v", f)
	}
	for _, c := range []struct{ name, from, to, fault string }{ // "" for none
		{"a package of the old release", "@@ packages\n", "@@ packages\ndemo-old 0:1.0-1\n", "package demo-old-0:1.0-1 is installed and does not belong there"},
		{"a package is missing", "demo-new 0:2.0-1\n", "", "package demo-new-2.0-1.noarch is not installed"},
		{"a package twice", "demo-new 0:2.0-1\n", "demo-new 0:2.0-1\ndemo-new 0:2.0-1\n", "package demo-new-2.0-1.noarch is in rpm's database 2 times"},
		{"an optional package that was not there", "@@ packages\n", "@@ packages\ndemo-cli 0:2.0-1\n", "package demo-cli-0:2.0-1 is installed and does not belong"},
		{"an altered file", "@@ altered\n", "@@ altered\nS.5....T.    /usr/bin/demo\n", "a file is not as its package has it: S.5....T.    /usr/bin/demo"},
		{"a missing file", "@@ altered\n", "@@ altered\nmissing     /usr/bin/demo\n", "missing     /usr/bin/demo"},
		{"a unit that is down", "demo active", "demo failed", "unit demo is failed"},
		{"the door", "nginx active", "nginx inactive", "unit nginx is inactive"},
		{"a unit of the old release", "demo-old inactive", "demo-old active", "unit demo-old is active and belongs to the other release"},
		{"a new unit that is down", "demo-new active", "demo-new inactive", "unit demo-new is inactive"},
		{"an owner that the upgrade gives", "@@ altered\n", "@@ altered\n.....UG..    /opt/demo/own/file\n", ""},
		{"more than an owner", "@@ altered\n", "@@ altered\nS....UG..    /opt/demo/own/file\n", "a file is not as its package has it: S....UG..    /opt/demo/own/file"},
		{"an owner that it does not give", "@@ altered\n", "@@ altered\n.....UG..    /opt/demo/owner\n", "a file is not as its package has it: .....UG..    /opt/demo/owner"},
		{"a unit that came early", "demo-early active", "demo-early failed", "unit demo-early is failed"},
		{"a mark of the window", "@@ left\n", "@@ left\n/var/lib/demo-upgrade/window\n", "left behind: /var/lib/demo-upgrade/window"},
	} {
		f := looked(m, strings.Replace(newMachine, c.from, c.to, 1)).isNew(m, before)
		if c.fault == "" && len(f) > 0 || c.fault != "" && (len(f) != 1 || !strings.Contains(f[0], c.fault)) {
			t.Errorf("%s: %q, want %q", c.name, f, c.fault)
		}
	}
}

func TestWatched(t *testing.T) {
	t.Parallel()
	if got, want := strings.Join(watched(demo()), " "), "/etc/demo.conf /opt/demo/a /opt/demo/b /opt/demo/env"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAsBefore(t *testing.T) {
	t.Parallel()
	m := demo()
	before := looked(m, oldMachine)
	before.tables = map[string]table{"main public.a": {3, "17"}}
	before.schema = map[string]string{"main column public.a.id": "integer"}
	for _, c := range []struct {
		name, from, to string
		change         func(*state)
		fault          string // "" for none
	}{
		{name: "nothing"},
		{name: "content of a file", from: "1111", to: "3333", fault: "file /etc/demo.conf is f 644 root:root  3333, was f 644 root:root  1111"},
		{name: "mode of a file", from: "f 755", to: "f 644", fault: "file /opt/demo/env/a b is f 644"},
		{name: "a new file", from: "@@ left", to: "f 644 root:root \t/opt/demo/env/c\n@@ left", fault: "file /opt/demo/env/c is new"},
		{name: "a package", from: "demo-service 0:1.0-1", to: "demo-service 0:2.0-1", fault: "package demo-service 0:1.0-1 is gone"},
		{name: "a unit", from: "demo active", to: "demo failed", fault: "unit demo is failed, was active"},
		{name: "an owner", from: "0:0\t/var/log/demo\n", to: "990:990\t/var/log/demo\n", fault: "file /var/log/demo belongs to 990:990, did to 0:0"},
		{name: "a log that went and one that came", from: "0:0\t/var/log/demo/log.1\n", to: "990:990\t/var/log/demo/log.2\n"},
		{name: "a document", change: func(s *state) { s.documents = map[string]table{"main i/t": {1, "1"}} }, fault: "documents main i/t are new: 1"},
		{name: "a lost row", change: func(s *state) { s.tables["main public.a"] = table{2, "16"} }, fault: "table main public.a has 2 rows, it had 3"},
		{name: "another row", change: func(s *state) { s.tables["main public.a"] = table{3, "18"} }, fault: "table main public.a has 3 rows as before, but not the same ones"},
		{name: "a lost table", change: func(s *state) { s.tables = nil }, fault: "table main public.a is gone, it had 3 rows"},
		{name: "a column", change: func(s *state) { s.schema["main column public.a.b"] = "text" }, fault: "schema main column public.a.b is new"},
	} {
		now := looked(m, strings.Replace(oldMachine, c.from, c.to, 1))
		now.tables, now.schema = maps.Clone(before.tables), maps.Clone(before.schema)
		if c.change != nil {
			c.change(&now)
		}
		f := now.isAsBefore(before)
		if c.fault == "" && len(f) > 0 || c.fault != "" && !slices.ContainsFunc(f, func(s string) bool { return strings.Contains(s, c.fault) }) {
			t.Errorf("%s: %q, want %q", c.name, f, c.fault)
		}
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	const sql = "ALTER TABLE Events ADD COLUMN x int; DELETE FROM public.roles WHERE id = 1;"
	before := map[string]table{"main public.events": {5, "1"}, "main public.users": {3, "2"}, "main public.empty": {0, "0"}, "main other.cache": {9, "3"}}
	free := map[string]bool{"other.cache": true}
	for _, c := range []struct {
		name    string
		change  map[string]table
		gone    string
		clients bool
		fault   string
	}{
		{name: "nothing"},
		{name: "a migration changes rows", change: map[string]table{"main public.events": {5, "9"}}},
		{name: "a migration adds rows", change: map[string]table{"main public.events": {6, "9"}}},
		{name: "a migration loses rows", change: map[string]table{"main public.events": {4, "9"}}, fault: "table main public.events has 4 rows, it had 5"},
		{name: "a migration drops a table", gone: "main public.events", fault: "table main public.events is gone, it had 5 rows"},
		{name: "rows that no migration names", change: map[string]table{"main public.users": {3, "8"}}, fault: "table main public.users has 3 rows as before, but not the same ones"},
		{name: "rows more that no migration names", change: map[string]table{"main public.users": {4, "8"}}, fault: "table main public.users has 4 rows, it had 3"},
		{name: "rows more, with clients", change: map[string]table{"main public.users": {4, "8"}}, clients: true},
		{name: "rows less, with clients", change: map[string]table{"main public.users": {2, "8"}}, clients: true, fault: "table main public.users has 2 rows, it had 3"},
		{name: "a table that the product lets go", gone: "main other.cache"},
		{name: "a new table", change: map[string]table{"main public.more": {1, "1"}}},
	} {
		now := maps.Clone(before)
		maps.Copy(now, c.change)
		delete(now, c.gone)
		var f faults
		f.rows(before, now, ruleOf(sql, free, c.clients))
		if strings.Join(f, "|") != c.fault {
			t.Errorf("%s: %q, want %q", c.name, f, c.fault)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	var f faults
	if f.err() != nil {
		t.Error("no fault is an error")
	}
	for i := range 20 {
		f.add("fault %d", i)
	}
	if got := f.err().Error(); !strings.HasSuffix(got, "fault 7; and 12 more") {
		t.Error(got)
	}
}

func TestJudgeLoad(t *testing.T) {
	t.Parallel()
	asked := []manifest.Service{{Unit: "demo", Health: &manifest.Health{Expect: manifest.Expect{Status: 200}}},
		{Unit: "nginx", Health: &manifest.Health{Expect: manifest.Expect{Status: 301}}}}
	const well = "ask 0 200 100.5\nask 1 301 100.6\nask 0 000 101.0\nask 1 000 101.1\nask 0 200 103.25\nask 1 301 102.6\nwrite ok\nwrite no\nwrite ok\n"
	load, f, err := judgeLoad(well, asked, true)
	if err != nil || len(f) > 0 || *load != (Load{Asked: 6, Good: 4, Gap: 2.75, Writes: 2}) {
		t.Errorf("%+v, %v, %v", load, f, err)
	}
	for _, c := range []struct{ name, text, fault string }{
		{"not served before", "ask 1 502 99.0\n" + well, `the client of nginx got status "502" before the upgrade, want 301`},
		{"not served at the end", well + "ask 0 500 110.0\n", `the client of demo gets status "500" at the end, want 200`},
		{"never asked", "write ok\nask 0 200 1.0\n", `the client of nginx got status "" before the upgrade`},
		{"no write", strings.ReplaceAll(well, "write ok", "write no"), `not one call of the product's scripts with "load" ended well`},
	} {
		_, f, err := judgeLoad(c.text, asked, true)
		if err != nil || !strings.Contains(strings.Join(f, "|"), c.fault) {
			t.Errorf("%s: %q, %v", c.name, f, err)
		}
	}
	if _, _, err := judgeLoad("ask 7 200 1.0\n", asked, false); err == nil {
		t.Error("a question that nobody put is no error")
	}
}

func TestFactsOfAPlatform(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		facts Facts
		is    string
		hint  string // "" when it is
	}{
		{Facts{ID: "debian", Version: "12", Arch: "x86_64"}, "debian12.x86_64", ""},
		{Facts{ID: "centos", Version: "7", Arch: "x86_64", like: "rhel fedora"}, "el7.x86_64", ""},
		{Facts{ID: "rocky", Version: "9.4", Arch: "aarch64", like: "rhel centos fedora"}, "el9.aarch64", ""},
		{Facts{ID: "example", Version: "8.1", Arch: "x86_64", like: "rhel"}, "el8.x86_64", ""},
		{Facts{ID: "debian", Version: "12", Arch: "x86_64"}, "el7.x86_64", "debian12.x86_64"},
		{Facts{ID: "rocky", Version: "9.4", Arch: "x86_64"}, "el8.x86_64", "el9.x86_64"},
		{Facts{ID: "debian", Version: "12", Arch: "aarch64"}, "debian12.x86_64", "debian12.aarch64"},
	} {
		err := c.facts.is(c.is)
		if (err == nil) != (c.hint == "") {
			t.Errorf("%+v is %s: %v", c.facts, c.is, err)
		}
	}
	for _, bad := range []string{"", "el7", "EL7.x86_64", "el7.x86_64/..", "7.x86_64"} {
		if CheckPlatform(bad) == nil {
			t.Errorf("%q is taken for a platform", bad)
		}
	}
	got, err := Machine{}.facts(t.Context())
	if err != nil || got.ID == "" || got.Kernel == "" || got.RPM == "" || got.Systemd == "" {
		t.Errorf("this machine is %+v, %v", got, err)
	}
}

func TestLoadChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, text, refused string
	}{
		{"a script", "data.sh", "#!/bin/sh\n", ""},
		{"rows", "rows", "# what is free\npublic.cache: filled again at every start\n\ncache2 : the same\n", ""},
		{"rows without a reason", "rows", "cache: \n", `rows:1: not "TABLE: why its rows may change"`},
		{"rows twice", "rows", "a: b\na: c\n", "rows:2: table a stands there twice"},
		{"a request", "upload.http", "PUT http://127.0.0.1/uploads/{n} HTTP/1.1\n", ""},
		{"no request", "upload.http", "PUT /uploads\n", "upload.http: malformed HTTP request"},
		{"something else", "data.py", "", "is neither a script *.sh, nor a request *.http, nor the file rows"},
		{"a name that a shell knows", "a b.sh", "", "is neither a script"},
		{"too large", "data.sh", strings.Repeat("x", maxCheckBytes+1), "more than"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := LoadChecks(dir)
		if c.refused == "" && (err != nil || len(got.list())+len(got.Free) == 0) || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	if got, err := LoadChecks(filepath.Join(t.TempDir(), "none")); err != nil || len(got.list()) != 0 {
		t.Errorf("no folder: %+v, %v", got, err)
	}
}
