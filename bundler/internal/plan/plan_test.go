package plan_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/rpmtest"
	"onerpm/internal/manifest"
)

// component writes a component of a test: name, evr, and a digit that stands for its digest.
func component(name, evr, digest string) release.Component {
	return release.Component{Name: name, EVR: evr, Arch: "noarch", SHA256: strings.Repeat(digest, 64), Size: 10}
}

// catalog is two releases with one jump between them.
func catalog(old, new []release.Component) *release.Catalog {
	return &release.Catalog{
		Product:  release.Product{Name: "Demo", Prefix: "demo-upgrade", Source: "dist"},
		Releases: []*release.Release{{Version: "1.0", Date: "2020-01-01", Components: old}, {Version: "2.0", Date: "2021-02-03", Components: new}},
		Jumps:    map[string]string{"1.0": "2.0"},
		Specs:    map[string]*release.Spec{"1.0-2.0": {From: "1.0", To: "2.0", Revision: 3}},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	cat := catalog(
		[]release.Component{component("same", "1-1", "1"), component("up", "1:1-1", "1"), component("down", "17-1", "1"), component("gone", "1-1", "1"), component("rebuilt", "1-1", "1")},
		[]release.Component{component("come", "1-1", "2"), component("same", "1-1", "1"), component("up", "1:2-1", "2"), component("down", "4-1", "2"), component("rebuilt", "1-1", "2")})
	cat.Releases[0].ConfigFiles = []release.ConfigFile{{Target: "/etc/a.json"}, {Target: "/etc/b"}}
	cat.Releases[1].ConfigFiles = []release.ConfigFile{{Target: "/etc/b"}, {Target: "/etc/sysconfig/c"}}
	cat.Product.Unreached = []release.Unreached{{Version: "1.0", Why: "there is a way from here"}, {Version: "2.0", Why: "wait for 3.0"}}
	cat.Specs["1.0-2.0"].Config = []manifest.Config{{Target: "/etc/b", Format: "yaml", Mode: "0600"}}
	p, err := plan.Resolve(cat, "1.0-2.0", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range p.Changes {
		got = append(got, fmt.Sprintf("%s %s %v", c.Name, c.Kind, c.Backwards))
	}
	want := []string{"come added false", "down changed true", "gone removed false", "rebuilt changed false", "same unchanged false", "up changed false"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("changes\n%q, want\n%q", got, want)
	}
	got = nil
	for _, it := range p.Items() {
		got = append(got, fmt.Sprintf("%s %d:%s %s %s", it.Name, it.Epoch, it.Version, it.SHA256[:1], it.Source))
	}
	want = []string{"come 0:1 2 dist", "down 0:17 1 dist", "down 0:4 2 dist", "gone 0:1 1 dist", "rebuilt 0:1 1 dist", "rebuilt 0:1 2 dist", "same 0:1 1 dist", "up 1:1 1 dist", "up 1:2 2 dist"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("items\n%q, want\n%q", got, want)
	}
	var files []string
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		for _, pkg := range p.Packages(side, plan.Headers{}) {
			files = append(files, pkg.File)
		}
	}
	want = []string{"rollback/down-17-1.noarch.rpm", "rollback/gone-1-1.noarch.rpm", "rollback/rebuilt-1-1.noarch.rpm", "", "rollback/up-1-1.noarch.rpm",
		"packages/come-1-1.noarch.rpm", "packages/down-4-1.noarch.rpm", "packages/rebuilt-1-1.noarch.rpm", "", "packages/up-2-1.noarch.rpm"}
	if !reflect.DeepEqual(files, want) {
		t.Errorf("files\n%q, want\n%q", files, want)
	}
	wantConfig := []manifest.Config{
		{Target: "/etc/a.json", Format: "json", Old: "config/old/etc/a.json"},
		{Target: "/etc/b", Format: "yaml", Old: "config/old/etc/b", New: "config/new/etc/b", Mode: "0600"},
		{Target: "/etc/sysconfig/c", Format: "env", New: "config/new/etc/sysconfig/c"},
	}
	if got := p.ManifestConfig(); !reflect.DeepEqual(got, wantConfig) {
		t.Errorf("config %+v", got)
	}
	if name, version, rev := p.BundleName(); name != "demo-upgrade-2.0" || version != "2.0" || rev != "3" {
		t.Errorf("bundle %s %s %s", name, version, rev)
	}
	if k := p.Known; len(k) != 2 || k[0].Next != "2.0" || k[1].Next != "" || k[0].Why != "" || k[1].Why != "wait for 3.0" || k[0].Packages[0] != (manifest.Known{Name: "down", EVR: "0:17-1"}) {
		t.Errorf("known %+v", k)
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	cat := catalog(nil, nil)
	for epoch, want := range map[string]string{
		"": "2021-02-03T00:00:00Z", "0": "1970-01-01T00:00:00Z", "1600000000": "2020-09-13T12:26:40Z",
		"-1": "", "1e9": "", "soon": "", " 1": "", "4294967296": "",
	} {
		p, err := plan.Resolve(cat, "1.0-2.0", epoch)
		switch {
		case want == "" && exit.Code(err) != exit.Usage:
			t.Errorf("%q: got %v", epoch, err)
		case want != "" && (err != nil || p.Date.Format("2006-01-02T15:04:05Z07:00") != want):
			t.Errorf("%q: got %v, %v", epoch, p, err)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	open := component("open", "1-1", "")
	_, err := plan.Resolve(catalog(nil, []release.Component{component("a", "1-1", "1"), open}), "1.0-2.0", "")
	if exit.Code(err) != exit.Spec || exit.Hint(err) != "run bundler lock 2.0" || err.Error() != "release 2.0 does not pin open by digest and size" {
		t.Errorf("got %v (%s)", err, exit.Hint(err))
	}
	if _, err := plan.Resolve(catalog(nil, nil), "1.0-3.0", ""); exit.Code(err) != exit.Usage {
		t.Errorf("got %v", err)
	}
}

// pkg is a package of a test, made into a real rpm's header.
type pkg struct {
	name, evr                              string
	requires, provides, conflicts, obsoles []string
	pretrans                               []string          // requirements before the transaction
	files                                  map[string]string // path -> content; "dir", "link TARGET", "ghost", "config"
	post, preun, postun                    string
	scripts                                map[string]string // further kinds, as rpmtest takes them
	triggers                               []rpmtest.Trigger
}

func (p pkg) header(t *testing.T) *rpmpkg.Package {
	t.Helper()
	h, err := rpmpkg.Read(bytes.NewReader(p.bytes(t)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// build makes the package.
func (p pkg) build(t *testing.T) *rpmpack.RPM {
	t.Helper()
	epoch, rest, has := strings.Cut(p.evr, ":")
	if !has {
		epoch, rest = "0", p.evr
	}
	version, rpmRelease, _ := strings.Cut(rest, "-")
	meta := rpmpack.RPMMetaData{Name: p.name, Version: version, Release: rpmRelease, Arch: "noarch"}
	if n := uint32(epoch[0] - '0'); n > 0 {
		meta.Epoch = n
	}
	for _, d := range []struct {
		from []string
		to   *rpmpack.Relations
	}{{p.requires, &meta.Requires}, {p.provides, &meta.Provides}, {p.conflicts, &meta.Conflicts}, {p.obsoles, &meta.Obsoletes}} {
		for _, s := range d.from {
			if err := d.to.Set(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range p.pretrans {
		d, err := rpmpack.NewRelation(s)
		if err != nil {
			t.Fatal(err)
		}
		d.Sense |= 1 << 7 // RPMSENSE_PRETRANS
		meta.Requires = append(meta.Requires, d)
	}
	r, err := rpmpack.NewRPM(meta)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range p.files {
		mode, kind := uint(0o100644), rpmpack.GenericFile
		to, link := strings.CutPrefix(body, "link ")
		switch {
		case body == "dir":
			mode, body = 0o040755, ""
		case body == "ghost":
			kind, body = rpmpack.GhostFile, ""
		case body == "config":
			kind = rpmpack.ConfigFile
		case link:
			mode, body = 0o120777, to
		}
		r.AddFile(rpmpack.RPMFile{Name: name, Body: []byte(body), Mode: mode, Owner: "root", Group: "root", Type: kind})
	}
	for kind, text := range p.scripts {
		if err := rpmtest.AddScriptlet(r, kind, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := rpmtest.AddTriggers(r, p.triggers); err != nil {
		t.Fatal(err)
	}
	if p.post != "" {
		r.AddPostin(p.post)
	}
	if p.preun != "" {
		r.AddPreun(p.preun)
	}
	if p.postun != "" {
		r.AddPostun(p.postun)
	}
	return r
}

// check resolves and checks a jump between two sets; a package is unchanged when it is written alike.
func check(t *testing.T, old, new []pkg, spec func(*release.Spec)) (*plan.Verdict, string) {
	t.Helper()
	components := func(set, other []pkg) []release.Component {
		var out []release.Component
		for i, p := range set {
			c := component(p.name, p.evr, "1")
			if len(other) <= i || !reflect.DeepEqual(other[i], p) {
				c.SHA256 = fmt.Sprintf("%064x", len(set)*1000+i)
			}
			out = append(out, c)
		}
		return out
	}
	cat := catalog(components(old, new), components(new, append(append([]pkg{}, old...), pkg{}, pkg{})))
	if spec != nil {
		spec(cat.Specs["1.0-2.0"])
	}
	p, err := plan.Resolve(cat, "1.0-2.0", "")
	if err != nil {
		t.Fatal(err)
	}
	var headers []*rpmpkg.Package
	byNVR := map[string]*rpmpkg.Package{}
	for _, set := range [][]pkg{old, new} {
		for _, p := range set {
			h := p.header(t)
			byNVR[h.NVR()] = h
		}
	}
	for _, it := range p.Items() {
		headers = append(headers, byNVR[it.Name+"-"+it.Version+"-"+it.Release])
	}
	v, err := p.Check(p.Attach(headers))
	if v == nil {
		t.Fatal("no verdict")
	}
	if err == nil {
		return v, ""
	}
	var problems plan.Problems
	if exit.Code(err) != exit.Packages || !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Package+": "+p.What)
	}
	return v, strings.Join(lines, "\n")
}

func TestCheckDependencies(t *testing.T) {
	t.Parallel()
	base := pkg{name: "base", evr: "1-1", provides: []string{"base-api = 3"}, files: map[string]string{"/opt/base/tool": "x"}}
	tests := []struct {
		name     string
		old, new []pkg
		want     string
	}{
		{"in the new set", nil, []pkg{base, {name: "a", evr: "1-1", requires: []string{"base", "base-api >= 2", "/opt/base/tool"}}}, ""},
		{"too low", nil, []pkg{base, {name: "a", evr: "1-1", requires: []string{"base-api >= 4", "base = 2"}}},
			"a-1-1: needs base-api >= 4, but the new release has base-api = 3\na-1-1: needs base = 2, but the new release has base = 1-1"},
		{"backwards", []pkg{{name: "base", evr: "17-1"}}, []pkg{base, {name: "a", evr: "1-1", requires: []string{"base >= 17"}}},
			"a-1-1: needs base >= 17, but the new release has base = 1-1"},
		{"removed by the jump", []pkg{base}, []pkg{{name: "a", evr: "1-1", requires: []string{"base-api", "/opt/base/tool", "base > 0"}}},
			"a-1-1: needs base-api, which only release 1.0 has\na-1-1: needs /opt/base/tool, which only release 1.0 has\na-1-1: needs base > 0, which only release 1.0 has"},
		{"an unchanged one needs what goes",
			[]pkg{{name: "a", evr: "1-1", requires: []string{"base"}}, base}, []pkg{{name: "a", evr: "1-1", requires: []string{"base"}}},
			"a-1-1: needs base, which only release 1.0 has"},
		{"of the system", nil, []pkg{{name: "a", evr: "1-1", requires: []string{
			"/bin/sh", "/usr/bin/python", "/usr/sbin/useradd", "libc.so.6(GLIBC_2.2.5)(64bit)", "libpq.so.5()(64bit)", "rtld(GNU_HASH)", "rpmlib(FileDigests) <= 4.6.0-1", "systemd", "python(abi) = 2.7"}}}, ""},
		{"unknown", nil, []pkg{{name: "a", evr: "1-1", requires: []string{"erlang", "/opt/other/x"}}},
			"a-1-1: needs erlang, which is in neither release and which 1.0 does not need\na-1-1: needs /opt/other/x, which is in neither release and which 1.0 does not need"},
		{"the old host has it", []pkg{{name: "a", evr: "1-1", requires: []string{"erlang >= 17", "java = 8"}}},
			[]pkg{{name: "a", evr: "2-1", requires: []string{"erlang >= 17", "java"}}}, ""},
		{"the old host may have less", []pkg{{name: "a", evr: "1-1", requires: []string{"erlang >= 17"}}},
			[]pkg{{name: "a", evr: "2-1", requires: []string{"erlang >= 18"}}},
			"a-2-1: needs erlang >= 18, which is in neither release and which 1.0 does not need"},
		{"the old host has more", []pkg{{name: "a", evr: "1-1", requires: []string{"erlang = 18.1-1", "java > 8"}}},
			[]pkg{{name: "a", evr: "2-1", requires: []string{"erlang >= 17", "java >= 8"}}}, ""},
		{"provided without a release", nil, []pkg{{name: "base", evr: "1-1", provides: []string{"base-api = 1.0"}}, {name: "a", evr: "1-1", requires: []string{"base-api > 1.0-2"}}}, ""},
		{"conflict with a release", nil, []pkg{{name: "base", evr: "1-1", provides: []string{"base-api = 2.0"}}, {name: "a", evr: "1-1", conflicts: []string{"base-api < 2.0-5"}}},
			"a-1-1: conflicts with base-1-1, as base-api < 2.0-5"},
		{"conflict with a file", nil, []pkg{{name: "base", evr: "1-1", files: map[string]string{"/opt/f": "x"}}, {name: "a", evr: "1-1", conflicts: []string{"/opt/f"}}},
			"a-1-1: conflicts with base-1-1, as /opt/f"},
		{"conflict of two that stay", []pkg{base, {name: "a", evr: "1-1", conflicts: []string{"base"}, files: map[string]string{"/opt/x": "y"}}},
			[]pkg{base, {name: "a", evr: "1-1", conflicts: []string{"base"}, files: map[string]string{"/opt/x": "y"}}}, ""},
		{"conflict", nil, []pkg{base, {name: "a", evr: "1-1", conflicts: []string{"base < 2", "base-api = 4", "a"}}},
			"a-1-1: conflicts with base-1-1, as base < 2"},
		{"obsoletes its neighbour", nil, []pkg{base, {name: "a", evr: "1-1", obsoles: []string{"base", "base-api"}}},
			"a-1-1: obsoletes base-1-1, as base"},
		{"file conflict", nil, []pkg{
			{name: "a", evr: "1-1", files: map[string]string{"/opt/d": "dir", "/opt/d/same": "x", "/opt/d/other": "x", "/opt/d/kind": "dir"}},
			{name: "b", evr: "1-1", files: map[string]string{"/opt/d": "dir", "/opt/d/same": "x", "/opt/d/other": "y", "/opt/d/kind": "x"}}},
			"b-1-1: has the file /opt/d/kind, which a-1-1 has too, with another type\nb-1-1: has the file /opt/d/other, which a-1-1 has too, with other content"},
		{"ghosts", nil, []pkg{{name: "a", evr: "1-1", files: map[string]string{"/opt/f": "ghost", "/opt/g": "x"}}, {name: "b", evr: "1-1", files: map[string]string{"/opt/f": "x", "/opt/g": "ghost"}}}, ""},
		{"a ghost hides no conflict of others", nil, []pkg{
			{name: "a", evr: "1-1", files: map[string]string{"/opt/f": "ghost"}}, {name: "b", evr: "1-1", files: map[string]string{"/opt/f": "x"}}, {name: "c", evr: "1-1", files: map[string]string{"/opt/f": "y"}}},
			"c-1-1: has the file /opt/f, which b-1-1 has too, with other content"},
	}
	for _, tt := range tests {
		if _, got := check(t, tt.old, tt.new, nil); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
	listed := func(s *release.Spec) { s.Packages.Host = []string{"erlang"} }
	for _, set := range [][]pkg{{}, {{name: "other", evr: "1-1", provides: []string{"erlang = 4"}}}} {
		if _, got := check(t, nil, append(set, pkg{name: "a", evr: "1-1", requires: []string{"erlang >= 18"}}), listed); got != "" {
			t.Errorf("listed in packages.host, beside %v: %s", set, got)
		}
	}
}

func TestCheckScriptlets(t *testing.T) {
	t.Parallel()
	type rules = map[string]map[string]string
	trap := "rm -rf /opt/x"
	tests := []struct {
		name       string
		old, new   []pkg
		skip, keep rules
		want       string
	}{
		{"nothing runs", []pkg{{name: "a", evr: "1-1", postun: "# nothing\n:\nexit 0\n"}}, []pkg{{name: "a", evr: "2-1"}}, nil, nil, ""},
		{"old %postun", []pkg{{name: "a", evr: "1-1", postun: trap}}, []pkg{{name: "a", evr: "2-1"}}, nil, nil,
			"a-1-1: its %postun runs last in the upgrade, and the spec does not say whether it may"},
		{"old %postun of what goes", []pkg{{name: "a", evr: "1-1", postun: trap}}, nil, nil, nil,
			"a-1-1: its %postun runs last in the upgrade, and the spec does not say whether it may"},
		{"old %postun of what stays", []pkg{{name: "a", evr: "1-1", postun: trap}}, []pkg{{name: "a", evr: "1-1", postun: trap}}, nil, nil, ""},
		{"skipped", []pkg{{name: "a", evr: "1-1", postun: trap}}, []pkg{{name: "a", evr: "2-1", postun: trap}}, rules{"a-1-1": {"postun": "deletes"}}, nil, ""},
		{"kept", []pkg{{name: "a", evr: "1-1", postun: "ls"}}, []pkg{{name: "a", evr: "2-1"}}, nil, rules{"a-1-1": {"postun": "harmless"}}, ""},
		{"the new one's, when repeated", []pkg{{name: "a", evr: "1-1"}}, []pkg{{name: "a", evr: "2-1", postun: trap}}, nil, nil,
			"a-2-1: its %postun runs when a killed transaction is repeated with rpm 4.16 or later, and the spec does not say whether it may"},
		{"skipped with others", []pkg{{name: "a", evr: "1-1", postun: trap}, {name: "b", evr: "1-1", postun: "ls"}, {name: "c", evr: "1-1", postun: "ls"}},
			[]pkg{{name: "a", evr: "2-1"}, {name: "b", evr: "2-1"}, {name: "c", evr: "1-1", postun: "ls"}},
			rules{"a-1-1": {"postun": "deletes"}}, rules{"b-1-1": {"postun": "harmless"}},
			"b-1-1: its %postun is left out too: rpm skips a kind of scriptlet for a whole transaction, and the spec skips another package's %postun"},
		{"post of new ones", nil, []pkg{{name: "a", evr: "1-1", post: "x"}, {name: "b", evr: "1-1", post: "y"}}, rules{"a-1-1": {"post": "slow"}}, nil,
			"b-1-1: its %post is left out too: rpm skips a kind of scriptlet for a whole transaction, and the spec skips another package's %post"},
		{"not there", []pkg{{name: "a", evr: "1-1", preun: "x", scripts: map[string]string{"posttrans": "x"}}}, []pkg{{name: "a", evr: "2-1"}, {name: "b", evr: "2-1", post: "x"}},
			rules{"a-1-1": {"postun": "x"}, "c-1-1": {"postun": "x"}}, rules{"a-1-1": {"post": "x", "posttrans": "x"}, "b-2-1": {"post": "x"}},
			"a-1-1: packages.skip lists its %postun, but it has none\n" +
				"a-1-1: packages.keep lists its %post, which does not run in this jump\n" +
				"a-1-1: packages.keep lists its %posttrans, which does not run in this jump\n" +
				"c-1-1: packages.skip lists its %postun, which does not run in this jump"},
	}
	for _, tt := range tests {
		_, got := check(t, tt.old, tt.new, func(s *release.Spec) { s.Packages = release.PackageRules{Skip: tt.skip, Keep: tt.keep} })
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	v, problems := check(t,
		[]pkg{{name: "stay", evr: "1-1"}, {name: "replaced", evr: "1-1"}, {name: "gone", evr: "3:1-1"}, {name: "toonew", evr: "9-1"}, {name: "z", evr: "1-1", postun: "x"}},
		[]pkg{{name: "stay", evr: "1-1"}, {name: "come", evr: "2:1-1", obsoles: []string{"replaced", "toonew < 5"}}, {name: "z", evr: "2-1"}},
		func(s *release.Spec) {
			s.Packages.Skip = map[string]map[string]string{"z-1-1": {"postun": "deletes"}}
		})
	if problems != "" {
		t.Fatal(problems)
	}
	show := func(deps []rpmpkg.Dep) string { return fmt.Sprint(deps) }
	if got, want := show(v.Drop), "[gone = 3:1-1 toonew = 9-1]"; got != want {
		t.Errorf("drop %s, want %s", got, want)
	}
	if got, want := show(v.Undo), "[come = 2:1-1]"; got != want {
		t.Errorf("undo %s, want %s", got, want)
	}
	if want := []manifest.Scriptlet{{Package: "z-1-1", Kind: "postun", Why: "deletes"}}; !reflect.DeepEqual(v.Skip, want) {
		t.Errorf("skip %+v", v.Skip)
	}
}
