package matrix_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/matrix"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/internal/manifest"
)

// catalog has the releases 1, 2, 3 with a jump between each, all of them with customers.
func catalog() *release.Catalog {
	cat := &release.Catalog{Product: release.Product{Name: "Demo <1>", Prefix: "demo"}, Jumps: map[string]string{"1": "2", "2": "3"},
		Specs: map[string]*release.Spec{"1-2": {From: "1", To: "2", Revision: 1}, "2-3": {From: "2", To: "3", Revision: 4}},
		Base:  []release.Installed{{Release: "1", Customers: 10}, {Release: "2", Customers: 5}, {Release: "3", Customers: 1}}}
	for i, v := range []string{"1", "2", "3"} {
		cat.Releases = append(cat.Releases, &release.Release{Version: v, Date: "2020-01-0" + string(rune('1'+i)), Status: "supported", Platforms: []string{"el7.x86_64", "el8.x86_64"}})
	}
	return cat
}

// Only a jump that customers can take is no gap.
func TestJumps(t *testing.T) {
	t.Parallel()
	both := []string{"el7.x86_64", "el8.x86_64"}
	one, two := matrix.Published{Revision: 1, Channel: "stable", Certified: both}, matrix.Published{Revision: 4, Channel: "stable", Certified: both}
	tests := []struct {
		name   string
		built  map[string]matrix.Built
		stores map[string]matrix.Published
		want   string
	}{
		{"no store asked", nil, nil, ""},
		{"all published", nil, map[string]matrix.Published{"1-2": one, "2-3": two}, ""},
		{"an override is somebody's decision", nil, map[string]matrix.Published{"1-2": one, "2-3": {Revision: 4, Channel: "stable", Override: "urgent"}}, ""},
		{"one platform lacks", nil, map[string]matrix.Published{"1-2": {Revision: 1, Channel: "stable", Certified: both[:1]}, "2-3": two},
			"1-2: 10 customers wait for it: demo-2-2-1 is in stable and not certified for el8.x86_64; bundler certify, then bundler publish"},
		{"testing is not for customers", nil, map[string]matrix.Published{"1-2": one, "2-3": {Revision: 4, Channel: "testing", Certified: both}},
			"2-3: 15 customers wait for it: demo-3-3-4 is in testing alone; bundler certify, then bundler publish"},
		{"nothing", nil, map[string]matrix.Published{"1-2": one},
			"2-3: 15 customers wait for it: demo-3-3-4 is neither published nor built; bundler build 2-3"},
		{"built", map[string]matrix.Built{"2-3": {Revision: 4}}, map[string]matrix.Published{"1-2": one},
			"2-3: 15 customers wait for it: demo-3-3-4 is built, but not published; bundler certify, then bundler publish"},
		{"built and certified", map[string]matrix.Built{"2-3": {Revision: 4, Certified: both}}, map[string]matrix.Published{"1-2": one},
			"2-3: 15 customers wait for it: demo-3-3-4 is built, but not published; what was built is certified: bundler publish"},
		{"certified since it is in testing", map[string]matrix.Built{"2-3": {Revision: 4, Certified: both}}, map[string]matrix.Published{"1-2": one, "2-3": {Revision: 4, Channel: "testing"}},
			"2-3: 15 customers wait for it: demo-3-3-4 is in testing alone; what was built is certified: bundler publish"},
		{"other bytes are certified", map[string]matrix.Built{"1-2": {Revision: 1, Certified: both}}, map[string]matrix.Published{"1-2": {Revision: 1, Channel: "stable", Certified: both[:1]}, "2-3": two},
			"1-2: 10 customers wait for it: demo-2-2-1 is in stable and not certified for el8.x86_64; what was built is certified: bundler publish"},
		{"an earlier revision is published", nil, map[string]matrix.Published{"1-2": one, "2-3": {Revision: 3, Channel: "stable", Certified: both}},
			"2-3: 15 customers wait for it: demo-3-3-4 is neither published nor built (stable has revision 3); bundler build 2-3"},
		{"built before the last revision", map[string]matrix.Built{"2-3": {Revision: 3, Certified: both}}, map[string]matrix.Published{"1-2": one},
			"2-3: 15 customers wait for it: demo-3-3-4 is not published, and revision 3 is what was built; bundler build 2-3"},
	}
	for _, tt := range tests {
		m, err := matrix.New(matrix.Input{Catalog: catalog(), Built: tt.built, Stores: tt.stores})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range m.Gaps {
			got = append(got, g.String())
		}
		if s := strings.Join(got, "\n"); s != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, s, tt.want)
		}
		if err := m.Check(); (tt.want == "") != (err == nil) || err != nil && exit.Code(err) != exit.Gap {
			t.Errorf("%s: check says %v", tt.name, err)
		}
		if m.Customers != 16 || m.Covered != 16 {
			t.Errorf("%s: %d of %d", tt.name, m.Covered, m.Customers)
		}
	}
}

