package upgrade

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/upgrade-states.md")

// TestDraw holds the documented line against the one that runs.
func TestDraw(t *testing.T) {
	const page = "../../../docs/upgrade-states.md"
	if *update {
		if err := os.WriteFile(page, []byte(outline().Draw()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != outline().Draw() {
		t.Error("docs/upgrade-states.md does not show the line as it runs; run go test ./payload-scripts/internal/upgrade -update")
	}
}
