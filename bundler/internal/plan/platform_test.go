package plan_test

import (
	"errors"
	"strings"
	"testing"

	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
)

// A package that the rpm of one of its release's platforms cannot read is reported, once for each.
func TestCheckPlatforms(t *testing.T) {
	t.Parallel()
	cat := catalog([]release.Component{component("a", "1-1", "1"), component("stays", "1-1", "1")}, []release.Component{component("a", "2-1", "2"), component("stays", "1-1", "1")})
	cat.Releases[0].Platforms, cat.Releases[1].Platforms = []string{"el8.x86_64"}, []string{"el7.x86_64", "el8.x86_64"}
	p, err := plan.Resolve(cat, "1.0-2.0", "")
	if err != nil {
		t.Fatal(err)
	}
	zstd := []string{"rpmlib(PayloadIsZstd) <= 5.4.18-1"}
	stays := pkg{name: "stays", evr: "1-1", requires: zstd}.header(t)
	_, err = p.Check(plan.Headers{
		Old: map[string]*rpmpkg.Package{"a": pkg{name: "a", evr: "1-1", requires: []string{"rpmlib(DynamicBuildRequires) <= 4.15.0-1"}}.header(t), "stays": stays},
		New: map[string]*rpmpkg.Package{"a": pkg{name: "a", evr: "2-1", requires: zstd}.header(t), "stays": stays},
	})
	var problems plan.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Package+": "+p.What)
	}
	want := []string{
		"a-1-1: needs rpmlib(DynamicBuildRequires) <= 4.15.0-1, which the rpm of el8.x86_64 does not know",
		"a-2-1: needs rpmlib(PayloadIsZstd) <= 5.4.18-1, which the rpm of el7.x86_64 does not know",
		"stays-1-1: needs rpmlib(PayloadIsZstd) <= 5.4.18-1, which the rpm of el7.x86_64 does not know",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What a package needs before the transaction is not there because it comes with it.
func TestCheckPretrans(t *testing.T) {
	t.Parallel()
	user := func(evr string) pkg { return pkg{name: "user", evr: evr, pretrans: []string{"tool"}} }
	const needs = "user-2-1: needs tool before the transaction, which comes with it"
	early := func(s *release.Spec) { s.Packages.Early = []string{"tool"} }
	for name, tt := range map[string]struct {
		old, new []pkg
		spec     func(*release.Spec)
		want     string
	}{
		"was there": {[]pkg{user("1-1"), {name: "tool", evr: "1-1"}}, []pkg{user("2-1"), {name: "tool", evr: "2-1"}}, nil, ""},
		"comes":     {[]pkg{{name: "user", evr: "1-1"}}, []pkg{user("2-1"), {name: "tool", evr: "2-1"}}, nil, needs},
		"early":     {[]pkg{{name: "user", evr: "1-1"}}, []pkg{user("2-1"), {name: "tool", evr: "2-1"}}, early, ""},
		"stays":     {[]pkg{user("1-1"), {name: "other", evr: "1-1"}}, []pkg{user("1-1"), {name: "tool", evr: "2-1"}}, nil, ""},
	} {
		if _, got := check(t, tt.old, tt.new, tt.spec); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
