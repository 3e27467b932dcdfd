package view

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"onerpm/test/docs"
)

var update = flag.Bool("update", false, "write testdata/*.txt: every screen at each width")

// cet is where the machine of the tests stands.
var cet = time.FixedZone("CET", 3600)

// TestScreens compares every screen with testdata/NAME.txt: at 60, 80 and 120 columns, without colours and with them, and
// where no terminal is. Red begins at {red and ends at }.
func TestScreens(t *testing.T) {
	t.Parallel()
	for name, draw := range screens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all strings.Builder
			for _, width := range []int{60, 80, 120, 0} {
				text := drawn(draw, width, false)
				fits(t, text, width)
				title := fmt.Sprintf("%d columns", width)
				if width == 0 {
					title = "no terminal"
				}
				fmt.Fprintf(&all, "-- %s --\n%s", title, text)
				if width == 0 {
					break
				}
				colours := drawn(draw, width, true)
				if bare := strings.NewReplacer(red, "", plain, "").Replace(colours); bare != text {
					t.Errorf("at %d columns, with colours it is another text:\n%s", width, bare)
				}
				fmt.Fprintf(&all, "-- %s, colours --\n%s", title, strings.NewReplacer(red, "{red ", plain, "}").Replace(colours))
			}
			compare(t, filepath.Join("testdata", name+".txt"), all.String())
		})
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".txt"); screens()[name] == nil {
			t.Errorf("%s is no screen's", file)
		}
	}
}

// TestScreensOfThePage: docs/admin.md shows screens as they are at 80 columns, with the names of the product of versions/. Those of
// the tests are as long, so that lines break where they do there.
func TestScreensOfThePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := docs.Read("docs/admin.md", string(text))
	if err != nil {
		t.Fatal(err)
	}
	product, err := os.ReadFile("../../../versions/product.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?m)^product: (.+)\nprefix: (.+)-upgrade$`).FindSubmatch(product)
	if name == nil {
		t.Fatal("versions/product.yaml does not begin with the product and its prefix")
	}
	named := strings.NewReplacer("Calendar Manager", string(name[1]), "calendar", string(name[2]))
	want := []string{"back", "person-down"}
	for _, b := range page.Blocks {
		if b.How != "TestScreensOfThePage" {
			continue
		}
		if len(want) == 0 {
			t.Fatalf("%s: nobody knows which screen this is", b)
		}
		if got := named.Replace(drawn(screens()[want[0]], 80, false)); got != b.Text {
			t.Errorf("%s: it is no longer so:\n%s", b, got)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("docs/admin.md does not show %v", want)
	}
}

func drawn(draw func(Page), width int, colour bool) string {
	var b strings.Builder
	draw(Page{Out: &b, Width: width, Colour: colour, Zone: cet, Now: now})
	return b.String()
}

// one is a line that cannot be broken: a label, and one word or what stands in quotes.
var one = regexp.MustCompile("^ *(\\S+: +|-> |refuse  |warn    )*\\(?(\\S+|\"[^\"]*\"|`[^`]*`)[).,;:]*$")

// fits fails when a line is wider than the terminal though it could be broken.
func fits(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if width > 0 && columns(line) > width && !one.MatchString(line) {
			t.Errorf("wider than %d columns: %s", width, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("spaces at the end of %q", line)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("it is not as in %s; go test -update writes it:\n%s", file, got)
	}
}