func TestFromStore(t *testing.T) {
	t.Parallel()
	known := map[string]*repo.Details{}
	bundle := func(from, to string, revision int, platforms ...string) repo.Bundle {
		b := repo.Bundle{From: from, To: to, Revision: revision, SHA256: fmt.Sprint(len(known))}
		d := &repo.Details{}
		for _, p := range platforms {
			d.Certificates = append(d.Certificates, repo.Certificate{Platform: p})
		}
		known[b.SHA256] = d
		return b
	}
	asked := 0
	details := func(bundles []repo.Bundle) (map[string]*repo.Details, error) {
		asked += len(bundles)
		return known, nil
	}
	got, err := matrix.FromStore(catalog(), map[string]*repo.Index{
		repo.Testing: {Bundles: []repo.Bundle{bundle("1", "2", 1), bundle("2", "3", 4)}},
		repo.Stable:  {Bundles: []repo.Bundle{bundle("1", "2", 1, "el7.x86_64"), bundle("2", "3", 3), bundle("0", "1", 1)}},
	}, details)
	if err != nil || asked != 3 {
		t.Errorf("%v; the details of %d bundles were asked for, 3 may be told", err, asked)
	}
	if len(got) != 2 || got["1-2"].Channel != "stable" || got["1-2"].Certified[0] != "el7.x86_64" || got["2-3"].Channel != "testing" {
		t.Errorf("got %+v", got)
	}
}

// A jump on which data changes its database is marked, in the table and the picture.
func TestDataThatMoves(t *testing.T) {
	t.Parallel()
	cat := catalog()
	m, err := matrix.New(matrix.Input{Catalog: cat})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(m.JumpRows()[0], "DATA MOVES") || strings.Contains(m.SVG(), "data moves") {
		t.Error("no data moves")
	}
	cat.Specs["1-2"].Stores = []manifest.Store{{Name: "storage"}, {Name: "search"}}
	if m, err = matrix.New(matrix.Input{Catalog: cat, Stores: map[string]matrix.Published{}}); err != nil {
		t.Fatal(err)
	}
	var last []string
	for _, row := range m.JumpRows() {
		last = append(last, row[len(row)-1])
	}
	if !slices.Equal(last, []string{"DATA MOVES", "storage, search", "-"}) {
		t.Errorf("got %q", last)
	}
	if svg := m.SVG(); strings.Count(svg, ", data moves") != 1 || !strings.Contains(svg, "demo-2-2-1, data moves") {
		t.Error("the picture does not mark the jump")
	}
}

// The picture is well-formed, names everything, and is the same every time.
func TestSVG(t *testing.T) {
	t.Parallel()
	m, err := matrix.New(matrix.Input{Catalog: catalog()})
	if err != nil {
		t.Fatal(err)
	}
	svg := m.SVG()
	if svg != m.SVG() {
		t.Error("two pictures of one matrix differ")
	}
	for _, want := range []string{"Demo &lt;1&gt;: 16 of 16", "demo-3-3-4", ">10</text>", "prefers-color-scheme:dark", "<desc"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %s", want)
		}
	}
	if n := strings.Count(svg, `<path class="line"`); n != 2 {
		t.Errorf("%d lines for 2 jumps", n)
	}
}
