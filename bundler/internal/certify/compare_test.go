package certify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/picture"
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

// looked is a state with a picture.
func looked(text string) state {
	return state{machine: picture.Parse(text, time.Now()), databases: map[string]contents{}, documents: map[string]table{}}
}

const oldMachine = `@@ packages
bash	0:5.2-1.x86_64
demo-old	0:1.0-1.noarch
demo-service	0:1.0-1.noarch
@@ services
demo	active
demo-old	active
demo-new	inactive
demo-early	inactive
nginx	active
@@ left
`

const newMachine = `@@ packages
bash	0:5.2-1.x86_64
demo-new	0:2.0-1.noarch
demo-service	0:2.0-1.noarch
@@ services
demo	active
demo-old	inactive
demo-new	active
demo-early	active
nginx	active
@@ enabled
demo-new.service	enabled
demo-early.service	enabled
@@ left
`

func TestStates(t *testing.T) {
	t.Parallel()
	m := demo()
	c := picture.Comparison{Manifest: m, LeftOut: picture.NewLeftOut(m.Prefix, nil, manifest.New)}
	before := looked(oldMachine)
	if f := before.isOld(m); len(f) > 0 {
		t.Errorf("the old machine: %v", f)
	}
	if f := looked(newMachine).isNew(c, before, picture.Report{}); len(f) > 0 {
		t.Errorf("the new machine: %v", f)
	}
	for _, s := range []struct{ name, from, to, fault string }{
		{"a package of the old release", "@@ packages\n", "@@ packages\ndemo-old\t0:1.0-1.noarch\n", "package demo-old-0:1.0-1.noarch is installed and does not belong there"},
		{"a package is missing", "demo-new\t0:2.0-1.noarch\n", "", "package demo-new-2.0-1.noarch is not installed"},
		{"a package twice", "demo-new\t0:2.0-1.noarch\n", "demo-new\t0:2.0-1.noarch\ndemo-new\t0:2.0-1.noarch\n", "package demo-new-2.0-1.noarch is in rpm's database 2 times"},
		{"an optional package that was not there", "@@ packages\n", "@@ packages\ndemo-cli\t0:2.0-1.noarch\n", "package demo-cli-0:2.0-1.noarch is installed and does not belong"},
		{"a unit that is down", "demo\tactive", "demo\tfailed", "unit demo is failed"},
		{"the door", "nginx\tactive", "nginx\tinactive", "unit nginx is inactive"},
		{"a unit of the old release", "demo-old\tinactive", "demo-old\tactive", "unit demo-old is active and belongs to the other release"},
		{"a new unit that is down", "demo-new\tactive", "demo-new\tinactive", "unit demo-new is inactive"},
		{"a unit that came early", "demo-early\tactive", "demo-early\tfailed", "unit demo-early is failed"},
		{"a mark of the window", "@@ left\n", "@@ left\n/var/lib/demo-upgrade/window\n", "left behind: /var/lib/demo-upgrade/window"},
	} {
		f := looked(strings.Replace(newMachine, s.from, s.to, 1)).isNew(c, before, picture.Report{})
		if len(f) != 1 || !strings.Contains(f[0], s.fault) {
			t.Errorf("%s: %q, want %q", s.name, f, s.fault)
		}
	}
}

