package release

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/strictyaml"
)

// graphOf tries to add jumps between n releases, r0 to r<n-1>, and returns the catalog and what was refused.
func graphOf(n int, jumps [][2]int) (*Catalog, mistake.List) {
	cat := &Catalog{Jumps: map[string]string{}, Specs: map[string]*Spec{}}
	for i := range n {
		cat.Releases = append(cat.Releases, &Release{Version: fmt.Sprintf("r%d", i), Date: fmt.Sprintf("2020-01-%02d", i+1)})
	}
	r := &reader{cat: cat}
	var doc *strictyaml.Doc
	for i, j := range jumps {
		s := &Spec{From: fmt.Sprintf("r%d", j[0]), To: fmt.Sprintf("r%d", j[1])}
		name := s.From + "-" + s.To
		var into Spec
		doc, _ = strictyaml.Decode(fmt.Sprint(i, name), []byte("from: "+s.From+"\nto: "+s.To+"\n"), &into)
		p := &page{doc: doc, into: &r.mistakes}
		before := len(r.mistakes)
		r.jump(p, s)
		if len(r.mistakes) == before {
			cat.Specs[name] = s
		}
	}
	r.order()
	return cat, r.mistakes
}

// What is accepted is a set of lines: at most one jump from and to each release, no way
// back to where one was; and what is refused would have broken that.
func TestJumpsAreLines(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) // the same graphs every time
	for range 300 {
		n := 2 + random.IntN(6)
		var jumps [][2]int
		for range random.IntN(12) {
			from := random.IntN(n)
			jumps = append(jumps, [2]int{from, (from + 1 + random.IntN(n-1)) % n})
		}
		cat, refused := graphOf(n, jumps)
		if len(cat.Jumps)+len(refused) != len(jumps) {
			t.Fatalf("%v: %d accepted, %d refused", jumps, len(cat.Jumps), len(refused))
		}
		into := map[string]int{}
		for _, to := range cat.Jumps {
			into[to]++
		}
		for to, count := range into {
			if count > 1 {
				t.Errorf("%v: %d jumps lead to %s", jumps, count, to)
			}
		}
		checkOrder(t, cat)
		checkRoutes(t, cat)
	}
}

// checkOrder demands that every release is listed once, and each before the one that a jump leads to.
func checkOrder(t *testing.T, cat *Catalog) {
	t.Helper()
	place := map[string]int{}
	for i, r := range cat.Releases {
		if _, twice := place[r.Version]; twice {
			t.Errorf("%s is listed twice", r.Version)
		}
		place[r.Version] = i
	}
	for from, to := range cat.Jumps {
		if place[from] >= place[to] {
			t.Errorf("%s is listed behind %s", from, to)
		}
	}
	if names := cat.JumpNames(); len(names) != len(cat.Jumps) || !slices.IsSortedFunc(names, func(a, b string) int {
		return place[strings.Split(a, "-")[0]] - place[strings.Split(b, "-")[0]]
	}) {
		t.Errorf("jumps %q", names)
	}
}

// checkRoutes demands that a way is made of jumps that follow one another, and that there is
// one exactly when walking from jump to jump comes there.
func checkRoutes(t *testing.T, cat *Catalog) {
	t.Helper()
	for _, from := range cat.Releases {
		reach := map[string]int{}
		for at, n := from.Version, 0; ; n++ {
			reach[at] = n
			if at = cat.Jumps[at]; at == "" {
				break
			}
		}
		for _, to := range cat.Releases {
			way, err := cat.Route(from.Version, to.Version)
			n, there := reach[to.Version]
			if there != (err == nil) || there && len(way) != n {
				t.Errorf("%s to %s: %q, %v; it is %d jumps away (%v)", from.Version, to.Version, way, err, n, there)
			}
			if err != nil && exit.Code(err) != exit.Usage {
				t.Errorf("%s to %s: exit code %d", from.Version, to.Version, exit.Code(err))
			}
			at := from.Version
			for _, jump := range way {
				start, end, _ := strings.Cut(jump, "-")
				if start != at || cat.Specs[jump] == nil {
					t.Errorf("%s to %s: %q", from.Version, to.Version, way)
				}
				at = end
			}
		}
		way, err := cat.Route(from.Version, "")
		if (err == nil) != (len(reach) > 1) || len(way) != len(reach)-1 {
			t.Errorf("%s onwards: %q, %v", from.Version, way, err)
		}
	}
}

func TestSplitJump(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"4.1.1-4.2.0": "4.1.1 4.2.0", "1-2": "1 2", "1.0~rc1-1.0": "1.0~rc1 1.0", "17.11.20+community-4.3.0": "17.11.20+community 4.3.0",
		"": "", "1.0": "", "1.0-": "", "-1.0": "", "1-2-3": "", "1/0-2": "", "1 -2": "", "../1-2": "", "1-2\n": "",
	} {
		from, to, err := SplitJump(name)
		if got := strings.TrimSpace(from + " " + to); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
		if err != nil && exit.Code(err) != exit.Usage {
			t.Errorf("%q: exit code %d", name, exit.Code(err))
		}
	}
}

func TestAnyTakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		platforms string
		arch      string
		want      bool
	}{
		{"el7.x86_64", "x86_64", true}, {"el7.x86_64", "noarch", true}, {"el7.x86_64", "i686", true}, {"el7.x86_64", "i386", true},
		{"el7.x86_64", "aarch64", false}, {"el7.aarch64", "x86_64", false}, {"el7.aarch64", "i686", false}, {"el7.aarch64 el8.x86_64", "x86_64", true},
		{"", "s390x", true}, {"el7.ppc64le", "ppc64", false},
	} {
		if got := anySupports(strings.Fields(tt.platforms), tt.arch); got != tt.want {
			t.Errorf("%s on %q: %v", tt.arch, tt.platforms, got)
		}
	}
}

// Where a component lies: what it says itself, or its release, or the product.
func TestSourceOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ product, release, component, want string }{
		{"p", "r", "c", "c"}, {"p", "r", "", "r"}, {"p", "", "", "p"}, {"", "", "", ""}, {"", "", "c", "c"},
	} {
		cat := &Catalog{Product: Product{Source: tt.product}}
		if got := cat.SourceOf(&Release{Source: tt.release}, Component{Source: tt.component}); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
	for source, good := range map[string]bool{
		"": true, "dist": true, "../shared": true, "/srv/rpms": true, "https://example.org/": true, "http://example.org": true, "s3://bucket/p": true,
		"yum+https://example.org/": true, "yum+file:///srv": true, "yum+http://x": true,
		"ftp://x": false, "https://": false, "s3://": false, "yum+file://srv": false, "yum+s3://b": false, "yum+dist": false, "a\nb": false, "file:///srv": false,
	} {
		var list mistake.List
		doc, _ := strictyaml.Decode("x", []byte("source: x\n"), &Release{})
		(&page{doc: doc, into: &list}).sourceKind(source, "source")
		if (len(list) == 0) != good {
			t.Errorf("%q: %v", source, list)
		}
	}
}

// A goose file is read as goose reads it, and what goose would do with it that nobody means is a mistake.
func TestGooseFile(t *testing.T) {
	t.Parallel()
	const down = "-- +goose Down\nSELECT 1;\n"
	tests := []struct{ name, text, want string }{
		{"good", "-- +goose Up\nSELECT 1;\n" + down, ""},
		{"comments before", "-- what it does\n\n/* more */\n-- +goose Up\nSELECT 1;\n" + down, ""},
		{"carriage returns", "-- +goose Up\r\nSELECT 1;\r\n-- +goose Down\r\nSELECT 1;\r\n", ""},
		{"empty", "", "1: no -- +goose Up"},
		{"no Down", "-- +goose Up\nSELECT 1;\n", "1: no -- +goose Down"},
		{"Down first", "-- +goose Down\nSELECT 1;\n-- +goose Up\nSELECT 1;\n", "1: -- +goose Down is not expected here"},
		{"Up twice", "-- +goose Up\nSELECT 1;\n-- +goose Up\nSELECT 2;\n" + down, "3: -- +goose Up is not expected here"},
		{"nothing in Up", "-- +goose Up\n-- later\n" + down, "1: no SQL after -- +goose Up"},
		{"SQL before", "SELECT 1;\n-- +goose Up\nSELECT 1;\n" + down, "1: SQL before -- +goose Up"},
		{"no semicolon", "-- +goose Up\nSELECT 1\n" + down, "2: the last statement has no semicolon"},
		{"unknown", "-- +goose Upp\n-- +goose Up\nSELECT 1;\n" + down, `1: unknown annotation "Upp"`},
		{"a literal that goose cuts", "-- +goose Up\nINSERT INTO t VALUES ('a;\nb');\n" + down, "2: goose would cut the statement at this semicolon, which is inside quotes"},
		{"one that it does not", "-- +goose Up\nINSERT INTO t VALUES ('a; b');\n" + down, ""},
		{"a block", "-- +goose Up\n-- +goose StatementBegin\nINSERT INTO t VALUES ('a;\nb');\n-- +goose StatementEnd\n" + down, ""},
		{"a block that stays open", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n" + down, "2: StatementBegin without StatementEnd"},
		{"a block that ends twice", "-- +goose Up\n-- +goose StatementEnd\nSELECT 1;\n" + down, "2: StatementEnd without StatementBegin"},
		{"blocks in one another", "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n" + down, "3: StatementBegin is not expected here"},
		{"concurrently", "-- +goose Up\nCREATE INDEX CONCURRENTLY i ON t (a);\n" + down, "2: CREATE INDEX CONCURRENTLY cannot run in a transaction"},
		{"concurrently, alone", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY i ON t (a);\n" + down, ""},
		{"two of them", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1;\n" + down, "2: 2 statements after -- +goose Up of a NO TRANSACTION file"},
		{"a word in a literal", "-- +goose Up\nINSERT INTO t VALUES ('CREATE INDEX CONCURRENTLY');\n" + down, ""},
		{"vacuum", "-- +goose Up\nVACUUM t;\n" + down, "2: VACUUM cannot run in a transaction"},
	}
	for _, tt := range tests {
		var list mistake.List
		g := gooseFile{file: "m.sql", into: &list}
		g.read(tt.text)
		var got []string
		for _, m := range list {
			got = append(got, fmt.Sprintf("%d: %s", m.Line, m.What))
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, s, tt.want)
		}
	}
}
