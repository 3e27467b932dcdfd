package plan_test

import (
	"reflect"
	"strings"
	"testing"

	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// moving says that package db comes early and package search goes late.
func moving(s *release.Spec) {
	s.Packages.Early = []string{"db"}
	s.Packages.Late = []release.Late{{Package: "search", Why: "its data", Keep: []string{"/var/lib/b", "/var/lib/a"}}}
}

func TestParts(t *testing.T) {
	t.Parallel()
	old := func(search pkg) []pkg {
		search.name, search.evr = "search", "1-1"
		return []pkg{search, {name: "rest", evr: "1-1", files: map[string]string{"/opt/rest": "1"}, provides: []string{"api = 1"}}, {name: "dropped", evr: "1-1"}}
	}
	for _, c := range []struct {
		name   string
		search pkg // in the old release
		db     pkg // in the new one
		rest   pkg
		want   string // lines that are said; "" for none
	}{
		{name: "they fit"},
		{name: "early conflicts with what changes", db: pkg{conflicts: []string{"rest < 2"}}, want: "db-9-1: comes early, beside release 1.0, but db-9-1 conflicts with rest-1-1, as rest < 2"},
		{name: "what goes conflicts with early", search: pkg{conflicts: []string{"db"}}, want: "db-9-1: comes early, beside release 1.0, but search-1-1 conflicts with db-9-1, as db\n" +
			"search-1-1: goes late, and stands beside release 2.0 until then, but search-1-1 conflicts with db-9-1, as db"},
		{name: "early obsoletes what goes", db: pkg{obsoles: []string{"dropped"}}, want: "db-9-1: comes early, beside release 1.0, but db-9-1 obsoletes dropped-1-1, as dropped"},
		{name: "early needs what comes in the window", db: pkg{requires: []string{"api = 2"}}, want: "db-9-1: comes early, beside release 1.0, and needs api = 2, which is not there at that time"},
		{name: "early has a file of the old release", db: pkg{files: map[string]string{"/opt/rest": "9"}}, rest: pkg{files: map[string]string{"/opt/other": "2"}},
			want: "db-9-1: comes early, beside release 1.0, and has the file /opt/rest, which rest-1-1 has with other content"},
		{name: "the same file of both", db: pkg{files: map[string]string{"/opt/rest": "1"}}, rest: pkg{files: map[string]string{"/opt/other": "2"}}},
		{name: "the new release obsoletes what goes late", rest: pkg{obsoles: []string{"search"}}, want: "search-1-1: goes late, and stands beside release 2.0 until then, but rest-2-1 obsoletes search-1-1, as search"},
		{name: "what goes late needs what changes", search: pkg{requires: []string{"api = 1"}},
			want: "search-1-1: goes late, and stands beside release 2.0 until then, and needs api = 1, which is not there at that time"},
		{name: "what goes late needs what stays", search: pkg{requires: []string{"rest"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.db.name, c.db.evr, c.rest.name, c.rest.evr = "db", "9-1", "rest", "2-1"
			if c.rest.files == nil {
				c.rest.files = map[string]string{"/opt/rest": "2"}
				if c.db.files == nil {
					c.db.files = map[string]string{"/opt/db": "9"}
				}
			}
			c.rest.provides = []string{"api = 2"}
			c.rest.requires = []string{"db"}
			v, said := check(t, old(c.search), []pkg{c.db, c.rest}, moving)
			if said != c.want {
				t.Errorf("said %q\nwant %q", said, c.want)
			}
			// Neither helper package takes away what has a transaction of its own.
			if c.want == "" && (len(v.Undo) != 0 || len(v.Drop) != 1 || v.Drop[0].Name != "dropped") {
				t.Errorf("undo %v, drop %v", v.Undo, v.Drop)
			}
		})
	}
}

// TestSkippedByPart: rpm leaves a kind of scriptlet out of one transaction, and a jump has three.
func TestSkippedByPart(t *testing.T) {
	t.Parallel()
	old := []pkg{{name: "search", evr: "1-1", postun: "rm -rf /var/lib/search"}, {name: "rest", evr: "1-1", postun: "rm -rf /opt/rest"}}
	new := []pkg{{name: "db", evr: "9-1", scripts: map[string]string{"pre": "useradd db"}}, {name: "rest", evr: "2-1", scripts: map[string]string{"pre": "useradd rest"}}}
	for _, c := range []struct {
		skip, keep map[string]map[string]string
		want       string
	}{
		{map[string]map[string]string{"search-1-1": {"postun": "x"}}, map[string]map[string]string{"rest-1-1": {"postun": "x"}}, ""},
		{map[string]map[string]string{"search-1-1": {"postun": "x"}}, nil, "rest-1-1: its %postun runs last in the upgrade, and the spec does not say whether it may"},
		{map[string]map[string]string{"rest-1-1": {"postun": "x"}}, nil, "search-1-1: its %postun runs last in the upgrade, and the spec does not say whether it may"},
		{map[string]map[string]string{"db-9-1": {"pre": "x"}, "rest-1-1": {"postun": "x"}, "search-1-1": {"postun": "x"}}, nil, ""},
	} {
		_, said := check(t, old, new, func(s *release.Spec) {
			moving(s)
			s.Packages.Skip, s.Packages.Keep = c.skip, c.keep
		})
		if said != c.want {
			t.Errorf("skip %v, keep %v: said %q\nwant %q", c.skip, c.keep, said, c.want)
		}
	}
}

func TestPartsInTheManifest(t *testing.T) {
	t.Parallel()
	cat := catalog([]release.Component{component("rest", "1-1", "1"), component("search", "1-1", "1")}, []release.Component{component("db", "9-1", "2"), component("rest", "2-1", "2")})
	moving(cat.Specs["1.0-2.0"])
	p, err := plan.Resolve(cat, "1.0-2.0", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		for _, pkg := range p.Packages(side, plan.Headers{}) {
			if pkg.Early {
				got = append(got, string(side)+" "+pkg.Name+" early")
			}
			if pkg.Late {
				got = append(got, string(side)+" "+pkg.Name+" late")
			}
		}
	}
	if strings.Join(got, ", ") != "old search late, new db early" || !reflect.DeepEqual(p.Keep(), []string{"/var/lib/a", "/var/lib/b"}) {
		t.Errorf("got %v, keep %v", got, p.Keep())
	}
}
