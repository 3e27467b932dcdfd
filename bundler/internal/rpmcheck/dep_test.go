package rpmcheck_test

import (
	"math/rand/v2"
	"testing"

	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
)

var senses = map[string]rpmpkg.DepFlags{
	"": 0, "<": rpmpkg.DepLess, "<=": rpmpkg.DepLess | rpmpkg.DepEqual, "=": rpmpkg.DepEqual,
	">=": rpmpkg.DepGreater | rpmpkg.DepEqual, ">": rpmpkg.DepGreater,
}

func TestImplies(t *testing.T) {
	t.Parallel()
	dep := func(sign, version string) rpmpkg.Dep {
		return rpmpkg.Dep{Name: "n", Flags: senses[sign], EVR: version}
	}
	for _, tt := range []struct {
		known, asked rpmpkg.Dep
		want         bool
	}{
		{dep(">=", "18"), dep(">=", "17"), true},
		{dep(">=", "17"), dep(">=", "18"), false},
		{dep(">", "18"), dep(">=", "18"), true},
		{dep(">=", "18"), dep(">", "18"), false},
		{dep("=", "18.1-1"), dep(">=", "17"), true},
		{dep("=", "18.1-1"), dep("=", "18.1"), true},
		{dep("=", "18.1"), dep("=", "18.1-1"), false},
		{dep(">=", "1:1"), dep(">=", "17"), true},
		{dep("<", "2-3"), dep("<=", "2-3"), true},
		{dep("<", "2"), dep(">=", "1"), false},
		{dep("", ""), dep("", ""), true},
		{dep("=", "1"), dep("", ""), true},
		{dep("", ""), dep("=", "1"), false},
		{dep("=", "1"), rpmpkg.Dep{Name: "other"}, false},
	} {
		if got := rpmcheck.Implies(tt.known, tt.asked); got != tt.want {
			t.Errorf("%s implies %s: %v", tt.known, tt.asked, got)
		}
	}
}

// One requirement implies another exactly when no version fulfils the first alone.
func TestImpliesAllVersions(t *testing.T) {
	t.Parallel()
	all := []string{"0"}
	for _, epoch := range []string{"", "1:"} {
		for _, v := range []string{"1.0~rc0", "1.0~rc1", "1.0~rc2", "1", "1.0", "1.0.0", "1.0.1", "1.0.2", "2", "3", "1.0^git1", "1.0^git2", "1.0^git3"} {
			for _, r := range []string{"", "-0", "-1", "-1.5", "-2", "-2.5", "-3"} {
				all = append(all, epoch+v+r)
			}
		}
	}
	r := rand.New(rand.NewPCG(15, 3))
	some := func() rpmpkg.Dep {
		return rpmpkg.Dep{Name: "n", Flags: senses[pick(r, "<", "<=", "=", ">=", ">")], EVR: pick(r, "", "1:") + pick(r, "1.0~rc1", "1", "1.0.1", "2", "1.0^git2") + pick(r, "", "-1", "-2")}
	}
	yes := 0
	for range 3000 {
		known, asked := some(), some()
		want, by := true, ""
		for _, version := range all {
			p := rpmpkg.Dep{Name: "n", Flags: rpmpkg.DepEqual, EVR: version}
			if rpmcheck.Overlap(p, known) && !rpmcheck.Overlap(p, asked) {
				want, by = false, version
			}
		}
		if got := rpmcheck.Implies(known, asked); got != want {
			t.Errorf("%s implies %s: %v (%s)", known, asked, got, by)
		}
		if want {
			yes++
		}
	}
	if yes < 100 || yes > 2900 {
		t.Errorf("%d of 3000 are implied", yes)
	}
}
