package packages

import (
	"fmt"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

func pkg(name, version string) manifest.Package {
	return manifest.Package{ID: nevra.ID{Name: name, Version: version, Release: "1", Arch: "noarch"}}
}

func ids(list ...string) map[string][]nevra.ID {
	all := map[string][]nevra.ID{}
	for _, s := range list {
		id, err := nevra.Parse(s + ".noarch")
		if err != nil {
			panic(err)
		}
		all[id.Name] = append(all[id.Name], id)
	}
	return all
}

// TestCompare is every way in which rpm's database may differ from a side.
func TestCompare(t *testing.T) {
	t.Parallel()
	wanted := []manifest.Package{pkg("a", "1"), pkg("b", "2"), pkg("c", "3")}
	for name, c := range map[string]struct {
		installed []string
		want      string
	}{
		"all right":          {[]string{"a-1-1", "b-2-1", "c-3-1"}, ""},
		"nothing":            {nil, "a is not installed, 0:1-1 is wanted; b is not installed, 0:2-1 is wanted; c is not installed, 0:3-1 is wanted"},
		"another version":    {[]string{"a-1-1", "b-3-1", "c-3-1"}, "b is 0:3-1, 0:2-1 is wanted"},
		"another release":    {[]string{"a-1-1", "b-2-2", "c-3-1"}, "b is 0:2-2, 0:2-1 is wanted"},
		"another epoch":      {[]string{"a-1-1", "b-1:2-1", "c-3-1"}, "b is 1:2-1, 0:2-1 is wanted"},
		"one too many":       {[]string{"a-1-1", "b-2-1", "c-3-1", "z-9-1", "aa-8-1"}, "aa 0:8-1 is installed; z 0:9-1 is installed"},
		"twice":              {[]string{"a-1-1", "b-1-1", "b-2-1", "c-3-1"}, "b is in rpm's database more than once: 0:1-1, 0:2-1"},
		"the same one twice": {[]string{"a-1-1", "b-2-1", "b-2-1", "c-3-1"}, "b is in rpm's database more than once: 0:2-1, 0:2-1"},
	} {
		var got []string
		for _, d := range Differences(wanted, ids(c.installed...)) {
			got = append(got, d.String())
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}

func TestDifferencesForPeople(t *testing.T) {
	t.Parallel()
	var many []Difference
	for i := range 20 {
		many = append(many, Difference{Kind: Stray, Path: fmt.Sprintf("/opt/%d", i)})
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{asError(manifest.Old, []Difference{{Kind: File, Package: "a", Path: "/opt/a", Got: "it is missing", Want: "a file"}, {Kind: Temporary, Path: "/opt/a;5a0b1c2d"}}),
			"the packages are not those of the old release: /opt/a of a: it is missing, wanted a file; /opt/a;5a0b1c2d was left by an interrupted rpm"},
		{asError(manifest.New, many[:1]), "the packages are not those of the new release: /opt/0 belongs to no package of this release"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", c.err, c.want)
		}
	}
	if text := asError(manifest.Old, many).Error(); !strings.HasSuffix(text, "; and 8 more") || strings.Contains(text, "/opt/12") {
		t.Error(text)
	}
	if err := asError(manifest.Old, nil); err != nil {
		t.Error(err)
	}
}

// TestNeedsRPM: what the record restores and what merely lies about is no work for rpm.
func TestNeedsRPM(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d    Difference
		want bool
	}{
		{Difference{Kind: Missing}, true}, {Difference{Kind: Version}, true}, {Difference{Kind: Duplicate}, true},
		{Difference{Kind: Extra}, false}, {Difference{Kind: Temporary}, false}, {Difference{Kind: Stray}, false},
		{Difference{Kind: File}, true}, {Difference{Kind: File, fromHost: true}, false}, {Difference{Kind: File, unproved: true}, true},
	} {
		if got := needsRPM([]Difference{c.d}); got != c.want {
			t.Errorf("%+v: %v", c.d, got)
		}
		if len(hard([]Difference{c.d})) != 0 == c.d.unproved {
			t.Errorf("%+v counts in the proof: %v", c.d, !c.d.unproved)
		}
	}
	if needsRPM(nil) {
		t.Error("rpm runs for nothing")
	}
}
