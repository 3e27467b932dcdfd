package files

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/settings"
)

// TestTheAdminDecidesAConflict takes the line that a conflict's finding says to
// write, writes it to the settings, and wants the conflict solved that way.
func TestTheAdminDecidesAConflict(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile(`"(conflict .*) = old"`)
	for name, c := range map[string]struct {
		target, mine string // mine "" for a file that the admin removed
		id           string
		kept, taken  string // parts of the merged file, "" for none there
	}{
		"by key":  {"/etc/app.json", `{"port": 3, "name": "x"}`, "config-conflict", `"port": 3`, `"port": 2`},
		"by line": {"/usr/lib/systemd/system/app.service", "[Service]\nExecStart=/mine\n", "config-conflict", "/mine", "/b"},
		"removed": {"/etc/sysconfig/app", "", "config-missing", "", "A=2"},
	} {
		for _, side := range []manifest.Side{manifest.Old, manifest.New} {
			t.Run(name+" "+string(side), func(t *testing.T) {
				t.Parallel()
				m, ctx := newMachine(t), context.Background()
				m.ok(os.Remove(m.at(c.target)))
				if c.mine != "" {
					m.write(c.target, c.mine, 0o600, 0, 0)
				}
				do := ""
				for _, f := range m.set().Findings(ctx) {
					if f.ID == c.id {
						do = f.Do
					}
				}
				line := quoted.FindStringSubmatch(do)
				if line == nil {
					t.Fatalf("no finding %s that says what to write: %q", c.id, do)
				}
				path := filepath.Join(t.TempDir(), "upgrade.conf")
				m.ok(os.WriteFile(path, []byte(line[1]+" = "+string(side)+"\n"), 0o600))
				decided := settings.Read(path)
				s := m.set()
				s.Decided = decided.Decisions(m.m.To)
				found := append(decided.Findings(m.m), s.Findings(ctx)...)
				if len(found) != 0 {
					t.Fatalf("%s: %v", line[1], found)
				}
				s.Decided = decided.Decisions("another")
				if expect := s.Findings(ctx); len(expect) != 1 || expect[0].ID != c.id {
					t.Fatalf("a line for this upgrade decides in another one: %v", expect)
				}
				s.Decided = decided.Decisions(m.m.To)
				m.ok(s.Prepare(ctx))
				m.ok(s.SaveState(ctx))
				m.ok(s.SaveState(ctx)) // the second time the product is stopped
				m.ok(s.Converge(ctx, manifest.New))
				want := c.kept
				if side == manifest.New {
					want = c.taken
				}
				got, err := os.ReadFile(m.at(c.target))
				if want == "" && !os.IsNotExist(err) || want != "" && !strings.Contains(string(got), want) {
					t.Errorf("%q (%v), want %q", got, err, want)
				}
			})
		}
	}
}