// A way back is compared with all of it: the machine, databases and documents.
func TestAsBefore(t *testing.T) {
	t.Parallel()
	m := demo()
	c := picture.Comparison{Manifest: m, LeftOut: picture.NewLeftOut(m.Prefix, nil, manifest.Old)}
	for _, s := range []struct {
		name, from, to string
		change         func(*state)
		fault          string // "" for none
	}{
		{name: "nothing"},
		{name: "a package of others", from: "bash\t0:5.2-1", to: "bash\t0:5.2-2", fault: "package bash is 0:5.2-2.x86_64, was 0:5.2-1.x86_64"},
		{name: "a mark", from: "@@ left\n", to: "@@ left\n/var/lib/demo-upgrade/window\n", fault: "left behind"},
		{name: "a document", change: func(s *state) { s.documents = map[string]table{"main i/t": {rows: 1, digest: "1"}} }, fault: "documents main i/t are new: 1"},
		{name: "a row", change: func(s *state) { s.databases["main"].tables["public.a"] = table{rows: 4} }, fault: "table main public.a has 4 rows, it should have 3"},
		{name: "a role", change: func(s *state) { s.databases["main"].roles["role x"] = "superuser" }, fault: "database main: role x is new: superuser"},
	} {
		before, now := looked(oldMachine), looked(strings.Replace(oldMachine, s.from, s.to, 1))
		before.databases["main"], now.databases["main"] = held(), held()
		if s.change != nil {
			s.change(&now)
		}
		f := now.isAsBefore(c, before)
		if s.fault == "" && len(f) > 0 || s.fault != "" && (len(f) != 1 || !strings.Contains(f[0], s.fault)) {
			t.Errorf("%s: %q, want %q", s.name, f, s.fault)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	var f faults
	if f.err() != nil {
		t.Error("no fault is an error")
	}
	for i := range 42 {
		f.add("fault %d", i)
	}
	if got := f.err().Error(); !strings.HasSuffix(got, "fault 29; and 12 more") {
		t.Error(got)
	}
}

func TestJudgeLoad(t *testing.T) {
	t.Parallel()
	asked := []manifest.Service{{Unit: "demo", Health: &manifest.Health{Expect: manifest.Expect{Status: 200}}},
		{Unit: "nginx", Health: &manifest.Health{Expect: manifest.Expect{Status: 301}}}}
	const well = "ask 0 200 100.5\nask 1 301 100.6\nask 0 000 101.0\nask 1 000 101.1\nask 0 200 103.25\nask 1 301 102.6\nwrite ok\nwrite no\nwrite ok\n"
	writers := []Script{{Check: Check{Name: "data.sh"}}, {Check: Check{Name: "more.sh"}}}
	load, f, err := judgeLoad(well, asked, writers)
	if err != nil || len(f) > 0 || *load != (Load{Asked: 6, Good: 4, Gap: 2.75, Writes: 2}) {
		t.Errorf("%+v, %v, %v", load, f, err)
	}
	for _, c := range []struct{ name, text, fault string }{
		{"not served before", "ask 1 502 99.0\n" + well, `the client of nginx got status "502" before the upgrade, want 301`},
		{"not served at the end", well + "ask 0 500 110.0\n", `the client of demo gets status "500" at the end, want 200`},
		{"never asked", "write ok\nask 0 200 1.0\n", `the client of nginx got status "" before the upgrade`},
		{"no write", strings.ReplaceAll(well, "write ok", "write no") + "said curl: (22) 401\nsaid second line\n",
			`nothing was written: of 3 calls of data.sh and more.sh with "load" none was acknowledged, that is, ended with exit code 0 (the last one said: curl: (22) 401 | second line); so nothing shows that writes survive. Run it by hand`},
		{"no call", strings.ReplaceAll(well, "write", "wrote"), `nothing was written: of 0 calls of data.sh and more.sh`},
	} {
		_, f, err := judgeLoad(c.text, asked, writers)
		if err != nil || !strings.Contains(strings.Join(f, "|"), c.fault) {
			t.Errorf("%s: %q, %v", c.name, f, err)
		}
	}
	if load, f, err := judgeLoad(strings.ReplaceAll(well, "write", "wrote"), asked, nil); err != nil || len(f) > 0 || load.Writes != 0 {
		t.Errorf("no script writes: %+v, %q, %v", load, f, err)
	}
	if _, _, err := judgeLoad("ask 7 200 1.0\n", asked, nil); err == nil {
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
		{"a script of agents", "agents.sh", "#!/bin/sh\n", ""},
		{"a request", "upload.http", "PUT http://127.0.0.1/uploads/{n} HTTP/1.1\n", ""},
		{"no request", "upload.http", "PUT /uploads\n", "upload.http: malformed HTTP request"},
		{"something else", "data.py", "", "is neither a script *.sh nor a request *.http"},
		{"a name that a shell knows", "a b.sh", "", "is neither a script"},
		{"too large", "data.sh", strings.Repeat("x", maxCheckBytes+1), "more than"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := LoadChecks(dir)
		if c.refused == "" && (err != nil || len(got.list()) == 0) || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if agents := c.file == "agents.sh"; (got.Agents != nil) != agents || agents && len(got.Scripts) != 0 {
			t.Errorf("%s: it is called at other times too: %+v", c.name, got)
		}
	}
	several := t.TempDir()
	for _, name := range []string{"a.http", "b.py", "c.http"} {
		if err := os.WriteFile(filepath.Join(several, name), []byte("PUT /uploads HTTP/1.1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := LoadChecks(several); err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.Contains(err.Error(), several+"/c.http:1:1: \"/uploads\" is no URL") {
		t.Errorf("several mistakes: %v", err)
	}
	notes := t.TempDir()
	for _, name := range []string{"README", "README.md", ".data.sh.swp"} {
		if err := os.WriteFile(filepath.Join(notes, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := LoadChecks(notes); err != nil || len(got.list()) != 0 {
		t.Errorf("notes: %+v, %v", got, err)
	}
	if got, err := LoadChecks(filepath.Join(t.TempDir(), "none")); err != nil || len(got.list()) != 0 {
		t.Errorf("no folder: %+v, %v", got, err)
	}
}
