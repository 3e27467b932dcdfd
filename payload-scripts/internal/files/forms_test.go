package files

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/settings"
)

// TestDecidedAsAWhole: a file of the host that cannot be merged is refused with the line
// that lets the upgrade go on; with that line the file is as it says, and a warning tells.
func TestDecidedAsAWhole(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`"(conflict .*) = old"`)
	for name, c := range map[string]struct {
		format, base, theirs, mine string
		id                         string
		warns                      bool
		taken                      string // with "new"
	}{
		"two documents":      {"yaml", "a: 1\n", "a: 2\n", "a: 1\n---\nb: 1\n", "config-unparsable", true, "a: 2\n"},
		"comments in JSON":   {"json", `{"a": 1}`, `{"a": 2}`, "{ // ours\n\"a\": 1}", "config-unparsable", true, `{"a": 2}`},
		"an open quote":      {"env", "A=1\n", "A=2\n", "A='1\n", "config-unparsable", true, "A=2\n"},
		"a section twice":    {"ini", "[a]\nx = 1\n", "[a]\nx = 2\n", "[a]\nx = 1\n[a]\ny = 1\n", "config-unparsable", true, "[a]\nx = 2\n"},
		"a key in capitals":  {"ini", "[a]\nx = 1\n", "[a]\nx = 1\nY = 1\n", "[a]\nx = 1\ny = 1\n", "config-form", true, "[a]\nx = 1\nY = 1\n"},
		"a table twice":      {"toml", "a = 1\n", "a = 2\n", "a = 1\n[t]\n[t]\n", "config-unparsable", true, "a = 2\n"},
		"a key twice":        {"properties", "a=1\n", "a=2\n", "a=1\na=3\n", "config-unparsable", true, "a=2\n"},
		"anchor over lines":  {"yaml", "a: 1\n", "a: 1\nb: &x\n  c: 2\n", "a: 7\n", "config-form", true, "a: 1\nb: &x\n  c: 2\n"},
		"lines of a shell's": {"env", "A=1\n", "A=1\nulimit -n 9\n", "A=7\n", "config-conflict", false, "A=7\nulimit -n 9\n"},
	} {
		for side, want := range map[manifest.Side]string{manifest.Old: c.mine, manifest.New: c.taken} {
			t.Run(name+" "+string(side), func(t *testing.T) {
				t.Parallel()
				const target = "/etc/app/own.conf"
				m, ctx := newMachine(t), context.Background()
				m.config(target, c.format, c.base, c.theirs)
				m.write(target, c.mine, 0o640, 3, 4)
				found := m.set().Findings(ctx)
				expect(t, found, c.id)
				said := line.FindStringSubmatch(found[0].Do)
				if said == nil {
					t.Fatalf("no line to write: %q", found[0].Do)
				}
				if said[1] != "conflict "+m.m.To+" "+target {
					t.Errorf("the file is decided by %q", said[1])
				}
				path := filepath.Join(t.TempDir(), "upgrade.conf")
				m.ok(os.WriteFile(path, []byte(said[1]+" = "+string(side)+"\n"), 0o600))
				decided := settings.Read(path)
				s := m.set()
				s.Decided = decided.Decisions(m.m.To)
				found, ids := append(decided.Findings(m.m), s.Findings(ctx)...), ""
				if c.warns {
					ids = "config-not-merged"
				}
				expect(t, found, ids)
				if c.warns && (found[0].Level != finding.Warn || !strings.Contains(found[0].What, target)) {
					t.Errorf("%+v", found[0])
				}
				m.ok(s.Prepare(ctx))
				m.ok(s.SaveState(ctx))
				m.ok(s.SaveState(ctx)) // the second time the product is stopped
				m.ok(s.Converge(ctx, manifest.New))
				if got, err := os.ReadFile(m.at(target)); err != nil || string(got) != want {
					t.Errorf("%q (%v), want %q", got, err, want)
				}
				m.ok(s.Converge(ctx, manifest.Old))
				if got, err := os.ReadFile(m.at(target)); err != nil || string(got) != c.mine {
					t.Errorf("the way back: %q (%v), want %q", got, err, c.mine)
				}
			})
		}
	}
}
