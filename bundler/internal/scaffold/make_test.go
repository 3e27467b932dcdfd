package scaffold

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmtest"
)

// sample is a package of a test.
type sample struct {
	name, evr string
	arch      string            // noarch when empty
	files     map[string]string // path -> content; "config TEXT" for a %config(noreplace) file
	scripts   map[string]string // kind -> text, as rpmtest takes it
	obsoletes string
	triggers  []rpmtest.Trigger
	built     int64 // seconds since 1970
}

// rpm returns the package's file.
func (p sample) rpm(t testing.TB) []byte {
	t.Helper()
	version, rpmRelease, _ := strings.Cut(p.evr, "-")
	if p.arch == "" {
		p.arch = "noarch"
	}
	if p.built == 0 {
		p.built = 1e9
	}
	meta := rpmpack.RPMMetaData{Name: p.name, Version: version, Release: rpmRelease, Arch: p.arch, Licence: "MIT", BuildTime: time.Unix(p.built, 0)}
	if p.obsoletes != "" {
		if err := meta.Obsoletes.Set(p.obsoletes); err != nil {
			t.Fatal(err)
		}
	}
	r, err := rpmpack.NewRPM(meta)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range p.files {
		f := rpmpack.RPMFile{Name: name, Body: []byte(body), Mode: 0o100644, Owner: "root", Group: "root"}
		if text, config := strings.CutPrefix(body, "config "); config {
			f.Body, f.Type = []byte(text), rpmpack.ConfigFile|rpmpack.NoReplaceFile
		}
		r.AddFile(f)
	}
	for kind, text := range p.scripts {
		if err := rpmtest.AddScriptlet(r, kind, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := rpmtest.AddTriggers(r, p.triggers); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folder writes packages into a folder and reads it as bundler new does.
func folder(t testing.TB, list []sample) (string, []Package) {
	t.Helper()
	dir := t.TempDir()
	for _, p := range list {
		if err := os.WriteFile(filepath.Join(dir, p.name+"-"+p.evr+".rpm"), p.rpm(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, total, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := int64(0)
	packages, _, err := Read(context.Background(), nil, files, func(n int64) { read += n })
	if err != nil || read != total {
		t.Fatalf("read %d of %d bytes: %v", read, total, err)
	}
	return dir, packages
}

// product is a project without releases.
func product(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	writeFile(t, root, "versions/product.yaml", "product: App\nprefix: app-upgrade\nvendor: Example\nlicense: Apache-2.0\n")
	return root
}

func writeFile(t testing.TB, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// input is a jump between two sets of packages in a project, whose releases may be there.
func input(t testing.TB, root, from string, old []sample, to string, new []sample) Input {
	t.Helper()
	cat, err := release.LoadBefore(root, from, to)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Catalog: cat, From: Side{Version: from, Release: cat.Release(from)}, To: Side{Version: to, Release: cat.Release(to)}}
	in.From.Source, in.From.Packages = folder(t, old)
	in.To.Source, in.To.Packages = folder(t, new)
	return in
}

// makeJump makes a jump, puts its files into the project, and returns them by path.
func makeJump(t testing.TB, in Input) map[string]string {
	t.Helper()
	list, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := Place(in.Catalog.Root, list, nil); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range list {
		out[f.Path] = string(f.Data)
	}
	return out
}

// undecidedIn reads the project and returns what is still to be decided; any other mistake is a failure.
func undecidedIn(t testing.TB, root string) []string {
	t.Helper()
	_, err := release.Load(root)
	var list mistake.List
	if err != nil && !errors.As(err, &list) {
		t.Fatal(err)
	}
	var out []string
	for _, m := range list {
		what, is := strings.CutPrefix(m.What, "still to be decided: ")
		if !is {
			t.Errorf("what was written is wrong: %v", m)
		}
		out = append(out, what)
	}
	return out
}

// What bundler new writes is what check reads: it asks about exactly the scriptlets that
// check asks about, and whatever is written is sound but for what a person must decide.
func TestMakeAsksAboutScriptlets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new []sample
		want     []string
	}{
		{"none", []sample{{name: "a", evr: "1-1"}}, []sample{{name: "a", evr: "2-1"}}, nil},
		{"those that every package has", []sample{{name: "a", evr: "1-1", scripts: map[string]string{"preun": "echo"}}},
			[]sample{{name: "a", evr: "2-1", scripts: map[string]string{"pre": "echo", "post": "echo"}}}, nil},
		{"ldconfig and comments", []sample{{name: "a", evr: "1-1", scripts: map[string]string{"postun": "-p /sbin/ldconfig"}}},
			[]sample{{name: "a", evr: "2-1", scripts: map[string]string{"posttrans": "# nothing\nexit 0\n"}}}, nil},
		{"a harmless %postun is kept", []sample{{name: "a", evr: "1-1", scripts: map[string]string{"postun": "echo bye"}}}, []sample{{name: "a", evr: "2-1"}},
			[]string{"why its %postun may run"}},
		{"one that deletes is skipped", []sample{{name: "a", evr: "1-1", scripts: map[string]string{"postun": "rm -rf /opt/a"}}}, []sample{{name: "a", evr: "2-1"}},
			[]string{"why its %postun must not run; it deletes /opt/a"}},
		{"with all others of its kind", []sample{{name: "a", evr: "1-1", scripts: map[string]string{"postun": "rm -rf /opt/a"}}, {name: "b", evr: "1-1", scripts: map[string]string{"postun": "-p /sbin/ldconfig"}},
			{name: "c", evr: "1-1", scripts: map[string]string{"postun": "echo"}}}, []sample{{name: "a", evr: "2-1"}, {name: "b", evr: "2-1"}},
			[]string{"why its %postun must not run; it deletes /opt/a", "why its %postun must not run", "why its %postun must not run"}},
		{"several of one package", []sample{{name: "a", evr: "1-1", scripts: map[string]string{"postun": "echo", "postuntrans": "echo"}}},
			[]sample{{name: "a", evr: "2-1", scripts: map[string]string{"pretrans": "echo", "posttrans": "echo"}}},
			[]string{"why its %postun may run", "why its %postuntrans may run", "why its %posttrans may run", "why its %pretrans may run"}},
		{"triggers, two of a kind", []sample{{name: "a", evr: "1-1", triggers: []rpmtest.Trigger{{Kind: "triggerun", On: "b", Body: "echo one"}, {Kind: "triggerun", On: "b", Body: "echo two"}, {Kind: "triggerpostun", On: "b", Body: "rm -rf /opt/b"}}}, {name: "b", evr: "1-1"}},
			[]sample{{name: "a", evr: "2-1"}, {name: "b", evr: "2-1"}},
			[]string{"why its %triggerpostun may run; it deletes /opt/b", "why its %triggerun may run"}},
		{"a platform that no name says", []sample{{name: "a", evr: "1-1", arch: "x86_64"}}, []sample{{name: "a", evr: "2-1", arch: "x86_64"}}, nil},
		{"a trigger that nothing fires", []sample{{name: "a", evr: "1-1", triggers: []rpmtest.Trigger{{Kind: "triggerpostun", On: "c", Body: "echo"}}}}, []sample{{name: "a", evr: "2-1"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := input(t, product(t), "1.0", tt.old, "2.0", tt.new)
			files := makeJump(t, in)
			got := slices.DeleteFunc(undecidedIn(t, in.Catalog.Root), func(s string) bool { return strings.HasPrefix(s, "what it runs on") })
			if !slices.Equal(got, tt.want) {
				t.Errorf("to be decided %q, want %q\n%s", got, tt.want, files["specs/1.0-2.0/upgrade.yaml"])
			}
		})
	}
}

// The head of the spec tells what happens to each package, and the sections name what was found.
func TestMakeTells(t *testing.T) {
	t.Parallel()
	in := input(t, product(t), "1.0",
		[]sample{
			{name: "app", evr: "1-1.el9", arch: "x86_64", files: map[string]string{"/usr/lib/systemd/system/app.service": "x", "/etc/app.conf": "config a=1", "/etc/gone.conf": "config a=1"}},
			{name: "back", evr: "9-1"}, {name: "same", evr: "1-1", files: map[string]string{"/usr/lib/systemd/system/same.service": "x"}}, {name: "again", evr: "1-1", files: map[string]string{"/opt/again": "x"}},
			{name: "gone", evr: "1-1"}, {name: "replaced", evr: "1-1"}, {name: "legacy", evr: "1-1", files: map[string]string{"/lib/systemd/system/legacy.service": "x"}},
		},
		"2.0",
		[]sample{
			{name: "app", evr: "2-1.el9", arch: "x86_64", files: map[string]string{"/usr/lib/systemd/system/app.service": "x", "/usr/lib/systemd/system/worker@.service": "x", "/etc/app.conf": "config a=2", "/etc/new.conf": "config b"},
				scripts: map[string]string{"post": "mkdir -p /opt/app/env\nmkdir -p /opt/app\ninstall -d /opt/app/env"}},
			{name: "back", evr: "2-1"}, {name: "same", evr: "1-1", files: map[string]string{"/usr/lib/systemd/system/same.service": "x"}}, {name: "again", evr: "1-1", files: map[string]string{"/opt/again": "y"}},
			{name: "come", evr: "2-1", obsoletes: "replaced"}, {name: "fresh", evr: "2-1", files: map[string]string{"/etc/systemd/system/fresh.service": "x"}},
		})
	if added, changed, removed := Count(in); added != 2 || changed != 3 || removed != 3 {
		t.Errorf("%d added, %d changed, %d removed", added, changed, removed)
	}
	files := makeJump(t, in)
	if got := undecidedIn(t, in.Catalog.Root); got != nil {
		t.Errorf("to be decided: %q", got)
	}
	spec := files["specs/1.0-2.0/upgrade.yaml"]
	for _, line := range []string{
		"#   added     come 2-1\n",
		"#   changed   again 1-1 > 1-1; the same version, built anew\n",
		"#   changed   back 9-1 > 2-1; the version goes backwards\n",
		"#   removed   gone 1-1; nothing new obsoletes it, so the bundle takes it away\n",
		"#   removed   replaced 1-1; come obsoletes it\n",
		"#   unchanged same 1-1\n",
		"# New packages that own no unit; which service, if any, starts what they bring? come\n",
		"# Units of packages that stay as they are; not listed, so they go on running: same\n",
		"  - unit: app # of app\n",
		"  - unit: fresh # new, of fresh; is this its place in the order?\n    only: new\n",
		"  - unit: legacy # of legacy, which has it no more\n    only: old\n",
		"# Scriptlets make these, no package owns them, and state does not list them: /opt/app, /opt/app/env\n",
		"#   changed /etc/app.conf of app, %config(noreplace): merged with",
		"#   removed /etc/gone.conf of app, %config(noreplace): removed, edited or not",
		"#   added   /etc/new.conf of app, %config(noreplace): put there; ",
		"# Not listed under packages, so these run. check warns of each until packages.keep says that it was read:\n#   %post of app-2-1.el9: runs when its files are there\n",
		"# databases:\n",
	} {
		if !strings.Contains(spec, line) {
			t.Errorf("%q is not in\n%s", line, spec)
		}
	}
	if strings.Contains(spec, "worker@") {
		t.Error("a template is no unit that can be started")
	}
	if strings.Contains(spec, "unit: same") {
		t.Error("a unit that goes on running is stopped")
	}
	for name, line := range map[string]string{
		"versions/1.0.yaml": "status: supported # taken for that, as customers have it; ended when it gets no fixes any more\nplatforms: [el9.x86_64] # as its packages are named\n",
		"versions/2.0.yaml": "status: planned # supported from the day on which customers may have it\n",
	} {
		if !strings.Contains(files[name], line) {
			t.Errorf("%s: %q is not in\n%s", name, line, files[name])
		}
	}
	if got := files["versions/2.0.yaml"]; !strings.Contains(got, "  # new in this release\n  - name: come\n") || !strings.Contains(got, "  # goes backwards: 1.0 has 9-1\n  - name: back\n") {
		t.Errorf("the release:\n%s", got)
	}
}

// The second jump carries over what the first one decided, and asks what it cannot know.
func TestMakeCarriesOver(t *testing.T) {
	t.Parallel()
	root := product(t)
	one := []sample{{name: "app", evr: "1-1.el9", arch: "x86_64", files: map[string]string{"/usr/lib/systemd/system/app.service": "x", "/etc/app.conf": "config a=1"}}, {name: "tool", evr: "1-1", files: map[string]string{"/opt/tool/run": "x"}}}
	two := []sample{{name: "app", evr: "2-1.el9", arch: "x86_64", files: one[0].files, scripts: map[string]string{"postun": "rm -rf /opt/app"}}, {name: "tool", evr: "2-1", files: one[1].files}}
	makeJump(t, input(t, root, "1.0", one, "2.0", two))
	writeFile(t, root, "versions/2.0/config/usr/lib/systemd/system/tool.service", "[Service]\nExecStart=/opt/tool/run --now\n")
	writeFile(t, root, "versions/2.0/config/etc/tool.env", "A=<<a>>\n")
	writeFile(t, root, "versions/1.0/config/etc/tool.env", "A=<<a>>\n")
	writeFile(t, root, "specs/1.0-2.0/certify/app.sh", "#!/bin/sh\n")
	writeFile(t, root, "specs/1.0-2.0/migrations/1001_expand_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 1;\n")
	writeFile(t, root, "specs/1.0-2.0/hooks/vhosts", "#!/bin/sh\n")
	writeFile(t, root, "specs/1.0-2.0/upgrade.yaml", `from: "1.0"
to: "2.0"
revision: 3
services:
  - unit: app
    health: { http: "http://127.0.0.1/", expect: { status: 200, json: { version: "2.0" } }, within: 60s }
  - unit: tool
packages:
  keep: { app-2-1.el9: { postun: it is guarded } }
state: [ /opt/app/data ]
config:
  - target: /etc/tool.env
    format: env
    set: { A: 1 }
    policy: { "*": old }
  - target: /etc/app.conf
    package: app
    policy: { a: new }
databases:
  - name: main
    connection: { file: /etc/db.yaml, format: yaml, keys: { host: h, port: p, database: d, user: u, password: w } }
    programs: [ /usr/pgsql-*/bin ]
    small: [ settings ]
    becomes: { query: select v from version, value: two }
    migrations: migrations
hooks: { prepare: [ { run: hooks/vhosts, timeout: 5s } ] }
limits: { window: 45s, lock_timeout: 3s }
`)
	three := []sample{{name: "app", evr: "3-1.el9", arch: "x86_64", files: one[0].files}}
	in := input(t, root, "2.0", two, "3.0", three)
	files := makeJump(t, in)
	spec := files["specs/2.0-3.0/upgrade.yaml"]
	want := []string{
		"why its %postun must not run; the jump before kept that of app-2-1.el9 as it came, and now it goes: it is guarded",
		"what the query returns at 3.0; two when the schema does not change",
	}
	got := mistakesIn(t, root)
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, w) }) {
			t.Errorf("not asked: %q\n%q", w, got)
		}
	}
	for _, line := range []string{
		"# Carried over from 1.0-2.0, to be read once: services, state, config, databases, limits.\n",
		`expect: { status: 200, json: { version: "3.0" } }`,
		"  - unit: tool\n    only: old # it starts what tool had, which goes; remove its file from versions/3.0/config too\n",
		"state: [ /opt/app/data ]\n",
		"# versions/3.0/config is a copy of 2.0's",
		"  - target: /etc/tool.env\n    format: env\n    policy:\n      \"*\": old\n",
		"  - target: /etc/app.conf\n    package: app\n    policy:\n      a: new\n",
		"        port: p\n", "        password: w\n",
		"    programs:\n      - \"/usr/pgsql-*/bin\"\n    small:\n      - settings\n",
		"    expects:\n      query: \"select v from version\"\n      value: two\n",
		"# Hooks belong to one jump. The jump before ran hooks/vhosts; none is carried over.\n",
		"limits: { window: 45s, lock_timeout: 3s }\n",
	} {
		if !strings.Contains(spec, line) {
			t.Errorf("%q is not in\n%s", line, spec)
		}
	}
	if strings.Contains(spec, "set:") {
		t.Error("what the jump before set is set again")
	}
	for _, name := range []string{"versions/3.0/config/etc/tool.env", "specs/2.0-3.0/certify/app.sh", "specs/2.0-3.0/migrations/2001_expand_what_comes.sql"} {
		if files[name] == "" {
			t.Errorf("%s was not written", name)
		}
	}
	if files["versions/2.0.yaml"] != "" {
		t.Error("a release that is there was written again")
	}
}

// mistakesIn reads the project and returns what is wrong or undecided in it.
func mistakesIn(t testing.TB, root string) []string {
	t.Helper()
	_, err := release.Load(root)
	var list mistake.List
	if !errors.As(err, &list) {
		t.Fatalf("got %v", err)
	}
	var out []string
	for _, m := range list {
		out = append(out, m.What)
	}
	return out
}

// A jump that cannot be is refused before anything is made.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	root := product(t)
	a := []sample{{name: "a", evr: "1-1.el9", arch: "x86_64"}}
	b := []sample{{name: "a", evr: "2-1.el9", arch: "x86_64"}}
	makeJump(t, input(t, root, "1.0", a, "2.0", b))
	tests := []struct {
		from, to string
		old      []sample
		code     int
		want     string
	}{
		{"2.0", "2.0", b, exit.Usage, "from and to are the same release"},
		{"1.0", "3.0", a, exit.Usage, "specs/1.0-2.0 is there already"},
		{"0.9", "2.0", a, exit.Usage, "specs/1.0-2.0 leads to 2.0 already"},
		{"2.0", "1.0", b, exit.Usage, "a way leads from 1.0 to 2.0"},
		{"2.0", "3.0", a, exit.Mismatch, "the packages given are not those of versions/2.0.yaml: a-2-1.el9.x86_64 is missing, a-1-1.el9.x86_64 is not in it"},
		{"2.0", "3.0", []sample{{name: "a", evr: "2-1.el9", arch: "x86_64", built: 2e9}}, exit.Mismatch, "the packages given are not those of versions/2.0.yaml: a-2-1.el9.x86_64 is another file"},
	}
	for _, tt := range tests {
		cat, err := release.LoadBefore(root, tt.from, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		in := Input{Catalog: cat, From: Side{Version: tt.from, Release: cat.Release(tt.from)}, To: Side{Version: tt.to, Release: cat.Release(tt.to)}}
		_, in.From.Packages = folder(t, tt.old)
		_, in.To.Packages = folder(t, b)
		if _, err := Make(in); exit.Code(err) != tt.code || err.Error() != tt.want {
			t.Errorf("%s to %s: %d %v, want %d %s", tt.from, tt.to, exit.Code(err), err, tt.code, tt.want)
		}
	}
	// A file in the place of what is to be written.
	writeFile(t, root, "versions/3.0/config/x", "x")
	if err := os.Remove(filepath.Join(root, "versions/3.0/config/x")); err != nil {
		t.Fatal(err)
	}
	cat, err := release.LoadBefore(root, "3.0")
	if err == nil {
		_, err = Make(Input{Catalog: cat, From: Side{Version: "2.0", Release: cat.Release("2.0")}, To: Side{Version: "3.0"}})
	}
	if err == nil || !strings.Contains(err.Error(), "versions/3.0") {
		t.Errorf("a folder in the way: %v", err)
	}
}
